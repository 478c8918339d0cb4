// SPDX-License-Identifier: MIT
#include "algorithms/pack_weights.h"

namespace fastconv {
namespace {

// Transposes `rows` rows of weights into one panel. Where a row's channels are neighbours, a short
// run of them at a time keeps both sides in L1; where the rows themselves are neighbours (the
// adjoint), channels may lie a power of two apart and would fall into one set of the cache.
template <class T>
void pack_panel(const Correlation& r, const std::vector<index_t>& taps, const T* first_row,
                index_t rows, Range channels, T* panel) noexcept {
  const auto n_taps = static_cast<index_t>(taps.size());
  if (n_taps == r.w_c) {  // all taps in their order: a row is one run of terms
    constexpr index_t kRun = 64;
    const index_t k_end = channels.end * n_taps;
    for (index_t k0 = channels.begin * n_taps; k0 < k_end; k0 += kRun)
      for (index_t i = 0; i < rows; ++i) {
        const T* from = first_row + i * r.w_m;
        for (index_t k = k0; k < std::min(k_end, k0 + kRun); ++k) panel[k * rows + i] = from[k];
      }
    return;
  }
  const index_t run = r.w_m < r.w_c ? 1 : std::max<index_t>(1, 64 / n_taps);
  for (index_t c0 = channels.begin; c0 < channels.end; c0 += run)
    for (index_t i = 0; i < rows; ++i)
      for (index_t c = c0; c < std::min(channels.end, c0 + run); ++c) {
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
                  const T* weights, index_t g, Range panels, Range channels, T* packed) noexcept {
  for (index_t row = panels.begin * mr; row < std::min(r.m, panels.end * mr); row += mr)
    pack_panel(r, taps, weights + g * r.w_group + row * r.w_m, std::min(mr, r.m - row), channels,
               packed + (g * r.m + row) * r.k());
}

template void pack_weights(const Correlation&, const std::vector<index_t>&, index_t, const float*,
                           index_t, Range, Range, float*) noexcept;
template void pack_weights(const Correlation&, const std::vector<index_t>&, index_t, const double*,
                           index_t, Range, Range, double*) noexcept;

}  // namespace fastconv
