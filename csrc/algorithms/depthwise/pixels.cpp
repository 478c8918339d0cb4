// SPDX-License-Identifier: MIT
#include "algorithms/depthwise/pixels.h"

#include <algorithm>
#include <cmath>

#include "algorithms/common/blocking.h"
#include "algorithms/depthwise/pairs.h"
#include "algorithms/loops.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv {
namespace {

// Cycles for a channel of an image, fitted on one thread with AVX-512 from 2x2 to 112x112: turning
// an element and a vector of a tap, here; on planes, what each costs, a vector of a tap, of
// outputs, an output of a strip at a stride, and one of a pair of phases.
constexpr double kTurn = 0.7, kTurnBeyondL1 = 1, kTap = 0.8;
constexpr double kRowsPlane = 70, kRowsTap = 0.8, kRowsVector = 4;
constexpr double kRowsTap2 = 1.1, kRowsColumn2 = 6.3;  // at stride 2, also a column of taps
constexpr double kStripPlane = 250, kStripTap = 1.25, kStripGather = 2.2;
constexpr double kPairsPlane = 200, kPairsOutput = 0.35, kPairsTap = 0.2;

double planar_cycles(const std::vector<Correlation>& phases, double lanes) {
  const Correlation& first = phases.front();
  if (takes_pairs(phases)) {
    double taps = 0;
    for (const Correlation& r : phases) taps += double(r.taps()) * double(r.pixels());
    return kPairsPlane + kPairsOutput * double(first.out_plane()) + kPairsTap * taps;
  }
  double cycles = 0;
  for (const Correlation& r : phases) {
    const double vectors = double(r.h.count) * std::ceil(double(r.w.count) / lanes);
    const double taps = vectors * double(r.taps());
    if (takes_rows(r) && r.w.in_step == 1)
      cycles += kRowsPlane + vectors * kRowsVector + taps * kRowsTap;
    else if (takes_rows(r))
      cycles += kRowsPlane + vectors * (kRowsVector + double(r.w.n_taps()) * kRowsColumn2) +
                taps * kRowsTap2;
    else
      cycles += kStripPlane + taps * kStripTap +
                (r.w.in_step > 1 ? double(r.pixels()) * kStripGather : 0);
  }
  return cycles;
}

double turned_cycles(const std::vector<Correlation>& phases, double lanes, index_t item) {
  const Correlation& r = phases.front();
  double taps = 0;
  for (const Correlation& phase : phases) taps += double(phase.taps()) * double(phase.pixels());
  const double idle = std::ceil(double(r.groups) / lanes) * lanes / double(r.groups);
  const double elements = double(r.in_plane() + r.out_plane());
  const bool fits = elements * lanes * double(item) <= double(cache_sizes().l1);
  return idle * (elements * (fits ? kTurn : kTurnBeyondL1) + taps * kTap / lanes);
}

// Outputs wait until all phases are done.
index_t out_rows(const DepthwisePixels& l) {
  const Correlation& r = l.phases.front().r;
  return std::min(r.h.out, l.frame.rows() * r.h.out_step);
}

struct Sizes {
  index_t weights, bias, frame, y;  // bytes per thread
  index_t all() const { return weights + bias + frame + y; }
};

template <class T>
Sizes sizes_for(const DepthwisePixels& l) {
  const index_t vector = l.lanes * index_t{sizeof(T)};
  return {cache_lines(l.kernel * vector), cache_lines(vector), cache_lines(l.frame.bytes()),
          cache_lines(out_rows(l) * l.phases.front().r.w.out * vector)};
}

// Images one after another, for the same channels as long as possible.
template <class T>
class Task {
 public:
  Task(const Job<T>& job, const DepthwisePixels& layout, const Exec& exec,
       std::byte* memory) noexcept
      : job_(job), r_(job.r), l_(layout), exec_(exec) {
    const Sizes sizes = sizes_for<T>(layout);
    weights_ = reinterpret_cast<T*>(memory);
    bias_ = reinterpret_cast<T*>(memory + sizes.weights);
    frame_ = reinterpret_cast<T*>(memory + sizes.weights + sizes.bias);
    y_ = reinterpret_cast<T*>(memory + sizes.weights + sizes.bias + sizes.frame);
    // Lanes beyond the last channel are computed, too.
    std::fill_n(weights_, sizes.all() / index_t{sizeof(T)}, T{0});
  }

  void set_channels(index_t first) noexcept {
    g_ = first, channels_ = std::min(l_.lanes, r_.groups - first);
    planes_to_pixels(job_.raw_weights + g_ * l_.kernel, l_.kernel, channels_, l_.kernel, exec_,
                     weights_);
    if (job_.bias) std::copy_n(job_.bias + g_, channels_, bias_);
  }

  void run(index_t image) noexcept {
    n_ = image;
    for (index_t i = 0; i < l_.frame.blocks(); ++i) run_block(i * l_.frame.rows());
  }

 private:
  void run_block(index_t row) noexcept {
    const index_t first = row * r_.h.out_step;
    const index_t rows = std::min(l_.frame.rows() * r_.h.out_step, r_.h.out - first);
    const index_t pixels = rows * r_.w.out, at = job_.plane(n_, g_, 0) + first * r_.w.out;
    if (job_.residual)
      planes_to_pixels(job_.residual + at, r_.out_plane(), channels_, pixels, exec_, y_);
    else if (!l_.complete)
      for (index_t p = 0; p < pixels; ++p) std::copy_n(bias_, l_.lanes, y_ + p * l_.lanes);
    l_.frame.fill(job_.image(n_, g_), channels_, row, exec_, frame_);
    for (const auto& phase : l_.phases) add(phase, row);
    if (job_.activation != Activation::none)
      exec_.kernels<T>().elementwise.activate(job_.activation, y_, y_, pixels * l_.lanes,
                                              job_.slope);
    pixels_to_planes(y_, pixels, channels_, job_.y + at, r_.out_plane(), exec_);
  }

  void add(const DepthwisePixels::Phase& phase, index_t row) noexcept {
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
  const DepthwisePixels& l_;
  const Exec& exec_;
  index_t n_ = 0, g_ = 0, channels_ = 0;
  T *weights_, *bias_, *frame_, *y_;
};

}  // namespace

template <class T>
bool takes_pixels(const std::vector<Correlation>& phases, const Exec& exec) {
  if (phases.empty()) return false;
  const Correlation& r = phases.front();
  if (!is_depthwise(r) || r.m != 1 || r.mode != PadMode::zeros) return false;
  const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
  if (!PixelFrame(phases, lanes, sizeof(T), r.h.out).fits()) return false;
  return turned_cycles(phases, double(lanes), sizeof(T)) < planar_cycles(phases, double(lanes));
}

template <class T>
DepthwisePixels pixels_layout(std::vector<Correlation> phases, bool complete, const Exec& exec) {
  const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
  DepthwisePixels layout{{},
                         PixelFrame(phases, lanes, sizeof(T), phases.front().h.out),
                         phases.front().w_group,
                         lanes,
                         complete};
  for (Correlation& r : phases) {
    DepthwisePixels::Phase phase{std::move(r), {}, {}};
    layout.frame.list_taps(phase.r, phase.x_at, phase.w_at);
    layout.phases.push_back(std::move(phase));
  }
  return layout;
}

template <class T>
index_t pixels_scratch(const DepthwisePixels& layout, const Exec& exec) {
  return exec.threads * sizes_for<T>(layout).all();
}

template <class T>
void depthwise_pixels(const Job<T>& job, const DepthwisePixels& layout, const Exec& exec,
                      std::byte* scratch) noexcept {
  const Correlation& r = job.r;
  const index_t blocks = ceil_div(r.groups, layout.lanes), all = r.batch * blocks;
  const index_t tasks = std::min<index_t>(all, 8 * exec.threads);
  // An element costs about a cycle, in which a thread computes some 20 FMAs.
  const double work =
      20 * double(r.batch) * double(r.groups) * double(r.in_plane() + r.out_plane());
  const index_t each = sizes_for<T>(layout).all();
  parallel_for(tasks, useful_threads(tasks, work, exec.threads), [&](index_t task, int thread) {
    Task<T> images(job, layout, exec, scratch + thread * each);
    const Range some = part(all, tasks, task);
    for (index_t i = some.begin; i < some.end; ++i) {
      if (i == some.begin || i % r.batch == 0) images.set_channels(i / r.batch * layout.lanes);
      images.run(i % r.batch);
    }
  });
}

#define FC_INSTANTIATE(T)                                                                 \
  template bool takes_pixels<T>(const std::vector<Correlation>&, const Exec&);            \
  template DepthwisePixels pixels_layout<T>(std::vector<Correlation>, bool, const Exec&); \
  template index_t pixels_scratch<T>(const DepthwisePixels&, const Exec&);                \
  template void depthwise_pixels(const Job<T>&, const DepthwisePixels&, const Exec&,      \
                                 std::byte*) noexcept
FC_INSTANTIATE(float);
FC_INSTANTIATE(double);
#undef FC_INSTANTIATE

}  // namespace fastconv
