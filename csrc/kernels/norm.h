// SPDX-License-Identifier: MIT
// One row of a batch normalisation: its sums, in double and in an order of their own, and the two
// maps that follow from them.
#pragma once

#include "core/elementwise_kernels.h"
#include "simd/common.h"

namespace fastconv::FC_ISA {

// The sum of term(i, n, sum) over vectors of a row, each added to a partial sum: four at a time
// hide the latency of an addition; with 16 vectors each they stay within an ulp of T, and their sum
// is in double.
template <class V, class Term>
FC_INLINE double sum_of(index_t n, const Term& term) {
  constexpr index_t kSums = 4, kBlock = 16 * kSums * V::lanes;
  double total = 0;
  for (index_t start = 0; start < n; start += kBlock) {
    const index_t stop = n - start < kBlock ? n : start + kBlock;
    V acc[kSums];
    FC_UNROLL for (index_t k = 0; k < kSums; ++k) acc[k] = V::zero();
    index_t i = start;
    for (; i + kSums * V::lanes <= stop; i += kSums * V::lanes)
      FC_UNROLL for (index_t k = 0; k < kSums; ++k) acc[k] =
          term(i + k * V::lanes, V::lanes, acc[k]);
    for (; i < stop; i += V::lanes)
      acc[0] = term(i, stop - i < V::lanes ? static_cast<int>(stop - i) : V::lanes, acc[0]);
    total += static_cast<double>(((acc[0] + acc[1]) + (acc[2] + acc[3])).sum());
  }
  return total;
}

template <class V>
FC_INLINE V load_some(const typename V::T* x, int n) {
  return n == V::lanes ? V::load(x) : V::load_n(x, n);
}

// x - mean, with zeros beyond the row.
template <class V>
FC_INLINE V offsets_from(const typename V::T* x, int n, V mean) {
  const V d = load_some<V>(x, n) - mean;
  if (n == V::lanes) return d;
  typename V::T lane[V::lanes];
  d.store(lane);
  return V::load_n(lane, n);
}

template <class V>
double sum_row(const typename V::T* x, index_t n) noexcept {
  return sum_of<V>(n, [&](index_t i, int some, V acc) __attribute__((always_inline)) {
    return acc + load_some<V>(x + i, some);
  });
}

// Of how far elements lie from the mean.
template <class V>
double sum_offsets(const typename V::T* x, index_t n, typename V::T mean) noexcept {
  const V m = V::splat(mean);
  return sum_of<V>(n, [&](index_t i, int some, V acc) __attribute__((always_inline)) {
    return acc + offsets_from<V>(x + i, some, m);
  });
}

template <class V>
double sum_squares(const typename V::T* x, index_t n, typename V::T mean) noexcept {
  const V m = V::splat(mean);
  return sum_of<V>(n, [&](index_t i, int some, V acc) __attribute__((always_inline)) {
    const V d = offsets_from<V>(x + i, some, m);
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
