// SPDX-License-Identifier: MIT
// Weight gradients of depthwise layers with lanes along the channels: sums need no lane of another
// column, so short rows cost nothing and none ends in a horizontal sum.
#include <algorithm>
#include <cmath>

#include "algorithms/common/blocking.h"
#include "algorithms/weight_grad/weight_grad.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv {
namespace {

// Cycles for a channel of an image, fitted on one thread with AVX-512: turning an element and a
// vector of a tap, here; by dot products an image, a vector of a tap, and a sum over lanes.
constexpr double kTurn = 0.6, kTap = 0.8, kDots = 250, kDotsTap = 2.5, kDotsSum = 60;
constexpr index_t kMostTerms = 1024;  // of a sum in T, as weight_grad_dots has it for a lane

struct Sizes {
  index_t sums, frame, dy;  // bytes per thread
  index_t all() const { return sums + frame + dy; }
};

template <class T>
Sizes sizes_for(const PixelsGrad& l) {
  const index_t vector = l.lanes * index_t{sizeof(T)};
  return {cache_lines(l.kernel * l.lanes * index_t{sizeof(double)}), cache_lines(l.frame.bytes()),
          cache_lines(l.frame.rows() * l.columns * vector)};
}

// The channels from g on, in all images.
template <class T>
void run_channels(const WeightGrad<T>& job, const PixelsGrad& l, const Exec& exec,
                  std::byte* memory, index_t g) noexcept {
  const Correlation& r = job.r;
  const Sizes sizes = sizes_for<T>(l);
  auto* sums = reinterpret_cast<double*>(memory);
  T* frame = reinterpret_cast<T*>(memory + sizes.sums);
  T* dy = reinterpret_cast<T*>(memory + sizes.sums + sizes.frame);
  const index_t channels = std::min(l.lanes, r.groups - g);
  std::fill_n(memory, sizes.all(), std::byte{0});  // lanes beyond the last channel, too
  for (index_t n = 0; n < r.batch; ++n)
    for (index_t row = 0; row < r.h.count; row += l.frame.rows()) {
      const index_t rows = std::min(l.frame.rows(), r.h.count - row), plane = n * r.groups + g;
      l.frame.fill(job.x + plane * r.in_plane(), channels, row, exec, frame);
      planes_to_pixels(job.dy + plane * r.pixels() + row * r.w.count, r.pixels(), channels,
                       rows * r.w.count, exec, dy);
      exec.kernels<T>().conv.depthwise.run_pixels_grad({.taps = r.taps(),
                                                        .w = nullptr,
                                                        .w_at = l.w_at.data(),
                                                        .x = frame,
                                                        .x_at = l.x_at.data(),
                                                        .rows = rows,
                                                        .columns = r.w.count,
                                                        .x_row = l.frame.row_step(),
                                                        .x_step = l.frame.column_step(),
                                                        .y = dy,
                                                        .y_row = r.w.count * l.lanes,
                                                        .y_step = l.lanes},
                                                       sums);
    }
  for (index_t c = 0; c < channels; ++c)
    for (index_t t = 0; t < l.kernel; ++t)
      job.dw[(g + c) * l.kernel + t] = static_cast<T>(sums[t * l.lanes + c]);
}

}  // namespace

template <class T>
std::optional<PixelsGrad> pixels_grad(const Correlation& r, const Exec& exec) {
  if (r.c != 1 || r.m != 1 || r.mode != PadMode::zeros || r.batch == 0) return {};
  const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
  PixelsGrad l{PixelFrame({r}, lanes, sizeof(T), kMostTerms / r.w.count),
               {},
               {},
               r.taps(),
               lanes,
               r.w.count};
  if (!l.frame.fits() || r.w.count > kMostTerms) return {};
  const double wide = double(lanes), taps = double(r.taps());
  const double idle = double(ceil_div(r.groups, lanes) * lanes) / double(r.groups);
  const double turned =
      idle * (double(r.in_plane() + r.pixels()) * kTurn + taps * double(r.pixels()) * kTap / wide);
  const double vectors = double(r.h.count) * std::ceil(double(r.w.count) / wide);
  if (turned >= kDots + taps * (vectors * kDotsTap + kDotsSum / double(r.batch))) return {};
  l.frame.list_taps(r, l.x_at, l.w_at);
  return l;
}

template <class T>
index_t pixels_grad_scratch(const PixelsGrad& layout, const Exec& exec) {
  return exec.threads * sizes_for<T>(layout).all();
}

template <class T>
void pixels_grad(const WeightGrad<T>& job, const PixelsGrad& layout, const Exec& exec,
                 std::byte* scratch) noexcept {
  const Correlation& r = job.r;
  const index_t tasks = ceil_div(r.groups, layout.lanes), each = sizes_for<T>(layout).all();
  const double work = 20 * double(r.batch) * double(r.groups) * double(r.in_plane() + r.pixels());
  parallel_for(tasks, useful_threads(tasks, work, exec.threads), [&](index_t task, int thread) {
    run_channels(job, layout, exec, scratch + thread * each, task * layout.lanes);
  });
}

#define FC_INSTANTIATE(T)                                                             \
  template std::optional<PixelsGrad> pixels_grad<T>(const Correlation&, const Exec&); \
  template index_t pixels_grad_scratch<T>(const PixelsGrad&, const Exec&);            \
  template void pixels_grad(const WeightGrad<T>&, const PixelsGrad&, const Exec&,     \
                            std::byte*) noexcept
FC_INSTANTIATE(float);
FC_INSTANTIATE(double);
#undef FC_INSTANTIATE

}  // namespace fastconv
