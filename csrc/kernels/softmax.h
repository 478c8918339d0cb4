// SPDX-License-Identifier: MIT
// Softmax of one row, whose lanes are elements, and of neighbouring columns, whose lanes are
// columns. Three passes: the maximum, which is subtracted so that no exponential overflows; the
// exponentials and their sum; the division. Sums are compensated, so that a million float32 terms
// lose nothing to their number. Only elements of x and y are touched. The exponential bounds the
// speed.
#pragma once

#include "core/elementwise_kernels.h"
#include "kernels/vector_math.h"

namespace fastconv::FC_ISA {

// Kahan's sum in every lane: `excess` is what the last addition added too much by rounding, and is
// subtracted from the next term.
template <class V>
struct CompensatedSum {
  V total = V::zero(), excess = V::zero();
  FC_INLINE void add(V term) {
    const V corrected = term - excess, next = total + corrected;
    excess = (next - total) - corrected;
    total = next;
  }
};

// The first n elements, and -Inf in the other lanes: it is never the largest, and its exponential,
// 0, adds nothing to a sum.
template <class V>
FC_INLINE V load_or_lowest(const typename V::T* x, index_t n) {
  if (n >= V::lanes) return V::load(x);
  typename V::T padded[V::lanes];
  for (int i = 0; i < V::lanes; ++i)
    padded[i] = i < n ? x[i] : -static_cast<typename V::T>(__builtin_inf());
  return V::load(padded);
}

// Stores or loads the first n elements of a vector, or all of them where n is more.
template <class V>
FC_INLINE void store_up_to(V v, typename V::T* y, index_t n) {
  n >= V::lanes ? v.store(y) : v.store_n(y, static_cast<int>(n));
}

template <class V>
FC_INLINE V load_up_to(const typename V::T* x, index_t n) {
  return n >= V::lanes ? V::load(x) : V::load_n(x, static_cast<int>(n));
}

template <class V>
FC_INLINE V lowest() {
  return V::splat(-static_cast<typename V::T>(__builtin_inf()));
}

// y may be x. A NaN does not become the maximum, but it makes the sum NaN, and so the whole row.
template <class V>
void softmax_row(const typename V::T* x, typename V::T* y, index_t n) noexcept {
  using T = typename V::T;
  V most = lowest<V>();
  for (index_t i = 0; i < n; i += V::lanes) most = max(load_or_lowest<V>(x + i, n - i), most);
  T lanes[V::lanes], peak;
  most.store(lanes);
  peak = lanes[0];
  for (int i = 1; i < V::lanes; ++i) peak = lanes[i] > peak ? lanes[i] : peak;
  CompensatedSum<V> sum;
  for (index_t i = 0; i < n; i += V::lanes) {
    const V e = exp_nonpositive(load_or_lowest<V>(x + i, n - i) - V::splat(peak));
    store_up_to(e, y + i, n - i);
    sum.add(e);
  }
  const V total = V::splat(sum.total.sum());
  for (index_t i = 0; i < n; i += V::lanes)
    store_up_to(load_up_to<V>(y + i, n - i) / total, y + i, n - i);
}

// The same down `width` neighbouring columns of n elements, whose rows are ld apart; y may be x.
template <class V>
void softmax_columns(const typename V::T* x, typename V::T* y, index_t n, index_t ld,
                     index_t width) noexcept {
  for (index_t j = 0; j < width; j += V::lanes) {
    V most = lowest<V>();
    for (index_t i = 0; i < n; ++i) most = max(load_up_to<V>(x + i * ld + j, width - j), most);
    CompensatedSum<V> sum;
    for (index_t i = 0; i < n; ++i) {
      const V e = exp_nonpositive(load_up_to<V>(x + i * ld + j, width - j) - most);
      store_up_to(e, y + i * ld + j, width - j);
      sum.add(e);
    }
    for (index_t i = 0; i < n; ++i) {
      auto* at = y + i * ld + j;
      store_up_to(load_up_to<V>(at, width - j) / sum.total, at, width - j);
    }
  }
}

// y holds the softmax and becomes the gradient y * (dy - sum(y * dy)).
template <class V>
void softmax_row_grad(typename V::T* y, const typename V::T* dy, index_t n) noexcept {
  CompensatedSum<V> sum;
  for (index_t i = 0; i < n; i += V::lanes)
    sum.add(load_up_to<V>(y + i, n - i) * load_up_to<V>(dy + i, n - i));
  const V mean = V::splat(sum.total.sum());
  for (index_t i = 0; i < n; i += V::lanes) {
    const V g = load_up_to<V>(dy + i, n - i) - mean;
    store_up_to(load_up_to<V>(y + i, n - i) * g, y + i, n - i);
  }
}

// The same down columns.
template <class V>
void softmax_columns_grad(typename V::T* y, const typename V::T* dy, index_t n, index_t ld,
                          index_t width) noexcept {
  for (index_t j = 0; j < width; j += V::lanes) {
    CompensatedSum<V> sum;
    for (index_t i = 0; i < n; ++i)
      sum.add(load_up_to<V>(y + i * ld + j, width - j) * load_up_to<V>(dy + i * ld + j, width - j));
    for (index_t i = 0; i < n; ++i) {
      auto* at = y + i * ld + j;
      const V g = load_up_to<V>(dy + i * ld + j, width - j) - sum.total;
      store_up_to(load_up_to<V>(at, width - j) * g, at, width - j);
    }
  }
}

}  // namespace fastconv::FC_ISA
