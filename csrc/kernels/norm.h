// SPDX-License-Identifier: MIT
// Batch normalisation, a channel at a time (NormRows in core/elementwise_kernels.h): the sums over
// a channel, and the maps of its elements that follow from them.
//
//     x   [ lanes | lanes | tail ] .. [ lanes | lanes | tail ] ..     rows of the channel
//         acc[0]  acc[1]  acc[2]  acc[3]  acc[0]  ..                  4 partial sums, vectors of T
//         total, a double: takes the partial sums after 16 vectors each
//
// Only elements of the rows are read. Memory bounds the speed.
//
// In evaluation the mean is no longer a sum over the batch, and elements are mapped row by row
// (AffineRows).
#pragma once

#include "kernels/activation_grad.h"

namespace fastconv::FC_ISA {

inline constexpr index_t kSums = 4;  // so many partial sums hide the latency of an addition

// Sums over all vectors of all rows: term(row, i, is_tail, sums) adds the vector that begins at
// element i of a row, where is_tail tells that it is the last one and not whole. A partial sum of
// 16 vectors errs by about an ulp of T; these are added in double. The order of additions depends
// on n, rows and the number of lanes, and on nothing else.
template <class V, class Term>
FC_INLINE NormSums sums_of(index_t n, index_t rows, const Term& term) {
  constexpr index_t kTerms = 16;
  const index_t whole = n / V::lanes * V::lanes;
  struct Both {
    V first = V::zero(), second = V::zero();
  } acc[kSums];
  NormSums total{0, 0};
  const auto flush = [&]() __attribute__((always_inline)) {
    const V first = (acc[0].first + acc[1].first) + (acc[2].first + acc[3].first);
    const V second = (acc[0].second + acc[1].second) + (acc[2].second + acc[3].second);
    total.first += static_cast<double>(first.sum());
    total.second += static_cast<double>(second.sum());
    FC_UNROLL for (index_t k = 0; k < kSums; ++k) acc[k] = Both{};
  };
  const auto add_row = [&](index_t row, Both& sums) __attribute__((always_inline)) {
    for (index_t i = 0; i < whole; i += V::lanes) term(row, i, false, sums);
    if (whole < n) term(row, whole, true, sums);
  };
  if (n < kSums * V::lanes) {  // short rows: whole rows take turns among the partial sums
    const index_t each = kTerms / (whole / V::lanes + 1) * kSums;
    for (index_t row = 0; row < rows;) {
      const index_t stop = rows - row < each ? rows : row + each;
      for (; row + kSums <= stop; row += kSums)
        FC_UNROLL for (index_t k = 0; k < kSums; ++k) add_row(row + k, acc[k]);
      for (; row < stop; ++row) add_row(row, acc[0]);
      flush();
    }
    return total;
  }
  for (index_t row = 0; row < rows; ++row)
    for (index_t i = 0; i < n;) {
      const index_t stop = n - i < kTerms * kSums * V::lanes ? n : i + kTerms * kSums * V::lanes;
      for (; i + kSums * V::lanes <= stop; i += kSums * V::lanes)
        FC_UNROLL for (index_t k = 0; k < kSums; ++k) term(row, i + k * V::lanes, false, acc[k]);
      for (; i < stop; i += V::lanes) term(row, i, i + V::lanes > stop, acc[0]);
      flush();
    }
  return total;
}

// Loads a vector of a row; where it is the tail of a row of n elements, zeros fill it up. splat()
// gives a constant that has zeros in the same lanes, so that differences there are zero, too.
template <class V>
struct Part {
  int tail;  // the number of its lanes
  explicit Part(index_t n) : tail(static_cast<int>(n % V::lanes)) {}
  FC_INLINE V load(const typename V::T* x, bool is_tail) const {
    return is_tail ? V::load_n(x, tail) : V::load(x);
  }
  FC_INLINE V splat(typename V::T value) const {
    typename V::T lanes[V::lanes];
    V::splat(value).store(lanes);
    return V::load_n(lanes, tail);
  }
};

// Loading and storing doubles bounds this, so that the vector code of the compiler will do.
template <class T>
void add_to_totals(T* x, double* totals, index_t n, bool first, bool last) noexcept {
  if (first)
    for (index_t i = 0; i < n; ++i) totals[i] = x[i];
  else
    for (index_t i = 0; i < n; ++i) totals[i] += x[i];
  if (last)
    for (index_t i = 0; i < n; ++i) x[i] = static_cast<T>(totals[i]);
}

template <class V>
double sum_rows(const typename V::T* x, index_t n, index_t rows, index_t step) noexcept {
  if (rows == 1 && n == V::lanes) return static_cast<double>(V::load(x).sum());  // of a dot tile
  const Part<V> part(n);
  const auto term = [&](index_t row, index_t i, bool tail, auto& sums)
                        __attribute__((always_inline)) {
                          sums.first = sums.first + part.load(x + row * step + i, tail);
                        };
  return sums_of<V>(n, rows, term).first;
}

template <class V>
NormSums sum_moments(const NormRows<typename V::T>& a) noexcept {
  const Part<V> part(a.n);
  const V mean = V::splat(a.mean), mean_of_tail = part.splat(a.mean);
  const auto term = [&](index_t row, index_t i, bool tail,
                        auto& sums) __attribute__((always_inline)) {
    const V d = part.load(a.x + row * a.step + i, tail) - (tail ? mean_of_tail : mean);
    sums.first = sums.first + d;
    sums.second = fma(d, d, sums.second);
  };
  return sums_of<V>(a.n, a.rows, term);
}

template <class V, bool kRelu>
FC_INLINE NormSums products_of(const NormRows<typename V::T>& a) {
  const Part<V> part(a.n);
  const V mean = V::splat(a.mean);
  const auto term = [&](index_t row, index_t i, bool tail, auto& sums)
                        __attribute__((always_inline)) {
                          const index_t at = row * a.step + i;
                          V dy = part.load(a.dy + at, tail);
                          if constexpr (kRelu) dy = relu_grad(part.load(a.relu + at, tail), dy);
                          sums.first = sums.first + dy;
                          sums.second = fma(dy, part.load(a.x + at, tail) - mean, sums.second);
                        };
  return sums_of<V>(a.n, a.rows, term);
}

template <class V>
NormSums sum_products(const NormRows<typename V::T>& a) noexcept {
  return a.relu ? products_of<V, true>(a) : products_of<V, false>(a);
}

// Partial sums of 16 rows are added in double, as in sums_of.
template <class V>
void sum_columns(const NormColumns<typename V::T>& a) noexcept {
  constexpr index_t kTerms = 16;
  const Part<V> part(a.n);
  for (index_t row = 0; row < a.rows; row += kTerms)
    for (index_t j = 0; j < a.n; j += V::lanes) {
      const index_t stop = a.rows - row < kTerms ? a.rows : row + kTerms;
      const bool tail = j + V::lanes > a.n;
      const V mean = part.load(a.mean + j, tail);
      V first = V::zero(), second = V::zero();
      for (index_t i = row * a.n + j; i < stop * a.n; i += a.n) {
        const V dy = part.load(a.dy + i, tail);
        first = first + dy;
        second = fma(dy, part.load(a.x + i, tail) - mean, second);
      }
      typename V::T sums[2][V::lanes];
      first.store(sums[0]);
      second.store(sums[1]);
      for (index_t lane = 0; lane < V::lanes && j + lane < a.n; ++lane) {
        a.first[j + lane] += static_cast<double>(sums[0][lane]);
        a.second[j + lane] += static_cast<double>(sums[1][lane]);
      }
    }
}

// y[i] = f(i, is_tail) for the vector at each place i of the rows.
template <class V, class F>
FC_INLINE void map_channel(index_t n, index_t rows, index_t step, typename V::T* y, const F& f) {
  const int tail = static_cast<int>(n % V::lanes);
  for (index_t row = 0; row < rows; ++row) {
    const index_t at = row * step, whole = at + n - tail;
    for (index_t i = at; i < whole; i += V::lanes) f(i, false).store(y + i);
    if (tail) f(whole, true).store_n(y + whole, tail);
  }
}

// The difference comes first: where x is near the mean it is exact, and x * scale - mean * scale
// would cancel.
template <class V, bool kRelu, bool kByElement>
FC_INLINE void normalize_rows(const AffineRows<typename V::T>& a) {
  const Part<V> part(a.n);
  for (index_t row = 0; row < a.rows; ++row) {
    const auto* x = a.x + row * a.ldx;
    const index_t at = kByElement ? 0 : row * a.step;
    const V mean = V::splat(a.mean[at]), scale = V::splat(a.scale[at]),
            shift = V::splat(a.shift[at]);
    map_channel<V>(a.n, 1, 0, a.y + row * a.ldy,
                   [&](index_t i, bool tail) __attribute__((always_inline)) {
                     V y;
                     if constexpr (kByElement)
                       y = fma(part.load(x + i, tail) - part.load(a.mean + i, tail),
                               part.load(a.scale + i, tail), part.load(a.shift + i, tail));
                     else
                       y = fma(part.load(x + i, tail) - mean, scale, shift);
                     return kRelu ? relu(y) : y;
                   });
  }
}

template <class V>
void normalize(const AffineRows<typename V::T>& a) noexcept {
  if (a.by_element)
    a.relu ? normalize_rows<V, true, true>(a) : normalize_rows<V, false, true>(a);
  else
    a.relu ? normalize_rows<V, true, false>(a) : normalize_rows<V, false, false>(a);
}

template <class V>
void normalize_grad(const NormRows<typename V::T>& a, const NormMap<typename V::T>& map) noexcept {
  const Part<V> part(a.n);
  const V mean = V::splat(a.mean), scale = V::splat(map.scale), shift = V::splat(map.shift);
  const V factor = V::splat(map.factor);
  const auto plain = [&](index_t i, V dy, bool tail) __attribute__((always_inline)) {
    return fma(dy, factor, fma(part.load(a.x + i, tail) - mean, scale, shift));
  };
  if (!a.relu)
    return map_channel<V>(a.n, a.rows, a.step, map.y,
                          [&](index_t i, bool tail) __attribute__((always_inline)) {
                            return plain(i, part.load(a.dy + i, tail), tail);
                          });
  map_channel<V>(a.n, a.rows, a.step, map.y,
                 [&](index_t i, bool tail) __attribute__((always_inline)) {
                   const V y = part.load(a.relu + i, tail);
                   return plain(i, relu_grad(y, part.load(a.dy + i, tail)), tail);
                 });
}

}  // namespace fastconv::FC_ISA
