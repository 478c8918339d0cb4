// SPDX-License-Identifier: MIT
// Dot products of rows (core/dot_kernels.h), MR by NR of them at a time, with lanes along the rows:
//
//                          bj[0]     bj[1]       a vector of each row of b, loaded
//     ai, a vector     *   acc[0][0] acc[0][1]   MR * NR accumulators, each a vector of partial
//     of row i of a    *   acc[1][0] acc[1][1]   sums that the caller adds up
//
// MR * NR FMAs take MR + NR loads: the FMA units bound the speed of large tiles, the load units
// that of tiles of one row, as depthwise layers have. Only the n pixels of each line are read; sums
// are read and written in whole vectors.
#pragma once

#include "core/dot_kernels.h"
#include "simd/common.h"

namespace fastconv::FC_ISA {

template <class V, int MR, int NR>
void dot_tile(const DotArgs<typename V::T>& t) noexcept {
  V acc[MR][NR];
  index_t offsets[NR];
  FC_UNROLL for (int j = 0; j < NR; ++j) offsets[j] = t.offsets[j];
  FC_UNROLL for (int i = 0; i < MR; ++i) FC_UNROLL for (int j = 0; j < NR; ++j) acc[i][j] =
      V::zero();
  const auto* a = t.a;
  const auto* b = t.b;
  const index_t lda = t.lda, n = t.n;
  const auto add = [&](index_t p, auto load) __attribute__((always_inline)) {
    V bj[NR];
    FC_UNROLL for (int j = 0; j < NR; ++j) bj[j] = load(b + offsets[j] + p);
    FC_UNROLL for (int i = 0; i < MR; ++i) {
      const V ai = load(a + i * lda + p);
      FC_UNROLL for (int j = 0; j < NR; ++j) acc[i][j] = fma(ai, bj[j], acc[i][j]);
    }
  };
  for (index_t line = t.lines; line > 0; --line, a += n, b += t.b_line) {
    index_t p = 0;
    for (; p + V::lanes <= n; p += V::lanes) add(p, [](const auto* row) { return V::load(row); });
    const int rest = static_cast<int>(n - p);
    if (rest > 0) add(p, [=](const auto* row) { return V::load_n(row, rest); });
  }
  FC_UNROLL for (int i = 0; i < MR; ++i) FC_UNROLL for (int j = 0; j < NR; ++j) {
    auto* sum = t.sums + (i * t.ld + j) * V::lanes;
    (t.overwrite ? acc[i][j] : V::load(sum) + acc[i][j]).store(sum);
  }
}

// Fills the table, row by row.
template <class V, int MR, int NR, int MAX_MR, int MAX_NR>
consteval void add_dots(DotKernels<typename V::T>& kernels) {
  kernels.run[MR - 1][NR - 1] = &dot_tile<V, MR, NR>;
  if constexpr (NR < MAX_NR)
    add_dots<V, MR, NR + 1, MAX_MR, MAX_NR>(kernels);
  else if constexpr (MR < MAX_MR)
    add_dots<V, MR + 1, 1, MAX_MR, MAX_NR>(kernels);
}

template <class V, int MAX_MR, int MAX_NR>
consteval DotKernels<typename V::T> make_dot() {
  DotKernels<typename V::T> kernels{};
  kernels.max_mr = MAX_MR, kernels.max_nr = MAX_NR;
  add_dots<V, 1, 1, MAX_MR, MAX_NR>(kernels);
  return kernels;
}

}  // namespace fastconv::FC_ISA
