// SPDX-License-Identifier: MIT
// Weight gradients of depthwise layers with channels as lanes. The lanes of a sum belong to
// different channels, so that short rows leave no lane empty and no horizontal sum is needed at the
// end.
#include <algorithm>
#include <cmath>

#include "algorithms/common/blocking.h"
#include "algorithms/depthwise/frame.h"
#include "algorithms/weight_grad/algorithm.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv::weight_grad {
namespace {

// The most terms that a sum adds in T, as in dots.cpp.
constexpr index_t kMostTerms = 1024;

struct Layout {
  depthwise::PixelFrame frame;
  std::vector<index_t> x_at, w_at;  // where each tap reads in the frame, and where its sums lie
  index_t kernel;                   // how many taps a channel has
  index_t lanes;
  index_t columns;         // of dy
  index_t vectors, tasks;  // of channels
  Range vectors_of(index_t task) const { return part(vectors, tasks, task); }
};

// Neighbouring vectors of channels share cache lines, so that a task takes some, rows by rows.
index_t tasks_for(index_t vectors, index_t threads) {
  return std::min(vectors, vectors >= 8 * threads ? 4 * threads : threads);
}

// The scratch memory of one thread, in bytes: sums in double of each vector of channels, the frame,
// and a block of dy.
struct Sizes {
  index_t sums, frame, dy;
  index_t all() const { return sums + frame + dy; }
};

template <class T>
Sizes sizes_for(const Layout& l) {
  const index_t vector = l.lanes * index_t{sizeof(T)};
  const index_t sums = ceil_div(l.vectors, l.tasks) * l.kernel * l.lanes;
  return {cache_lines(sums * index_t{sizeof(double)}), cache_lines(l.frame.bytes()),
          cache_lines(l.frame.rows() * l.columns * vector)};
}

// Copies some channels of rows of dy, which is pixels, to vectors.
template <class T>
void copy_channels(const Job<T>& job, index_t n, index_t g, index_t channels, index_t row,
                   index_t rows, index_t lanes, T* to) noexcept {
  const T* from = job.dy + n * job.dy_image + row * job.dy_row + g;
  for (index_t i = 0; i < rows; ++i, from += job.dy_row)
    for (index_t j = 0; j < job.r.w.count; ++j, to += lanes)
      std::copy_n(from + j * job.dy_pixel, channels, to);
}

// Adds to the sums of a vector of channels, from g on, what some rows of an image give.
template <class T>
void add_rows(const Job<T>& job, const Layout& l, const Exec& exec, index_t g, index_t n,
              index_t row, T* frame, T* dy, double* sums) noexcept {
  const Correlation& r = job.r;
  const index_t channels = std::min(l.lanes, r.groups - g);
  const index_t rows = std::min(l.frame.rows(), r.h.count - row), plane = n * r.groups + g;
  if (job.x_pixel != 0)
    l.frame.fill_pixels(job.x + n * job.x_image + g, job.x_row, job.x_pixel, channels, row, frame);
  else
    l.frame.fill(job.x + plane * r.in_plane(), channels, row, exec, frame);
  // Whole vectors of channels are read where they lie.
  const bool in_place = job.dy_pixel != 0 && channels == l.lanes;
  if (job.dy_pixel == 0)
    depthwise::planes_to_pixels(job.dy + plane * r.pixels() + row * r.w.count, r.pixels(), channels,
                                rows * r.w.count, exec, dy);
  else if (!in_place)
    copy_channels(job, n, g, channels, row, rows, l.lanes, dy);
  const T* lying = job.dy + n * job.dy_image + row * job.dy_row + g;
  exec.kernels<T>().conv.depthwise.run_pixels_grad(
      {.taps = r.taps(),
       .w = nullptr,
       .w_at = l.w_at.data(),
       .x = frame,
       .x_at = l.x_at.data(),
       .rows = rows,
       .columns = r.w.count,
       .x_row = l.frame.row_step(),
       .x_step = l.frame.column_step(),
       .y = in_place ? const_cast<T*>(lying) : dy,
       .y_row = in_place ? job.dy_row : r.w.count * l.lanes,
       .y_step = in_place ? job.dy_pixel : l.lanes},
      sums);
}

// Computes the gradients of some vectors of channels over all images.
template <class T>
void run_channels(const Job<T>& job, const Layout& l, const Exec& exec, std::byte* memory,
                  Range vectors) noexcept {
  const Correlation& r = job.r;
  const Sizes sizes = sizes_for<T>(l);
  auto* sums = reinterpret_cast<double*>(memory);
  T* frame = reinterpret_cast<T*>(memory + sizes.sums);
  T* dy = reinterpret_cast<T*>(memory + sizes.sums + sizes.frame);
  const index_t each = l.kernel * l.lanes;
  std::fill_n(memory, sizes.all(), std::byte{0});  // also for lanes beyond the last channel
  for (index_t n = 0; n < r.batch; ++n)
    for (index_t row = 0; row < r.h.count; row += l.frame.rows())
      for (index_t v = vectors.begin; v < vectors.end; ++v)
        add_rows(job, l, exec, v * l.lanes, n, row, frame, dy, sums + (v - vectors.begin) * each);
  for (index_t v = vectors.begin; v < vectors.end; ++v, sums += each)
    for (index_t c = v * l.lanes; c < std::min((v + 1) * l.lanes, r.groups); ++c)
      for (index_t t = 0; t < l.kernel; ++t)
        job.dw[c * l.kernel + t] = static_cast<T>(sums[t * l.lanes + c % l.lanes]);
}

depthwise::PixelFrame frame_for(const Correlation& r, index_t lanes, index_t item) {
  return {{r}, lanes, item, kMostTerms / r.w.count};
}

template <class T>
Layout layout_for(const Correlation& r, const Exec& exec) {
  const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
  const index_t vectors = ceil_div(r.groups, lanes);
  Layout l{.frame = frame_for(r, lanes, sizeof(T)),
           .x_at = {},
           .w_at = {},
           .kernel = r.taps(),
           .lanes = lanes,
           .columns = r.w.count,
           .vectors = vectors,
           .tasks = tasks_for(vectors, exec.threads)};
  l.frame.list_taps(r, l.x_at, l.w_at);
  // The sums of the taps that r has follow one another.
  for (std::size_t t = 0; t < l.w_at.size(); ++t) l.w_at[t] = static_cast<index_t>(t) * lanes;
  return l;
}

template <class T>
class PreparedPixels final : public Prepared<T> {
 public:
  PreparedPixels(const Correlation& r, const Exec& exec)
      : Prepared<T>(r), layout_(layout_for<T>(r, exec)) {
    this->scratch_bytes_ = exec.threads * sizes_for<T>(layout_).all();
  }

  void run(const Args<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const Job<T> job{args, this->r_};
    const Correlation& r = job.r;
    const index_t tasks = layout_.tasks, each = sizes_for<T>(layout_).all();
    const double work = 20 * double(r.batch) * double(r.groups) * double(r.in_plane() + r.pixels());
    parallel_for(tasks, useful_threads(tasks, work, exec.threads), [&](index_t task, int thread) {
      run_channels(job, layout_, exec, scratch + thread * each, layout_.vectors_of(task));
    });
  }

 private:
  Layout layout_;
};

template <class T>
class Pixels final : public Algorithm<T> {
 public:
  Pixels() : Algorithm<T>("depthwise_pixels") {}

  Layouts layouts(const Layouts& given) const override { return given; }
  Offer offer(const Correlation& r, const Request& request, const Exec& exec) const override {
    if (r.c != 1 || r.m != 1 || r.mode != PadMode::zeros)
      return refusal("it takes one channel per group, in and out, and zero padding");
    if (r.w.count > kMostTerms) return refusal("it takes rows of up to 1,024 outputs");
    const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
    const depthwise::PixelFrame frame = frame_for(r, lanes, sizeof(T));
    if (!frame.fits()) return refusal("a row of its frame does not fit half of L2");
    // The cycles that a channel of an image takes for each element that is transposed, or copied,
    // and a vector of channels for each tap of each output. They were fitted on one thread with
    // AVX-512.
    constexpr double kElement = 0.6, kTap = 0.8, kCopied = 0.1;
    const double x = request.layouts.x_pixels ? kCopied : kElement;
    const double dy = request.layouts.y_pixels ? 0 : kElement;
    const double channels = double(ceil_div(r.groups, lanes) * lanes);
    const double taps = double(r.taps()) * double(r.pixels()) * kTap / double(lanes);
    return {.cycles = double(r.batch) * channels *
                      (double(frame.transposed()) * x + double(r.pixels()) * dy + taps)};
  }

  std::unique_ptr<const Prepared<T>> prepare(const Correlation& r,
                                             const Exec& exec) const override {
    return std::make_unique<const PreparedPixels<T>>(r, exec);
  }
};

}  // namespace

template <class T>
const Algorithm<T>& depthwise_pixels() {
  static const Pixels<T> entry;
  return entry;
}
template const Algorithm<float>& depthwise_pixels();
template const Algorithm<double>& depthwise_pixels();

}  // namespace fastconv::weight_grad
