// SPDX-License-Identifier: MIT
#include "algorithms/winograd.h"

#include <algorithm>

namespace fastconv {

index_t winograd_packed_size(const Correlation& r, WinogradForm form) {
  return r.groups * r.m * r.c * form.alphas();
}

template <class T>
void winograd_pack(const Correlation& r, const TileGrid& grid, index_t mr, const T* weights,
                   index_t g, index_t row, T* panel, const Exec& exec) noexcept {
  // A few channels at a time, as lanes, transformed, and written to places in runs of whole cache
  // lines: places lie powers of two apart, so that one channel's would push one another out of L1.
  constexpr index_t kRun = 16, kMostTaps = 25, kMostRows = 16;
  static_assert(kMaxMr <= kMostRows);
  const ConvKernels<T>& kernels = exec.kernels<T>().conv;
  const auto transform = kernels.winograd.weights[grid.h.index()][grid.w.index()];
  const index_t rows = std::min(mr, r.m - row), places = grid.alphas(), taps = r.taps();
  const index_t lanes = kernels.gemm.lanes;
  T raw[kRun * kMostTaps * kMostRows] = {}, done[kMostAlpha * kMostAlpha * kRun * kMostRows];
  for (index_t c0 = 0; c0 < r.c; c0 += kRun) {
    const index_t n = std::min(kRun, r.c - c0);
    for (index_t i = 0; i < rows; i += lanes)  // whole vectors of rows, though the next panel's
      kernels.broadcast.pack({.w = weights + g * r.w_group + (row + i) * r.w_m + c0 * r.w_c,
                              .end = weights + r.groups * r.w_group,
                              .row_step = r.w_m,
                              .rows = std::min(lanes, r.m - row - i),
                              .channel_step = r.w_c,
                              .channels = n,
                              .slots = grid.slots.data(),
                              .taps = static_cast<index_t>(grid.slots.size()),
                              .dst = raw + i,
                              .slot_step = kMostRows,
                              .ld = taps * kMostRows,
                              .keep = lanes});
    for (index_t c = 0; c < n; ++c)
      transform({.taps = raw + c * taps * kMostRows,
                 .ld = kMostRows,
                 .dst = done + c * rows,
                 .plane = kRun * rows,
                 .rows = static_cast<int>(rows)});
    for (index_t xi = 0; xi < places; ++xi)
      std::copy_n(done + xi * kRun * rows, n * rows, panel + (xi * r.c + c0) * rows);
  }
}

template void winograd_pack(const Correlation&, const TileGrid&, index_t, const float*, index_t,
                            index_t, float*, const Exec&) noexcept;
template void winograd_pack(const Correlation&, const TileGrid&, index_t, const double*, index_t,
                            index_t, double*, const Exec&) noexcept;

}  // namespace fastconv
