// SPDX-License-Identifier: MIT
// One row of a batch normalisation: its sums, in double and in an order of their own, and the two
// maps that follow from them.
#pragma once

#include "core/elementwise_kernels.h"
#include "simd/common.h"

namespace fastconv::FC_ISA {

// The sum of term(i, n) over vectors of a row: partial sums of 16 vectors each stay within an ulp
// of T, their sum is in double.
template <class V, class Term>
FC_INLINE double sum_of(index_t n, const Term& term) {
  constexpr index_t kBlock = 16 * V::lanes;
  double total = 0;
  for (index_t start = 0; start < n; start += kBlock) {
    const index_t stop = n - start < kBlock ? n : start + kBlock;
    V acc = V::zero();
    index_t i = start;
    for (; i + V::lanes <= stop; i += V::lanes) acc = term(i, V::lanes, acc);
    if (i < stop) acc = term(i, static_cast<int>(stop - i), acc);
    total += static_cast<double>(acc.sum());
  }
  return total;
}

template <class V>
FC_INLINE V load_some(const typename V::T* x, int n) {
  return n == V::lanes ? V::load(x) : V::load_n(x, n);
}

template <class V>
double sum_squares(const typename V::T* x, index_t n, typename V::T mean) noexcept {
  const V m = V::splat(mean);
  return sum_of<V>(n, [&](index_t i, int some, V acc) __attribute__((always_inline)) {
    // Lanes beyond the row must be 0 after the mean is taken off.
    V d = load_some<V>(x + i, some) - m;
    if (some < V::lanes) {
      typename V::T lane[V::lanes];
      d.store(lane);
      d = V::load_n(lane, some);
    }
    return fma(d, d, acc);
  });
}

template <class V>
double sum_products(const typename V::T* dy, const typename V::T* x, index_t n,
                    typename V::T mean) noexcept {
  const V m = V::splat(mean);
  return sum_of<V>(n, [&](index_t i, int some, V acc) __attribute__((always_inline)) {
    return fma(load_some<V>(dy + i, some), load_some<V>(x + i, some) - m, acc);
  });
}

template <class V>
void normalize(const NormalizeArgs<typename V::T>& a) noexcept {
  const V mean = V::splat(a.mean), scale = V::splat(a.scale), shift = V::splat(a.shift);
  const V factor = V::splat(a.factor);
  for (index_t i = 0; i < a.n; i += V::lanes) {
    const int some = static_cast<int>(a.n - i < V::lanes ? a.n - i : V::lanes);
    V y = fma(load_some<V>(a.x + i, some) - mean, scale, shift);
    if (a.dy) y = fma(load_some<V>(a.dy + i, some), factor, y);
    if (some == V::lanes)
      y.store(a.y + i);
    else
      y.store_n(a.y + i, some);
  }
}

}  // namespace fastconv::FC_ISA
