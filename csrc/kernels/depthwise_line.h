// SPDX-License-Identifier: MIT
// Depthwise kernels for lines of pixels as they lie where channels are neighbours
// (core/depthwise_kernels.h). Lanes are channels. Some neighbouring outputs of a row, of one row or
// of two, are summed at a time, so that a vector is loaded once for all outputs that it belongs to:
//
//     rows of x   0   [px] [px] .. [px]  *  w[0]        -> acc[0]      the upper row of outputs
//                 1   [px] [px] .. [px]  *  w[1], w[0]  -> acc[0], acc[1]
//                 2   [px] [px] .. [px]  *  w[2], w[1]  -> acc[0], acc[1]
//                 3   [px] [px] .. [px]  *        w[2]  ->         acc[1]      the lower
//
// Vectors of arrays that do not begin at a cache line lie in two of them, so that loads are dear.
#pragma once

#include "core/depthwise_kernels.h"
#include "simd/common.h"

namespace fastconv::FC_ISA {

// OUTPUTS neighbouring pixels of one block of a line; of the block `tail` lanes, if PART.
template <class V, int OUTPUTS, bool PART>
FC_INLINE void sum_line(const DepthwiseLineArgs<typename V::T>& a, const typename V::T* x,
                        const typename V::T* w, const typename V::T* bias,
                        const typename V::T* init, typename V::T* y) {
  const auto load = [&](const typename V::T* p) {
    return PART ? V::load_n(p, a.tail) : V::load(p);
  };
  V acc[OUTPUTS];
  FC_UNROLL for (int j = 0; j < OUTPUTS; ++j) acc[j] = V::load(bias);
  if (init)
    FC_UNROLL for (int j = 0; j < OUTPUTS; ++j) acc[j] = acc[j] + load(init + j * a.init_step);
  for (index_t row = 0; row < a.rows; ++row) {
    const auto *from = x + row * a.x_row, *weights = w + row * a.w_row;
    for (index_t t = 0; t < a.lines; ++t, from += a.x_line, weights += a.w_line) {
      const V wt = V::load(weights);
      FC_UNROLL for (int j = 0; j < OUTPUTS; ++j) acc[j] =
          fma(wt, load(from + j * a.x_step), acc[j]);
    }
  }
  const V lowest = V::splat(a.lowest), highest = V::splat(a.highest);
  FC_UNROLL for (int j = 0; j < OUTPUTS; ++j) {
    const V result = min(highest, max(lowest, acc[j]));
    if constexpr (PART)
      result.store_n(y + j * a.y_step, a.tail);
    else
      result.store(y + j * a.y_step);
  }
}

// The same for a whole block, where TAPS taps of a row read neighbouring pixels, and neighbouring
// outputs read STRIDE pixels apart.
template <class V, int OUTPUTS, int TAPS, int STRIDE>
FC_INLINE void sum_shared(const DepthwiseLineArgs<typename V::T>& a, const typename V::T* x,
                          const typename V::T* w, const typename V::T* bias,
                          const typename V::T* init, typename V::T* y) {
  V acc[OUTPUTS];
  FC_UNROLL for (int j = 0; j < OUTPUTS; ++j) acc[j] = V::load(bias);
  if (init)
    FC_UNROLL for (int j = 0; j < OUTPUTS; ++j) acc[j] = acc[j] + V::load(init + j * a.init_step);
  for (index_t row = 0; row < a.rows; ++row) {
    const auto *from = x + row * a.x_row, *weights = w + row * a.w_row;
    V wt[TAPS];
    FC_UNROLL for (int t = 0; t < TAPS; ++t) {
      wt[t] = V::load(weights + t * a.w_line);
      hold(wt[t]);
    }
    FC_UNROLL for (int i = 0; i < (OUTPUTS - 1) * STRIDE + TAPS; ++i) {
      V xi = V::load(from + i * a.x_line);
      hold(xi);
      FC_UNROLL for (int t = 0; t < TAPS; ++t) {
        const int j = (i - t) / STRIDE;
        if (i >= t && (i - t) % STRIDE == 0 && j < OUTPUTS) acc[j] = fma(wt[t], xi, acc[j]);
      }
    }
  }
  const V lowest = V::splat(a.lowest), highest = V::splat(a.highest);
  FC_UNROLL for (int j = 0; j < OUTPUTS; ++j) min(highest, max(lowest, acc[j]))
      .store(y + j * a.y_step);
}

// How many neighbouring outputs of each of two rows are summed at a time where 3 or 5 taps of a row
// read neighbouring pixels, if registers hold them beside the weights of two rows of the kernel and
// a vector of x; else 0. More than four pixels of three taps lie on more pages than it pays: 144@56
// 3x3 N = 16 4.1 ms, of eight 5.1 (Zen 4, one thread). Of seven taps the FMAs bound the speed.
template <class V, int TAPS>
inline constexpr int kPairOutputs = [] {
  constexpr int kWanted = TAPS == 3 ? 4 : TAPS == 5 ? 6 : 0;
  return 2 * (kWanted + TAPS) < V::registers ? kWanted : 0;
}();

// Adds one row of x to the upper row of outputs by the weights `wt`, if UPPER, and to the lower one
// by `before`, if LOWER.
template <class V, int OUTPUTS, int TAPS, bool UPPER, bool LOWER, class Load>
FC_INLINE void add_shared(const typename V::T* x, index_t x_line, const Load& load,
                          const V (&wt)[TAPS], const V (&before)[TAPS], V (&upper)[OUTPUTS],
                          V (&lower)[OUTPUTS]) {
  FC_UNROLL for (int i = 0; i < OUTPUTS - 1 + TAPS; ++i) {
    V xi = load(x + i * x_line);
    hold(xi);
    FC_UNROLL for (int t = 0; t < TAPS; ++t) {
      const int j = i - t;
      if (j < 0 || j >= OUTPUTS) continue;
      if constexpr (UPPER) upper[j] = fma(wt[t], xi, upper[j]);
      if constexpr (LOWER) lower[j] = fma(before[t], xi, lower[j]);
    }
  }
}

// OUTPUTS neighbouring pixels of one block of each of two rows, of which the lower one reads x_row
// further; of the block `tail` lanes, if PART.
template <class V, int OUTPUTS, int TAPS, bool PART>
FC_INLINE void sum_pair(const DepthwiseLineArgs<typename V::T>& a, const typename V::T* x,
                        const typename V::T* w, const typename V::T* bias,
                        const typename V::T* init, typename V::T* y) {
  const auto load = [&](const typename V::T* p) __attribute__((always_inline)) {
    return PART ? V::load_n(p, a.tail) : V::load(p);
  };
  V upper[OUTPUTS], lower[OUTPUTS], wt[TAPS], before[TAPS];
  FC_UNROLL for (int j = 0; j < OUTPUTS; ++j) upper[j] = lower[j] = V::load(bias);
  if (init) FC_UNROLL for (int j = 0; j < OUTPUTS; ++j) {
      upper[j] = upper[j] + load(init + j * a.init_step);
      lower[j] = lower[j] + load(init + a.init_row + j * a.init_step);
    }
  const auto weights = [&] __attribute__((always_inline)) {
    FC_UNROLL for (int t = 0; t < TAPS; ++t) {
      wt[t] = V::load(w + t * a.w_line);
      hold(wt[t]);
    }
  };
  weights();
  add_shared<V, OUTPUTS, TAPS, true, false>(x, a.x_line, load, wt, wt, upper, lower);
  for (index_t row = 1; row < a.rows; ++row) {
    FC_UNROLL for (int t = 0; t < TAPS; ++t) before[t] = wt[t];
    x += a.x_row, w += a.w_row;
    weights();
    add_shared<V, OUTPUTS, TAPS, true, true>(x, a.x_line, load, wt, before, upper, lower);
  }
  add_shared<V, OUTPUTS, TAPS, false, true>(x + a.x_row, a.x_line, load, wt, wt, upper, lower);
  const V lowest = V::splat(a.lowest), highest = V::splat(a.highest);
  FC_UNROLL for (int j = 0; j < OUTPUTS; ++j) {
    const V first = min(highest, max(lowest, upper[j])),
            second = min(highest, max(lowest, lower[j]));
    auto* to = y + j * a.y_step;
    if constexpr (PART)
      first.store_n(to, a.tail), second.store_n(to + a.y_row, a.tail);
    else
      first.store(to), second.store(to + a.y_row);
  }
}

// The same as sum_shared where groups have `terms` channels: of each vector of x, lanes are chosen
// for each term. Taps are taken one by one where TAPS is 0.
template <class V, int OUTPUTS, int TAPS, int STRIDE>
FC_INLINE void sum_groups(const DepthwiseLineArgs<typename V::T>& a, const typename V::T* x,
                          const typename V::T* w, const typename V::T* bias,
                          const typename V::T* init, typename V::T* y) {
  constexpr int kTaps = TAPS > 0 ? TAPS : 1;
  const index_t pixel = STRIDE == 1 ? a.x_step : a.x_line;
  V acc[OUTPUTS];
  FC_UNROLL for (int j = 0; j < OUTPUTS; ++j) acc[j] = V::load(bias);
  if (init)
    FC_UNROLL for (int j = 0; j < OUTPUTS; ++j) acc[j] = acc[j] + V::load(init + j * a.init_step);
  for (index_t row = 0; row < a.rows; ++row)
    for (index_t line = 0; line < a.lines; line += kTaps) {
      const auto* from = x + row * a.x_row + line * a.x_line;
      const auto* weights = w + row * a.w_row + line * a.w_line;
      for (index_t term = 0; term < a.terms; ++term, weights += a.w_term) {
        const auto order = V::order(a.places + term * V::lanes);
        V wt[kTaps];
        FC_UNROLL for (int t = 0; t < kTaps; ++t) {
          wt[t] = V::load(weights + t * a.w_line);
          hold(wt[t]);
        }
        FC_UNROLL for (int i = 0; i < (OUTPUTS - 1) * STRIDE + kTaps; ++i) {
          V xi = reorder(V::load(from + i * pixel), order);
          hold(xi);
          FC_UNROLL for (int t = 0; t < kTaps; ++t) {
            const int j = (i - t) / STRIDE;
            if (i >= t && (i - t) % STRIDE == 0 && j < OUTPUTS) acc[j] = fma(wt[t], xi, acc[j]);
          }
        }
      }
    }
  const V lowest = V::splat(a.lowest), highest = V::splat(a.highest);
  FC_UNROLL for (int j = 0; j < OUTPUTS; ++j) min(highest, max(lowest, acc[j]))
      .store(y + j * a.y_step);
}

// What is summed at a time: pixels of one row, of two, or of groups of some channels.
enum class Line { row, pair, groups };

// Asks for the vectors at OUTPUTS outputs' pixels in rows that later lines read. An array that does
// not begin at a cache line has its last lanes in the next one.
template <class V, int OUTPUTS, int STRIDE>
FC_INLINE void fetch_rows(const DepthwiseLineArgs<typename V::T>& a, const typename V::T* x) {
  x += a.ahead + (V::lanes - 1);
  for (index_t row = 0; row < a.ahead_rows; ++row, x += a.ahead_step)
    FC_UNROLL for (int i = 0; i < OUTPUTS * STRIDE; ++i)
        __builtin_prefetch(x + i / STRIDE * a.x_step + i % STRIDE * a.x_line, 0, 2);
}

// All blocks of OUTPUTS neighbouring pixels, from number `first` of the line on. TAPS is 0 where
// taps or outputs do not read as sum_shared wants it.
template <class V, int OUTPUTS, int TAPS, int STRIDE, Line LINE>
FC_INLINE void sum_blocks(const DepthwiseLineArgs<typename V::T>& a, index_t first) {
  const auto *x = a.x + first * a.x_step, *init = a.init ? a.init + first * a.init_step : nullptr;
  auto* y = a.y + first * a.y_step;
  const index_t whole = a.tail == V::lanes ? a.blocks : a.blocks - 1;
  index_t at = 0;
  for (index_t b = 0; b < whole; ++b, at += V::lanes) {
    const auto* from = init ? init + at : nullptr;
    fetch_rows<V, OUTPUTS, STRIDE>(a, x + at);
    if constexpr (LINE == Line::groups)
      sum_groups<V, OUTPUTS, TAPS, STRIDE>(a, x + at, a.w + at, a.bias + at, from, y + at);
    else if constexpr (LINE == Line::pair)
      sum_pair<V, OUTPUTS, TAPS, false>(a, x + at, a.w + at, a.bias + at, from, y + at);
    else if constexpr (TAPS > 0)
      sum_shared<V, OUTPUTS, TAPS, STRIDE>(a, x + at, a.w + at, a.bias + at, from, y + at);
    else
      sum_line<V, OUTPUTS, false>(a, x + at, a.w + at, a.bias + at, from, y + at);
  }
  if constexpr (LINE != Line::groups) {
    if (whole == a.blocks) return;
    const auto* from = init ? init + at : nullptr;
    fetch_rows<V, OUTPUTS, STRIDE>(a, x + at);
    if constexpr (LINE == Line::pair)
      sum_pair<V, OUTPUTS, TAPS, true>(a, x + at, a.w + at, a.bias + at, from, y + at);
    else
      sum_line<V, OUTPUTS, true>(a, x + at, a.w + at, a.bias + at, from, y + at);
  }
}

// Pixels are taken in chunks of about equally many, and of each chunk all blocks: so memory is read
// in the order in which it lies.
template <class V, int TAPS, int STRIDE, Line LINE>
void sum_chunks(const DepthwiseLineArgs<typename V::T>& a) noexcept {
  // FC_UNROLL reaches no further than 6 at stride 2.
  constexpr int kMost = LINE == Line::pair ? kPairOutputs<V, TAPS> : STRIDE == 1 ? 8 : 6;
  for (index_t first = 0; first < a.n;) {
    const index_t left = a.n - first, chunks = (left + kMost - 1) / kMost;
    const index_t n = (left + chunks - 1) / chunks;
    const auto take = [&]<int N>() __attribute__((always_inline)) {
      if constexpr (N <= kMost) sum_blocks<V, N, TAPS, STRIDE, LINE>(a, first);
    };
    switch (n) {
      case 1:
        take.template operator()<1>();
        break;
      case 2:
        take.template operator()<2>();
        break;
      case 3:
        take.template operator()<3>();
        break;
      case 4:
        take.template operator()<4>();
        break;
      case 5:
        take.template operator()<5>();
        break;
      case 6:
        take.template operator()<6>();
        break;
      case 7:
        take.template operator()<7>();
        break;
      default:
        take.template operator()<8>();
    }
    first += n;
  }
}

// One row of outputs, or two.
template <class V, int TAPS, int STRIDE>
FC_INLINE void sum_rows(DepthwiseLineArgs<typename V::T> a) {
  if constexpr (STRIDE == 1 && kPairOutputs<V, TAPS> > 0)
    if (a.pair) return sum_chunks<V, TAPS, STRIDE, Line::pair>(a);
  sum_chunks<V, TAPS, STRIDE, Line::row>(a);
  if (!a.pair) return;
  a.x += a.x_row, a.y += a.y_row, a.ahead_rows = 0;
  if (a.init) a.init += a.init_row;
  sum_chunks<V, TAPS, STRIDE, Line::row>(a);
}

template <class V>
void depthwise_line(const DepthwiseLineArgs<typename V::T>& a) noexcept {
  const bool next = a.x_step == a.x_line, second = a.x_step == 2 * a.x_line;
  if (a.places) {
    if (next && a.lines == 3) return sum_chunks<V, 3, 1, Line::groups>(a);
    if (second && a.lines == 3) return sum_chunks<V, 3, 2, Line::groups>(a);
    return sum_chunks<V, 0, 1, Line::groups>(a);
  }
  if (a.rows == 0) return sum_rows<V, 0, 1>(a);
  if (next && a.lines == 2) return sum_rows<V, 2, 1>(a);
  if (next && a.lines == 3) return sum_rows<V, 3, 1>(a);
  if (next && a.lines == 5) return sum_rows<V, 5, 1>(a);
  if (next && a.lines == 7) return sum_rows<V, 7, 1>(a);
  if (second && a.lines == 3) return sum_rows<V, 3, 2>(a);
  if (second && a.lines == 5) return sum_rows<V, 5, 2>(a);
  sum_rows<V, 0, 1>(a);
}

}  // namespace fastconv::FC_ISA
