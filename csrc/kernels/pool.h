// SPDX-License-Identifier: MIT
// Pools over windows whose lanes are columns (core/pool_kernels.h): the rows of a window are joined
// first, column by column, into one row; then the taps of each window within that row.
//
//     x     [ lanes | lanes | .. ] -.
//           [ lanes | lanes | .. ] -+- join -->  row  [ lanes | lanes | .. ]      lanes are columns
//           [ lanes | lanes | .. ] -'
//     y     [ lanes | .. ]  =  row + offsets[0] joined with row + offsets[1] ..   lanes are outputs
//
// For a k x k window that is 2k - 2 joins an output at stride 1 instead of k * k - 1. Of x no
// element outside the plane is read; `row` is read in whole vectors. Loads bound the speed: with
// windows of 2 or 3 it is that of a copy.
#pragma once

#include "core/pool_kernels.h"
#include "simd/common.h"

namespace fastconv::FC_ISA {

// An op tells what a pool computes: take() prepares an element of the input (as_is: by nothing),
// join() joins one that is prepared, and none() is the element that changes nothing when joined.
struct TakeAsIs {
  static constexpr bool as_is = true;
  template <class V>
  static FC_INLINE V take(V x) {
    return x;
  }
};
struct TakeMagnitude {
  static constexpr bool as_is = false;
  template <class V>
  static FC_INLINE V take(V x) {
    return abs(x);
  }
};
struct TakeSquare {
  static constexpr bool as_is = false;
  template <class V>
  static FC_INLINE V take(V x) {
    return x * x;
  }
};
template <class Take>
struct Largest : Take {
  static FC_INLINE double none() { return -__builtin_inf(); }
  template <class V>
  static FC_INLINE V join(V acc, V x) {
    return larger(acc, x);
  }
};
struct LargestMagnitude : Largest<TakeMagnitude> {
  static FC_INLINE double none() { return 0; }
};
struct Smallest : TakeAsIs {
  static FC_INLINE double none() { return __builtin_inf(); }
  template <class V>
  static FC_INLINE V join(V acc, V x) {
    return smaller(acc, x);
  }
};
template <class Take>
struct Total : Take {
  static FC_INLINE double none() { return 0; }
  template <class V>
  static FC_INLINE V join(V acc, V x) {
    return acc + x;
  }
};

// Loads or stores the first n elements of a vector, or all of them where n is more.
template <class V>
FC_INLINE V load_some(const typename V::T* p, index_t n) {
  return n >= V::lanes ? V::load(p) : V::load_n(p, static_cast<int>(n));
}

template <class V>
FC_INLINE void store_some(V v, typename V::T* p, index_t n) {
  if (n >= V::lanes)
    v.store(p);
  else if (n > 0)
    v.store_n(p, static_cast<int>(n));
}

// Sets n elements to a value.
template <class V>
FC_INLINE void fill(typename V::T* p, index_t n, typename V::T value) {
  const V v = V::splat(value);
  index_t i = 0;
  for (; i + V::lanes <= n; i += V::lanes) v.store(p + i);
  store_some(v, p + i, n - i);
}

// Joins a vector of columns over k rows, `pitch` apart; n of its columns exist. K is k where that
// is known at compile time, else 0.
template <class Op, class V, int K>
FC_INLINE V join_column(const typename V::T* x, index_t pitch, index_t k, index_t n) {
  V acc = Op::take(load_some<V>(x, n));
  if constexpr (K > 0)
    FC_UNROLL for (index_t p = 1; p < K; ++p) acc =
        Op::join(acc, Op::take(load_some<V>(x + p * pitch, n)));
  else
    for (index_t p = 1; p < k; ++p) acc = Op::join(acc, Op::take(load_some<V>(x + p * pitch, n)));
  return acc;
}

// Joins columns 0..n over k rows. They go to `even`, or, if `odd` is not null, by turns to both.
template <class Op, class V, int K>
FC_INLINE void join_rows(const typename V::T* x, index_t pitch, index_t k, index_t n,
                         typename V::T* even, typename V::T* odd) {
  constexpr index_t kBoth = 2 * V::lanes;
  index_t c = 0;
  if (!odd) {
    for (; c + V::lanes <= n; c += V::lanes)
      join_column<Op, V, K>(x + c, pitch, k, V::lanes).store(even + c);
    if (c < n) store_some(join_column<Op, V, K>(x + c, pitch, k, n - c), even + c, n - c);
    return;
  }
  V evens, odds;
  for (; c + kBoth <= n; c += kBoth) {
    unzip(join_column<Op, V, K>(x + c, pitch, k, V::lanes),
          join_column<Op, V, K>(x + c + V::lanes, pitch, k, V::lanes), evens, odds);
    evens.store(even + c / 2);
    odds.store(odd + c / 2);
  }
  if (c == n) return;
  const index_t left = n - c;
  V second = V::zero();
  if (left > V::lanes) second = join_column<Op, V, K>(x + c + V::lanes, pitch, k, left - V::lanes);
  unzip(join_column<Op, V, K>(x + c, pitch, k, left), second, evens, odds);
  store_some(evens, even + c / 2, (left + 1) / 2);
  store_some(odds, odd + c / 2, left / 2);
}

// Outputs 0..n of one row, from the joined row. `rows` is the divisor's part that belongs to this
// row of outputs.
template <class Op, class V, int K>
FC_INLINE void join_taps(const PoolArgs<typename V::T>& a, typename V::T rows, index_t n,
                         typename V::T* y) {
  for (index_t j = 0; j < n; j += V::lanes) {
    V acc = V::load(a.row + a.offsets[0] + j);
    if constexpr (K > 0)
      FC_UNROLL for (index_t t = 1; t < K; ++t) acc =
          Op::join(acc, V::load(a.row + a.offsets[t] + j));
    else
      for (index_t t = 1; t < a.w.kernel; ++t)
        acc = Op::join(acc, V::load(a.row + a.offsets[t] + j));
    if (a.w_counts) acc = acc / (V::splat(rows) * load_some<V>(a.w_counts + a.ow0 + j, n - j));
    store_some(acc, y + j, n - j);
  }
}

// Strides beyond 2: copies the joined row behind itself, split by stride, n elements of each phase.
template <class T>
FC_INLINE void split_line(const PoolArgs<T>& a, index_t n) {
  for (index_t i = 0; i < a.n_phases; ++i) {
    const T* from = a.row + a.phases[i];
    T* to = a.row + a.line + i * a.phase_step;
    for (index_t j = 0, c = a.phases[i]; j < n && c < a.line; ++j, c += a.w.stride)
      to[j] = from[j * a.w.stride];
  }
}

// How many rows of the kernel lie inside the plane for output row `oh`; `first` is where the first
// of them lies.
FC_INLINE index_t rows_inside(const PoolAxis& h, index_t oh, index_t& first) {
  const index_t start = oh * h.stride - h.lo;
  const index_t skipped = start < 0 ? (-start + h.dilation - 1) / h.dilation : 0;
  index_t end = start < h.in ? (h.in - start + h.dilation - 1) / h.dilation : 0;
  if (end > h.kernel) end = h.kernel;
  first = start + skipped * h.dilation;
  return end > skipped ? end - skipped : 0;
}

// All outputs of a block, one row of them after another.
template <class Op, class V>
void pool_block(const PoolArgs<typename V::T>& a) noexcept {
  using T = typename V::T;
  const T none = static_cast<T>(Op::none());
  const index_t n = a.ow1 - a.ow0, stride = a.w.stride;
  const index_t start = a.ow0 * stride - a.w.lo;  // the column that position 0 of `row` stands for
  const index_t stop = start + (n - 1) * stride + a.w.dilation * (a.w.kernel - 1) + 1;
  const index_t c0 = start < 0 ? 0 : start, c1 = stop < a.w.in ? stop : a.w.in;
  const index_t columns = c1 > c0 ? c1 - c0 : 0, at = c0 - start;
  T* even = a.row + at;
  T* odd = nullptr;
  if (stride == 2) {  // where c0 and its neighbour go: even positions to row, odd ones behind
    even = a.row + at / 2 + (at % 2) * a.phase_step;
    odd = a.row + (at + 1) / 2 + ((at + 1) % 2) * a.phase_step;
  }
  fill<V>(a.row, a.row_size, none);
  for (index_t oh = a.oh0; oh < a.oh1; ++oh) {
    index_t first;
    const index_t rows = columns > 0 ? rows_inside(a.h, oh, first) : 0;
    const index_t pitch = a.h.dilation * a.w.in;
    if (rows == 0)
      fill<V>(a.row, a.row_size, none);
    else if (const T* x = a.x + first * a.w.in + c0; rows == 2)
      join_rows<Op, V, 2>(x, pitch, rows, columns, even, odd);
    else if (rows == 3)
      join_rows<Op, V, 3>(x, pitch, rows, columns, even, odd);
    else
      join_rows<Op, V, 0>(x, pitch, rows, columns, even, odd);
    if (stride > 2) split_line(a, n + (a.w.dilation * (a.w.kernel - 1)) / stride);
    T* y = a.y + oh * a.out_w + a.ow0;
    const T h_count = a.h_counts ? a.h_counts[oh] : T{1};
    if (a.w.kernel == 2)
      join_taps<Op, V, 2>(a, h_count, n, y);
    else if (a.w.kernel == 3)
      join_taps<Op, V, 3>(a, h_count, n, y);
    else
      join_taps<Op, V, 0>(a, h_count, n, y);
  }
}

// Joins a row to one element, for maxima and minima: the last vector overlaps the one before it, so
// that some elements are joined twice. Four accumulators hide the latency of a join.
template <class Op, class V>
typename V::T join_row(const typename V::T* x, index_t n) noexcept {
  using T = typename V::T;
  T lane[V::lanes];
  index_t found = 1;
  lane[0] = x[0];
  if (n >= V::lanes) {
    V acc[4];
    FC_UNROLL for (int u = 0; u < 4; ++u) acc[u] = V::load(x);
    index_t i = V::lanes;
    for (; i + 4 * V::lanes <= n; i += 4 * V::lanes)
      FC_UNROLL for (int u = 0; u < 4; ++u) acc[u] =
          Op::join(acc[u], V::load(x + i + u * V::lanes));
    for (; i + V::lanes <= n; i += V::lanes) acc[0] = Op::join(acc[0], V::load(x + i));
    acc[0] = Op::join(acc[0], V::load(x + n - V::lanes));
    acc[0] = Op::join(Op::join(acc[0], acc[1]), Op::join(acc[2], acc[3]));
    acc[0].store(lane);
    found = V::lanes;
  }
  const bool largest = Op::none() < 0;
  T best = lane[0];
  const auto join = [&](T v) {
    if ((largest ? v > best : v < best) || v != v) best = v;
  };
  for (index_t i = 1; i < found; ++i) join(lane[i]);
  if (n < V::lanes)
    for (index_t i = 1; i < n; ++i) join(x[i]);
  if (best == 0)  // 0 equals -0: take the first of them, whatever lane it was in
    for (index_t i = 0; i < n; ++i)
      if (x[i] == 0) return x[i];
  return best;
}

}  // namespace fastconv::FC_ISA
