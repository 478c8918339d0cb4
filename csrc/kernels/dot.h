// SPDX-License-Identifier: MIT
// Dot products of rows, MR by NR at a time with lanes along the rows: the weight gradient. Each
// call's sums are short (one block of pixels) and are added in double, so that a million terms in
// float32 lose nothing to their number.
#pragma once

#include "core/conv_kernels.h"
#include "simd/common.h"

namespace fastconv::FC_ISA {

template <class V, int MR, int NR>
FC_INLINE void dot_step(const DotArgs<typename V::T>& t, index_t p, int n, V (&acc)[MR][NR]) {
  V bj[NR];
  FC_UNROLL for (int j = 0; j < NR; ++j) bj[j] =
      n == V::lanes ? V::load(t.b + j * t.ldb + p) : V::load_n(t.b + j * t.ldb + p, n);
  FC_UNROLL for (int i = 0; i < MR; ++i) {
    const V ai = n == V::lanes ? V::load(t.a + i * t.lda + p) : V::load_n(t.a + i * t.lda + p, n);
    FC_UNROLL for (int j = 0; j < NR; ++j) acc[i][j] = fma(ai, bj[j], acc[i][j]);
  }
}

template <class V, int MR, int NR>
void dot_tile(const DotArgs<typename V::T>& t) noexcept {
  V acc[MR][NR];
  FC_UNROLL for (int i = 0; i < MR; ++i) FC_UNROLL for (int j = 0; j < NR; ++j) acc[i][j] =
      V::zero();
  index_t p = 0;
  for (; p + V::lanes <= t.n; p += V::lanes) dot_step<V, MR, NR>(t, p, V::lanes, acc);
  if (p < t.n) dot_step<V, MR, NR>(t, p, static_cast<int>(t.n - p), acc);
  FC_UNROLL for (int i = 0; i < MR; ++i) FC_UNROLL for (int j = 0; j < NR; ++j)
      t.sums[i * t.ld + j] += static_cast<double>(acc[i][j].sum());
}

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

// Sum of one row in double, in four partial sums of a fixed order.
template <class V>
double sum_row(const typename V::T* x, index_t n) noexcept {
  constexpr index_t kBlock = 16 * V::lanes;  // short enough that float's rounding stays in its ulp
  double total = 0;
  for (index_t start = 0; start < n; start += kBlock) {
    const index_t stop = n - start < kBlock ? n : start + kBlock;
    V acc = V::zero();
    index_t i = start;
    for (; i + V::lanes <= stop; i += V::lanes) acc = acc + V::load(x + i);
    if (i < stop) acc = acc + V::load_n(x + i, static_cast<int>(stop - i));
    total += static_cast<double>(acc.sum());
  }
  return total;
}

}  // namespace fastconv::FC_ISA
