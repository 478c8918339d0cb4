// SPDX-License-Identifier: MIT
// Pools of images whose channels are neighbours: as in kernels/pool.h, and to the same bits, but
// lanes are channels. A pixel is `channels` elements, and no stride has to be split.
#pragma once

#include "kernels/pool.h"

namespace fastconv::FC_ISA {

// One output pixel, from the first column of its window in the joined row.
template <class Op, class V, int K>
FC_INLINE void join_pixel(const PoolArgs<typename V::T>& a, const typename V::T* row,
                          const V* divisor, typename V::T* y) {
  for (index_t c = 0; c < a.channels; c += V::lanes) {
    V acc = V::load(row + a.offsets[0] + c);
    if constexpr (K > 0)
      FC_UNROLL for (index_t t = 1; t < K; ++t) acc =
          Op::join(acc, V::load(row + a.offsets[t] + c));
    else
      for (index_t t = 1; t < a.w.kernel; ++t) acc = Op::join(acc, V::load(row + a.offsets[t] + c));
    if (divisor) acc = acc / *divisor;
    store_some(acc, y + c, a.channels - c);
  }
}

template <class Op, class V, int K>
FC_INLINE void join_pixels(const PoolArgs<typename V::T>& a, typename V::T h_count, index_t n,
                           typename V::T* y) {
  const typename V::T* row = a.row;
  for (index_t ow = 0; ow < n; ++ow, row += a.w.stride * a.channels, y += a.channels) {
    V divisor;
    if (a.w_counts) divisor = V::splat(h_count * a.w_counts[a.ow0 + ow]);
    join_pixel<Op, V, K>(a, row, a.w_counts ? &divisor : nullptr, y);
  }
}

template <class Op, class V>
void pool_pixels(const PoolArgs<typename V::T>& a) noexcept {
  using T = typename V::T;
  const T none = static_cast<T>(Op::none());
  const index_t n = a.ow1 - a.ow0, line = a.w.in * a.channels;
  const index_t start = a.ow0 * a.w.stride - a.w.lo;
  const index_t stop = start + (n - 1) * a.w.stride + a.w.dilation * (a.w.kernel - 1) + 1;
  const index_t c0 = start < 0 ? 0 : start, c1 = stop < a.w.in ? stop : a.w.in;
  const index_t length = c1 > c0 ? (c1 - c0) * a.channels : 0;
  T* joined = a.row + (c0 - start) * a.channels;
  fill<V>(a.row, a.row_size, none);
  for (index_t oh = a.oh0; oh < a.oh1; ++oh) {
    index_t first;
    const index_t rows = length > 0 ? rows_inside(a.h, oh, first) : 0;
    const index_t pitch = a.h.dilation * line;
    if (rows == 0)
      fill<V>(a.row, a.row_size, none);
    else if (const T* x = a.x + first * line + c0 * a.channels; rows == 2)
      join_rows<Op, V, 2>(x, pitch, rows, length, joined, nullptr);
    else if (rows == 3)
      join_rows<Op, V, 3>(x, pitch, rows, length, joined, nullptr);
    else
      join_rows<Op, V, 0>(x, pitch, rows, length, joined, nullptr);
    T* y = a.y + (oh * a.out_w + a.ow0) * a.channels;
    const T h_count = a.h_counts ? a.h_counts[oh] : T{1};
    if (a.w.kernel == 2)
      join_pixels<Op, V, 2>(a, h_count, n, y);
    else if (a.w.kernel == 3)
      join_pixels<Op, V, 3>(a, h_count, n, y);
    else
      join_pixels<Op, V, 0>(a, h_count, n, y);
  }
}

template <class V>
consteval PoolKernels<typename V::T> make_pool() {
  return {.block = {&pool_block<Largest<TakeAsIs>, V>, &pool_block<Smallest, V>,
                    &pool_block<Total<TakeAsIs>, V>, &pool_block<LargestMagnitude, V>,
                    &pool_block<Total<TakeMagnitude>, V>, &pool_block<Total<TakeSquare>, V>},
          .pixels = {&pool_pixels<Largest<TakeAsIs>, V>, &pool_pixels<Smallest, V>,
                     &pool_pixels<Total<TakeAsIs>, V>, &pool_pixels<LargestMagnitude, V>,
                     &pool_pixels<Total<TakeMagnitude>, V>, &pool_pixels<Total<TakeSquare>, V>},
          .largest = &join_row<Largest<TakeAsIs>, V>,
          .smallest = &join_row<Smallest, V>};
}

}  // namespace fastconv::FC_ISA
