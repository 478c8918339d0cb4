// SPDX-License-Identifier: MIT
// Pools over windows whose lanes are channels (core/pool_kernels.h): a pixel is one vector or
// several, and every lane has the same window, whatever its shape, its stride, and what of it hangs
// over the border.
//
//     x    [px][px][px][px] -.
//          [px][px][px][px] -+- join rows -->  row [px][px][px][px] -- join columns --> y [px][px]
//          [px][px][px][px] -'
//
// Of x only pixels that are there are read, the last vector of a row in part; `row` is read in
// whole vectors. Every join loads a vector: the load units bound the speed.
#pragma once

#include "kernels/pool.h"
#include "kernels/pool_slide.h"
#include "kernels/power.h"
#include "kernels/transpose.h"

namespace fastconv::FC_ISA {

// Joins long windows along a line of vectors, `step` elements apart, with three joins for each
// element, however long the windows are (van Herk, Gil and Werman). The line is cut into blocks as
// long as a window, so that a window is the end of one block and the beginning of the next:
//
//     blocks      |0 1 2 3 4 5|6 7 8 9 . .|
//     window           [3 4 5 6 7 8]          = the end 3 4 5 joined with the beginning 6 7 8
//
// First the ends of a block are joined from right to left and kept in `ends`; then its successor's
// beginnings from left to right, each of which completes a window. Nothing is ever subtracted, so
// sums do not drift. n elements of each vector exist; out(o, v) receives the result of window o.
template <class Op, class V, class Out>
FC_INLINE void long_window(const typename V::T* x, index_t step, index_t n, const PixelAxis& a,
                           typename V::T* ends, const Out& out) {
  const V none = V::splat(static_cast<typename V::T>(Op::none()));
  const auto clip = [&](index_t p) { return p < 0 ? 0 : p < a.size ? p : a.size; };
  const index_t in_block = (a.long_window + a.stride - 1) / a.stride;
  for (index_t o = 0; o < a.n; o += in_block) {
    const index_t windows = a.n - o < in_block ? a.n - o : in_block;
    const index_t start = a.start - a.first + o * a.stride, stop = start + a.long_window;
    V end = none;
    index_t p = clip(stop) - 1;
    for (index_t j = windows - 1; j >= 0; --j) {
      for (const index_t q = clip(start + j * a.stride); p >= q; --p)
        end = Op::join(Op::take(load_some<V>(x + p * step, n)), end);
      end.store(ends + j * V::lanes);
    }
    V beginning = none;
    p = clip(stop);
    for (index_t j = 0; j < windows; ++j) {
      for (const index_t q = clip(stop + j * a.stride); p < q; ++p)
        beginning = Op::join(beginning, Op::take(load_some<V>(x + p * step, n)));
      out(o + j, Op::join(V::load(ends + j * V::lanes), beginning));
    }
  }
}

// The same op on elements that take() has prepared already: those of a joined row.
template <class Op>
struct Taken : Op {
  template <class V>
  static FC_INLINE V take(V x) {
    return x;
  }
};

// Joins the `count` taps of one window of a joined row, `step` elements apart.
template <class Op, class V>
FC_INLINE V join_window(const typename V::T* x, index_t step, index_t count) {
  if (count == 0) return V::splat(static_cast<typename V::T>(Op::none()));
  V acc = V::load(x);
  if (count == 3) return Op::join(Op::join(acc, V::load(x + step)), V::load(x + 2 * step));
  for (index_t t = 1; t < count; ++t) acc = Op::join(acc, V::load(x + t * step));
  return acc;
}

// Joins n columns over `rows` rows, as many as a window has inside the input: maybe none.
template <class Op, class V>
FC_INLINE void join_lines(const typename V::T* x, index_t pitch, index_t rows, index_t n,
                          typename V::T* y) {
  if (rows == 0)
    fill<V>(y, n, static_cast<typename V::T>(Op::none()));
  else if (rows == 2)
    join_rows<Op, V, 2>(x, pitch, rows, n, y, nullptr);
  else if (rows == 3)
    join_rows<Op, V, 3>(x, pitch, rows, n, y, nullptr);
  else
    join_rows<Op, V, 0>(x, pitch, rows, n, y, nullptr);
}

// Joins the columns of a joined row: row `oh` of the outputs. CHANNELS is the number of channels
// where it is known at compile time, and then a multiple of the lanes; else 0.
template <class Op, class V, index_t CHANNELS>
FC_INLINE void join_pixels(const PixelArgs<typename V::T>& a, const typename V::T* row,
                           index_t oh) {
  const PixelAxis& w = a.w;
  const index_t channels = CHANNELS > 0 ? CHANNELS : a.channels;
  typename V::T* y = a.y + oh * a.y_row;
  const auto put = [&](V v, index_t ow, index_t c) {
    if (a.h_counts) v = v / V::splat(a.h_counts[oh] * a.w_counts[ow]);
    if constexpr (CHANNELS > 0)
      v.store(y + ow * CHANNELS + c);
    else
      store_some(v, y + ow * channels + c, channels - c);
  };
  if (w.long_window > 0) {
    for (index_t c = 0; c < channels; c += V::lanes)
      long_window<Taken<Op>, V>(row + c, channels, V::lanes, w, a.ends,
                                [&](index_t ow, V v) { put(v, ow, c); });
    return;
  }
  const index_t step = w.step * channels;
  for (index_t ow = 0; ow < w.n; ++ow) {
    const Span s = w.taps[ow];
    const typename V::T* x = row + (s.at - w.first) * channels;
    for (index_t c = 0; c < channels; c += V::lanes)
      put(join_window<Op, V>(x + c, step, s.count), ow, c);
  }
}

// All outputs of a block. Rows are joined for each row of outputs, or, if windows are long along
// the height, for all of them ahead.
template <class Op, class V>
void pool_pixels(const PixelArgs<typename V::T>& a) noexcept {
  const PixelAxis& h = a.h;
  const index_t line = a.w.size * a.channels;
  // Where planes have been transposed to pixels, these have just so many channels.
  const bool whole = a.channels == kMostLanes;
  if (h.long_window > 0)
    for (index_t i = 0; i < line; i += V::lanes)
      long_window<Op, V>(a.x + i, a.x_row, line - i, h, a.ends, [&](index_t oh, V v) {
        store_some(v, a.row + oh * a.row_size + i, line - i);
      });
  for (index_t oh = 0; oh < h.n; ++oh) {
    const Span s = h.taps[oh];
    const typename V::T* x = a.x + (s.at - h.first) * a.x_row;
    const typename V::T* row = h.long_window > 0 ? a.row + oh * a.row_size : a.row;
    if (h.long_window == 0 && Op::as_is && whole && s.count == 1)
      row = x;
    else if (h.long_window == 0)
      join_lines<Op, V>(x, h.step * a.x_row, s.count, line, a.row);
    if (whole)
      join_pixels<Op, V, kMostLanes>(a, row, oh);
    else
      join_pixels<Op, V, 0>(a, row, oh);
  }
}

// Joins each of `rows` rows of n >= V::lanes elements to one element: `lanes` rows to a vector
// each, whose transpose is joined to the one vector of results.
template <class Op, class V>
void join_planes(const typename V::T* x, index_t n, index_t rows, typename V::T* y) noexcept {
  using T = typename V::T;
  constexpr index_t kMany = 4 * V::lanes;
  for (index_t r = 0; r < rows; r += V::lanes) {
    const index_t here = rows - r < V::lanes ? rows - r : V::lanes;
    V acc[V::lanes];
    for (index_t j = here; j < V::lanes; ++j) acc[j] = V::zero();
    for (index_t j = 0; j < here; ++j) {
      const T* row = x + (r + j) * n;
      V all = Op::take(V::load(row));
      index_t i = V::lanes;
      if (n >= 2 * kMany) {  // four accumulators hide the latency of a join
        V more[4] = {all, Op::take(V::load(row + V::lanes)), Op::take(V::load(row + 2 * V::lanes)),
                     Op::take(V::load(row + 3 * V::lanes))};
        for (i = kMany; i + kMany <= n; i += kMany)
          FC_UNROLL for (int u = 0; u < 4; ++u) more[u] =
              Op::join(more[u], Op::take(V::load(row + i + u * V::lanes)));
        all = Op::join(Op::join(more[0], more[1]), Op::join(more[2], more[3]));
      }
      for (; i + V::lanes <= n; i += V::lanes) all = Op::join(all, Op::take(V::load(row + i)));
      if (i < n)  // sums may take zeros for what is missing, maxima the last elements once more
        all = Op::join(all, Op::take(Op::none() == 0 ? load_some<V>(row + i, n - i)
                                                     : V::load(row + n - V::lanes)));
      acc[j] = all;
    }
    transpose_registers(acc);
    V joined = acc[0];
    FC_UNROLL for (int j = 1; j < V::lanes; ++j) joined = Op::join(joined, acc[j]);
    store_some(joined, y + r, here);
    if (Op::none() == 0) continue;
    for (index_t j = r; j < r + here; ++j)  // 0 equals -0: take the first, whatever its lane
      if (y[j] == 0)
        for (index_t i = 0; i < n; ++i)
          if (x[j * n + i] == 0) {
            y[j] = x[j * n + i];
            break;
          }
  }
}

// Takes x and its place `at` where x is better than `best`: larger (or smaller), or NaN. So the
// first of equals wins, and the last NaN.
template <bool SMALLEST, class V>
FC_INLINE void prefer(V& best, V& place, V x, V at) {
  const auto won = SMALLEST ? undercuts(best, x) : exceeds(best, x);
  best = select(won, x, best);
  place = select(won, at, place);
}

// Of the elements that one output's window holds in U vectors of channels, the best and their
// places, element by element in the order in which they lie. With PART there is one vector, of
// which `n` lanes are there.
template <bool SMALLEST, class V, int U, bool PART>
FC_INLINE void place_window(const PixelArgs<typename V::T>& a, const Span& h, const Span& w,
                            const typename V::T* x, index_t n, typename V::T* y,
                            typename V::T* places) {
  using T = typename V::T;
  const auto load = [&](const T* p) { return PART ? load_some<V>(p, n) : V::load(p); };
  const auto place_at = [&](index_t p, index_t q) {
    return V::splat(static_cast<T>((h.at + p * a.h.step) * a.in_w + w.at + q * a.w.step));
  };
  V best[U], place[U];
  FC_UNROLL for (int u = 0; u < U; ++u) best[u] = load(x + u * V::lanes), place[u] = place_at(0, 0);
  for (index_t p = 0; p < h.count; ++p)
    for (index_t q = p == 0 ? 1 : 0; q < w.count; ++q) {
      const T* at = x + p * a.h.step * a.x_row + q * a.w.step * a.channels;
      const V here = place_at(p, q);
      FC_UNROLL for (int u = 0; u < U; ++u)
          prefer<SMALLEST>(best[u], place[u], load(at + u * V::lanes), here);
    }
  FC_UNROLL for (int u = 0; u < U; ++u) {
    store_some(best[u], y + u * V::lanes, PART ? n : V::lanes);
    store_some(place[u], places + u * V::lanes, PART ? n : V::lanes);
  }
}

// As many vectors of channels at a time as hide that each comparison waits for the one before.
template <class V>
inline constexpr int kManyPlaced = V::registers >= 32 ? 4 : 2;

// Whether it is faster to take windows one by one: up to 2x2, or 3x3 if whole units of channels do
// not wait for each other (64 channels at stride 2: 610 us instead of 920; 33 channels: 380, not
// 250).
template <class V>
FC_INLINE bool are_small(const PixelArgs<typename V::T>& a) {
  index_t rows = 0, columns = 0;
  for (index_t i = 0; i < a.h.n; ++i) rows = rows < a.h.taps[i].count ? a.h.taps[i].count : rows;
  for (index_t i = 0; i < a.w.n; ++i)
    columns = columns < a.w.taps[i].count ? a.w.taps[i].count : columns;
  const bool units = a.channels % (kManyPlaced<V> * V::lanes) == 0;
  return rows * columns <= (units ? 9 : 4);
}

// Small windows, one by one.
template <bool SMALLEST, class V>
FC_INLINE void place_small(const PixelArgs<typename V::T>& a) {
  constexpr int kMany = kManyPlaced<V>;
  const index_t channels = a.channels;
  for (index_t oh = 0; oh < a.h.n; ++oh)
    for (index_t ow = 0; ow < a.w.n; ++ow) {
      const Span h = a.h.taps[oh], w = a.w.taps[ow];
      const auto* x = a.x + (h.at - a.h.first) * a.x_row + (w.at - a.w.first) * channels;
      auto* y = a.y + oh * a.y_row + ow * channels;
      auto* places = a.places + oh * a.places_row + ow * channels;
      index_t c = 0;
      for (; c + kMany * V::lanes <= channels; c += kMany * V::lanes)
        place_window<SMALLEST, V, kMany, false>(a, h, w, x + c, 0, y + c, places + c);
      for (; c < channels; c += V::lanes)
        place_window<SMALLEST, V, 1, true>(a, h, w, x + c, channels - c, y + c, places + c);
    }
}

// Maxima or minima with their places, which are numbers of type T like the elements. Columns of
// larger windows are joined before rows, so that of two equal elements in different rows the upper
// one wins.
template <bool SMALLEST, class V>
void place_pixels(const PixelArgs<typename V::T>& a) noexcept {
  using T = typename V::T;
  if (are_small<V>(a)) return place_small<SMALLEST, V>(a);
  const index_t channels = a.channels, line = a.w.n * channels;
  for (index_t r = 0; r < a.h.size; ++r) {
    T* values = a.row + 2 * r * a.row_size;
    for (index_t ow = 0; ow < a.w.n; ++ow) {
      const Span s = a.w.taps[ow];
      const T* x = a.x + r * a.x_row + (s.at - a.w.first) * channels;
      for (index_t c = 0; c < channels; c += V::lanes) {
        const index_t n = channels - c;
        V best = load_some<V>(x + c, n), place = V::splat(static_cast<T>(s.at));
        for (index_t t = 1; t < s.count; ++t)
          prefer<SMALLEST>(best, place, load_some<V>(x + t * a.w.step * channels + c, n),
                           V::splat(static_cast<T>(s.at + t * a.w.step)));
        store_some(best, values + ow * channels + c, n);
        store_some(place, values + a.row_size + ow * channels + c, n);
      }
    }
  }
  for (index_t oh = 0; oh < a.h.n; ++oh) {
    const Span s = a.h.taps[oh];
    const T* values = a.row + 2 * (s.at - a.h.first) * a.row_size;
    for (index_t i = 0; i < line; i += V::lanes) {
      V best = V::load(values + i);
      V place = V::load(values + a.row_size + i) + V::splat(static_cast<T>(s.at * a.in_w));
      for (index_t t = 1; t < s.count; ++t) {
        const T* row = values + 2 * t * a.h.step * a.row_size + i;
        const index_t at = (s.at + t * a.h.step) * a.in_w;
        prefer<SMALLEST>(best, place, V::load(row),
                         V::load(row + a.row_size) + V::splat(static_cast<T>(at)));
      }
      store_some(best, a.y + oh * a.y_row + i, line - i);
      store_some(place, a.places + oh * a.places_row + i, line - i);
    }
  }
}

template <class Op, class V>
FC_INLINE void take_row(const typename V::T* x, index_t n, typename V::T* y) {
  for (index_t i = 0; i < n; i += V::lanes)
    store_some(Op::take(load_some<V>(x + i, n - i)), y + i, n - i);
}

template <class V>
void take(PoolOp op, double power, const typename V::T* x, index_t n, typename V::T* y) noexcept {
  if (op == PoolOp::powers) {
    for (index_t i = 0; i < n; i += V::lanes)
      store_some(magnitude_power(load_some<V>(x + i, n - i), power), y + i, n - i);
    return;
  }
  if (op == PoolOp::abs_max || op == PoolOp::abs_sum)
    take_row<TakeMagnitude, V>(x, n, y);
  else if (op == PoolOp::squares)
    take_row<TakeSquare, V>(x, n, y);
  else
    take_row<TakeAsIs, V>(x, n, y);
}

template <class V>
void divide(typename V::T* y, index_t n, typename V::T rows,
            const typename V::T* columns) noexcept {
  for (index_t i = 0; i < n; i += V::lanes) {
    const V divisor = columns ? V::splat(rows) * load_some<V>(columns + i, n - i) : V::splat(rows);
    store_some(load_some<V>(y + i, n - i) / divisor, y + i, n - i);
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
          .planes = {&join_planes<Largest<TakeAsIs>, V>, &join_planes<Smallest, V>,
                     &join_planes<Total<TakeAsIs>, V>, &join_planes<LargestMagnitude, V>,
                     &join_planes<Total<TakeMagnitude>, V>, &join_planes<Total<TakeSquare>, V>},
          .places = {&place_pixels<false, V>, &place_pixels<true, V>},
          .largest = &join_row<Largest<TakeAsIs>, V>,
          .smallest = &join_row<Smallest, V>,
          .slide = make_slides<V>(),
          .slide_places = make_places<V>(),
          .take = &take<V>,
          .divide = &divide<V>,
          .norm_factors = &norm_factors<V>,
          .norm_slopes = &norm_slopes<V>};
}

}  // namespace fastconv::FC_ISA
