// SPDX-License-Identifier: MIT
#include "algorithms/pack_weights.h"

#include "algorithms/blocking.h"
#include "core/parallel.h"

namespace fastconv {
namespace {

// Transposes `rows` rows of weights into one panel. Where a row's channels are neighbours, a short
// run of them at a time keeps both sides in L1; where the rows themselves are neighbours (the
// adjoint), channels may lie a power of two apart and would fall into one set of the cache.
template <class T>
void pack_panel(const Correlation& r, const std::vector<index_t>& taps, const T* first_row,
                index_t rows, T* panel) noexcept {
  const auto n_taps = static_cast<index_t>(taps.size());
  const index_t run = r.w_m < r.w_c ? 1 : std::max<index_t>(1, 64 / n_taps);
  for (index_t c0 = 0; c0 < r.c; c0 += run)
    for (index_t i = 0; i < rows; ++i)
      for (index_t c = c0; c < std::min(r.c, c0 + run); ++c) {
        const T* from = first_row + i * r.w_m + c * r.w_c;
        T* to = panel + c * n_taps * rows + i;
        for (const index_t tap : taps) *to = from[tap], to += rows;
      }
}

}  // namespace

std::vector<index_t> weight_taps(const Correlation& r) {
  std::vector<index_t> taps;
  taps.reserve(static_cast<std::size_t>(r.taps()));
  for (const Tap& h : r.h.taps)
    for (const Tap& w : r.w.taps) taps.push_back(h.kernel * r.w_row + w.kernel);
  return taps;
}

template <class T>
void pack_weights(const Correlation& r, const std::vector<index_t>& taps, index_t mr,
                  const T* weights, T* packed, int threads) noexcept {
  const index_t panels = ceil_div(r.m, mr), k = r.k();
  const int used = useful_threads(r.groups * panels, double(packed_size(r)), threads);
  parallel_for(r.groups * panels, used, [&](index_t task, int) {
    const index_t g = task / panels, row = task % panels * mr;
    const index_t rows = std::min(mr, r.m - row);
    const T* from = weights + g * r.w_group + row * r.w_m;
    T* to = packed + (g * r.m + row) * k;
    pack_panel(r, taps, from, rows, to);
  });
}

template void pack_weights(const Correlation&, const std::vector<index_t>&, index_t, const float*,
                           float*, int) noexcept;
template void pack_weights(const Correlation&, const std::vector<index_t>&, index_t, const double*,
                           double*, int) noexcept;

}  // namespace fastconv
