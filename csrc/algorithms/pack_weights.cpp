// SPDX-License-Identifier: MIT
#include "algorithms/pack_weights.h"

#include "algorithms/blocking.h"
#include "core/parallel.h"

namespace fastconv {
namespace {

// Transposes `rows` rows of weights into one panel; a short run of terms at a time stays in L1.
template <class T>
void pack_panel(const Correlation& r, const T* first_row, index_t rows, T* panel) noexcept {
  const index_t taps = r.taps(), n_w = r.w.n_taps();
  constexpr index_t kRun = 64;
  for (index_t k0 = 0; k0 < r.k(); k0 += kRun) {
    const index_t k1 = std::min(r.k(), k0 + kRun);
    for (index_t i = 0; i < rows; ++i) {
      const T* row = first_row + i * r.w_m;
      index_t c = k0 / taps, th = k0 % taps / n_w, tw = k0 % n_w;
      for (index_t k = k0; k < k1; ++k) {
        const T* tap = row + c * r.w_c + r.h.taps[static_cast<std::size_t>(th)].kernel * r.w_row;
        panel[k * rows + i] = tap[r.w.taps[static_cast<std::size_t>(tw)].kernel];
        if (++tw == n_w) tw = 0, ++th;
        if (th == r.h.n_taps()) th = 0, ++c;
      }
    }
  }
}

// All taps in their own order: the terms of a row are contiguous in memory.
bool rows_are_contiguous(const Correlation& r, index_t all_taps) {
  if (r.taps() != all_taps || r.w_c != all_taps) return false;
  for (index_t k = 0; k < r.h.n_taps(); ++k)
    if (r.h.taps[static_cast<std::size_t>(k)].kernel != k) return false;
  for (index_t k = 0; k < r.w.n_taps(); ++k)
    if (r.w.taps[static_cast<std::size_t>(k)].kernel != k) return false;
  return r.w_row == r.w.n_taps();
}

template <class T>
void transpose_panel(const T* first_row, index_t row_stride, index_t k_total, index_t rows,
                     T* panel) noexcept {
  constexpr index_t kRun = 64;
  for (index_t k0 = 0; k0 < k_total; k0 += kRun) {
    const index_t k1 = std::min(k_total, k0 + kRun);
    for (index_t i = 0; i < rows; ++i)
      for (index_t k = k0; k < k1; ++k) panel[k * rows + i] = first_row[i * row_stride + k];
  }
}

}  // namespace

template <class T>
void pack_weights(const Correlation& r, index_t mr, const T* weights, T* packed,
                  int threads) noexcept {
  const index_t panels = ceil_div(r.m, mr), k = r.k();
  const bool contiguous = rows_are_contiguous(r, r.w_c < r.w_m ? r.w_c : -1);
  const int used = useful_threads(r.groups * panels, double(packed_size(r)), threads);
  parallel_for(r.groups * panels, used, [&](index_t task, int) {
    const index_t g = task / panels, row = task % panels * mr;
    const index_t rows = std::min(mr, r.m - row);
    const T* from = weights + g * r.w_group + row * r.w_m;
    T* to = packed + (g * r.m + row) * k;
    if (contiguous)
      transpose_panel(from, r.w_m, k, rows, to);
    else
      pack_panel(r, from, rows, to);
  });
}

template void pack_weights(const Correlation&, index_t, const float*, float*, int) noexcept;
template void pack_weights(const Correlation&, index_t, const double*, double*, int) noexcept;

}  // namespace fastconv
