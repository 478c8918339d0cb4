// SPDX-License-Identifier: MIT
// The transformation of weights, a panel at a time.
#include "algorithms/winograd/weights.h"

#include <algorithm>

namespace fastconv::winograd {

// kRun input channels at a time are gathered, with output channels as lanes, and transformed, and
// then each place of them is copied to its plane as a run of whole cache lines. Planes lie a power
// of two apart, so that those of a single channel would push one another out of L1.
template <class T>
void transform_weights(const Correlation& r, const TileGrid& grid, index_t mr, const T* weights,
                       index_t g, index_t row, T* panel, index_t plane, const Exec& exec) noexcept {
  constexpr index_t kRun = 16, kMostTaps = 25, kMostRows = 16, kMostTap = 5;
  constexpr int kMostPlaces = kMostAlpha * kMostAlpha;
  static_assert(kMaxMr <= kMostRows);
  const ConvKernels<T>& kernels = exec.kernels<T>().conv;
  const index_t rows = std::min(mr, r.m - row), places = grid.alphas(), taps = r.taps();
  const index_t lanes = kernels.gemm.lanes, vectors = ceil_div(rows, lanes);
  const index_t w_taps = taps / grid.h.scheme().r, w_alpha = grid.w.scheme().alpha;
  // The last vector of a channel's rows reaches into the rows of the next channel, which is written
  // after it, or into the free elements at the end of the plane.
  const index_t done_plane = kRun * rows + kMostRows;
  T lead[kMostRows + kRun * kMostTaps * kMostRows] = {}, half[kMostTap * kMostAlpha * kMostRows];
  T done[kMostPlaces * (kRun + 1) * kMostRows];
  T* const gathered = lead + kMostRows;
  for (index_t c0 = 0; c0 < r.c; c0 += kRun) {
    const index_t n = std::min(kRun, r.c - c0);
    // Whole vectors of rows are gathered, though some of their rows belong to the next panel.
    // Vectors that would reach beyond the last output channel begin early: their first lanes fall
    // into the last lanes of the tap before, which nobody reads. (To copy the rows of such a vector
    // one by one took a third of the time at 32 output channels.)
    for (index_t i = 0; i < rows; i += lanes) {
      const index_t early = std::clamp(row + i + lanes - r.m, index_t{0}, row + i);
      kernels.channel_lanes.pack(
          {.w = weights + g * r.w_group + (row + i - early) * r.w_m + c0 * r.w_c,
           .end = weights + r.groups * r.w_group,
           .row_step = r.w_m,
           .rows = std::min(lanes, r.m - row - i + early),
           .channel_step = r.w_c,
           .channels = n,
           .slots = grid.slots.data(),
           .taps = static_cast<index_t>(grid.slots.size()),
           .dst = gathered + i - early,
           .slot_step = kMostRows,
           .ld = taps * kMostRows,
           .keep = lanes});
    }
    for (index_t c = 0; c < n; ++c) {
      kernels.winograd.weights[grid.w.index()]({.src = gathered + c * taps * kMostRows,
                                                .src_term = kMostRows,
                                                .src_line = w_taps * kMostRows,
                                                .dst = half,
                                                .dst_term = kMostRows,
                                                .dst_line = w_alpha * kMostRows,
                                                .lines = taps / w_taps,
                                                .vectors = vectors});
      kernels.winograd.weights[grid.h.index()]({.src = half,
                                                .src_term = w_alpha * kMostRows,
                                                .src_line = kMostRows,
                                                .dst = done + c * rows,
                                                .dst_term = w_alpha * done_plane,
                                                .dst_line = done_plane,
                                                .lines = w_alpha,
                                                .vectors = vectors});
    }
    for (index_t xi = 0; xi < places; ++xi)
      std::copy_n(done + xi * done_plane, n * rows, panel + xi * plane + c0 * rows);
  }
}

template void transform_weights(const Correlation&, const TileGrid&, index_t, const float*, index_t,
                                index_t, float*, index_t, const Exec&) noexcept;
template void transform_weights(const Correlation&, const TileGrid&, index_t, const double*,
                                index_t, index_t, double*, index_t, const Exec&) noexcept;

}  // namespace fastconv::winograd
