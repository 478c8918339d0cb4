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
  constexpr index_t kMostTaps = 25, kMostRows = 16;  // a panel's rows in whole vectors
  static_assert(kMaxMr <= kMostRows);
  const index_t rows = std::min(mr, r.m - row);
  index_t at[kMostTaps], taps = 0;
  for (index_t i = 0; i < r.h.n_taps(); ++i)
    for (index_t j = 0; j < r.w.n_taps(); ++j)
      at[taps++] = r.h.taps[static_cast<std::size_t>(grid.h.tap(i))].kernel * r.w_row +
                   r.w.taps[static_cast<std::size_t>(grid.w.tap(j))].kernel;
  const auto transform = exec.kernels<T>().conv.winograd.weights[grid.h.index()][grid.w.index()];
  // A few channels at a time, gathered from rows and written to places in runs of whole cache
  // lines: places lie powers of two apart, so that one channel's would push one another out of L1.
  constexpr index_t kRun = 16;
  const index_t places = grid.alphas();
  T raw[kRun * kMostTaps * kMostRows] = {}, done[kMostAlpha * kMostAlpha * kRun * kMostRows];
  for (index_t c0 = 0; c0 < r.c; c0 += kRun) {
    const index_t n = std::min(kRun, r.c - c0);
    for (index_t i = 0; i < rows; ++i) {
      const T* from = weights + g * r.w_group + (row + i) * r.w_m + c0 * r.w_c;
      for (index_t c = 0; c < n; ++c)
        for (index_t tap = 0; tap < taps; ++tap)
          raw[(c * taps + tap) * kMostRows + i] = from[c * r.w_c + at[tap]];
    }
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
