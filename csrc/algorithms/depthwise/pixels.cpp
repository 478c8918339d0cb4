// SPDX-License-Identifier: MIT
// Depthwise layers on small planes, and at strides, with neighbouring channels as lanes. Planes are
// transposed to vectors of channels and back. That costs half a cycle for each element, and saves
// what short rows and strides cost a kernel whose lanes are columns.
#include <algorithm>
#include <cmath>

#include "algorithms/common/blocking.h"
#include "algorithms/correlation/algorithm.h"
#include "algorithms/depthwise/depthwise.h"
#include "algorithms/depthwise/frame.h"
#include "core/cache.h"
#include "core/memory.h"
#include "core/parallel.h"
#include "core/platform.h"

namespace fastconv::depthwise {
namespace {

struct Layout {
  struct Phase {
    Correlation r;
    std::vector<index_t> x_at, w_at;  // where each tap reads in the frame; where its weights lie
  };
  std::vector<Phase> phases;
  PixelFrame frame;
  index_t kernel;  // how many weights a channel has
  index_t lanes;
  bool complete;  // whether the phases write every output
};

// The rows of outputs in a block, at most: the outputs of all phases together, which wait until all
// phases are computed.
index_t out_rows(const Layout& l) {
  const Correlation& r = l.phases.front().r;
  return std::min(r.h.out, l.frame.rows() * r.h.out_step);
}

// The scratch memory of one thread, in bytes: weights, bias and outputs are vectors of channels.
struct Sizes {
  index_t weights, bias, frame, y;
  index_t all() const { return weights + bias + frame + y; }
};

template <class T>
Sizes sizes_for(const Layout& l) {
  const index_t vector = l.lanes * index_t{sizeof(T)};
  return {cache_lines(l.kernel * vector), cache_lines(vector), cache_lines(l.frame.bytes()),
          cache_lines(out_rows(l) * l.phases.front().r.w.out * vector)};
}

// Computes images one after another. It transposes weights only when other channels are set.
template <class T>
class Task {
 public:
  Task(const Job<T>& job, const Layout& layout, const Exec& exec, std::byte* memory) noexcept
      : job_(job), r_(job.r), l_(layout), exec_(exec) {
    const Sizes sizes = sizes_for<T>(layout);
    weights_ = reinterpret_cast<T*>(memory);
    bias_ = reinterpret_cast<T*>(memory + sizes.weights);
    frame_ = reinterpret_cast<T*>(memory + sizes.weights + sizes.bias);
    y_ = reinterpret_cast<T*>(memory + sizes.weights + sizes.bias + sizes.frame);
    // Lanes beyond the last channel are computed, too, so that they need some values.
    std::fill_n(weights_, sizes.all() / index_t{sizeof(T)}, T{0});
  }

  void set_channels(index_t first) noexcept {
    g_ = first, channels_ = std::min(l_.lanes, r_.groups - first);
    planes_to_pixels(job_.weights + g_ * l_.kernel, l_.kernel, channels_, l_.kernel, exec_,
                     weights_);
    if (job_.bias) std::copy_n(job_.bias + g_, channels_, bias_);
  }

  void run(index_t image) noexcept {
    n_ = image;
    for (index_t i = 0; i < l_.frame.blocks(); ++i) run_block(i * l_.frame.rows());
  }

 private:
  // Computes the block whose phases begin with their row `row`.
  void run_block(index_t row) noexcept {
    const index_t first = row * r_.h.out_step;
    const index_t rows = std::min(l_.frame.rows() * r_.h.out_step, r_.h.out - first);
    const index_t pixels = rows * r_.w.out, start = first * r_.w.out;
    if (const T* residual = job_.residual_of(n_, g_, 0))
      planes_to_pixels(residual + start, r_.out_plane(), channels_, pixels, exec_, y_);
    else if (!l_.complete)
      for (index_t p = 0; p < pixels; ++p) std::copy_n(bias_, l_.lanes, y_ + p * l_.lanes);
    l_.frame.fill(job_.image(n_, g_), channels_, row, exec_, frame_);
    for (const auto& phase : l_.phases) add(phase, row);
    // Slopes that differ by channel wait for planes, which are in L1 or L2 then.
    const bool by_channel = job_.slopes != nullptr;
    if (job_.activation != Activation::none && !by_channel)
      exec_.kernels<T>().elementwise.activate(job_.activation, y_, y_, pixels * l_.lanes,
                                              job_.slope);
    T* y = job_.y + job_.plane(n_, g_, 0) + start;
    pixels_to_planes(y_, pixels, channels_, y, r_.out_plane(), exec_);
    if (by_channel) activate_rows(job_, exec_, g_, y, r_.out_plane(), channels_, pixels);
  }

  void add(const Layout::Phase& phase, index_t row) noexcept {
    const Correlation& r = phase.r;
    exec_.kernels<T>().conv.depthwise.run_pixels(
        {.taps = r.taps(),
         .w = weights_,
         .w_at = phase.w_at.data(),
         .x = frame_,
         .x_at = phase.x_at.data(),
         .rows = std::min(l_.frame.rows(), r.h.count - row),
         .columns = r.w.count,
         .x_row = l_.frame.row_step(),
         .x_step = l_.frame.column_step(),
         .y = y_ + (r.h.out_start * r.w.out + r.w.out_start) * l_.lanes,
         .y_row = r.h.out_step * r.w.out * l_.lanes,
         .y_step = r.w.out_step * l_.lanes,
         .bias = bias_,
         .overwrite = !job_.residual});
  }

  const Job<T>& job_;
  const Correlation& r_;
  const Layout& l_;
  const Exec& exec_;
  index_t n_ = 0, g_ = 0, channels_ = 0;
  T *weights_, *bias_, *frame_, *y_;
};

template <class T>
Layout layout_for(const std::vector<Correlation>& phases, bool complete, const Exec& exec) {
  const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
  Layout layout{{},
                PixelFrame(phases, lanes, sizeof(T), phases.front().h.out),
                phases.front().w_group,
                lanes,
                complete};
  for (const Correlation& r : phases) {
    Layout::Phase phase{r, {}, {}};
    layout.frame.list_taps(phase.r, phase.x_at, phase.w_at);
    layout.phases.push_back(std::move(phase));
  }
  return layout;
}

template <class T>
class PreparedPixels final : public Prepared<T> {
 public:
  PreparedPixels(const Problem& problem, const Exec& exec)
      : layout_(layout_for<T>(problem.phases, problem.complete, exec)) {
    this->scratch_bytes_ = exec.threads * sizes_for<T>(layout_).all();
    this->needs_weights_ = true;
  }

  // Nothing is packed: each task transposes the weights that it uses.
  void pack(const T*, T*, const Exec&) const noexcept override {}
  PackingKey packing() const override { return {}; }

  void run(const ConvArgs<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const Job<T> job{args, layout_.phases.front().r};
    const Correlation& r = job.r;
    const index_t blocks = ceil_div(r.groups, layout_.lanes), all = r.batch * blocks;
    const index_t tasks = std::min<index_t>(all, 8 * exec.threads);
    // An element costs about a cycle, in which a thread could compute some 20 FMAs.
    const double work =
        20 * double(r.batch) * double(r.groups) * double(r.in_plane() + r.out_plane());
    const index_t each = sizes_for<T>(layout_).all();
    parallel_for(tasks, useful_threads(tasks, work, exec.threads), [&](index_t task, int thread) {
      Task<T> images(job, layout_, exec, scratch + thread * each);
      const Range some = part(all, tasks, task);
      for (index_t i = some.begin; i < some.end; ++i) {
        if (i == some.begin || i % r.batch == 0) images.set_channels(i / r.batch * layout_.lanes);
        images.run(i % r.batch);
      }
    });
  }

  std::string family() const override { return kFamily; }

 private:
  Layout layout_;
};

template <class T>
class Pixels final : public Algorithm<T> {
 public:
  Pixels() : Algorithm<T>("depthwise_pixels", kFamily) {}

  Offer offer(const Problem& problem, const Exec& exec) const override {
    if (problem.phases.empty()) return refusal("no tap reaches any output");
    const Correlation& r = problem.phases.front();
    if (!is_depthwise(r)) return refusal("it takes one input channel per group");
    if (r.m != 1 || r.mode != PadMode::zeros)
      return refusal("it takes one output channel per group and zero padding");
    const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
    const PixelFrame frame(problem.phases, lanes, sizeof(T), r.h.out);
    if (!frame.fits()) return refusal("a row of its frame does not fit half of L2");
    return {.cycles = cycles(problem.phases, frame, double(lanes))};
  }

  std::unique_ptr<const Prepared<T>> prepare(const Problem& problem,
                                             const Exec& exec) const override {
    return std::make_unique<const PreparedPixels<T>>(problem, exec);
  }

 private:
  // For a channel: transposing an element, there and back, from memory if not from L3, and a vector
  // of a tap. Where a core begins one FMA in a cycle a tap takes nearly twice as long as where it
  // begins two. Fitted on one thread with AVX-512, from 2x2 to 112x112 (18 layers, within 15 %),
  // and with AVX2 on 31 to 75 taps of a row.
  static double cycles(const std::vector<Correlation>& phases, const PixelFrame& frame,
                       double lanes) {
    constexpr double kElement = 0.65, kElementBeyondL3 = 0.95, kTap = 0.15, kFma = 1.2;
    const double tap =
        kTap + kFma / fmas_per_cycle(static_cast<index_t>(lanes) * index_t{sizeof(T)});
    const Correlation& r = phases.front();
    double taps = 0;
    for (const Correlation& phase : phases) taps += double(phase.taps()) * double(phase.pixels());
    const double channels = double(r.batch) * std::ceil(double(r.groups) / lanes) * lanes;
    const double elements = double(frame.transposed() + r.out_plane());
    const bool near = channels * elements * double(sizeof(T)) <= shared_l3() / 2;
    return channels * (elements * (near ? kElement : kElementBeyondL3) + taps * tap / lanes);
  }
};

}  // namespace

template <class T>
const Algorithm<T>& pixels() {
  static const Pixels<T> entry;
  return entry;
}
template const Algorithm<float>& pixels();
template const Algorithm<double>& pixels();

}  // namespace fastconv::depthwise
