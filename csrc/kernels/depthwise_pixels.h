// SPDX-License-Identifier: MIT
// Depthwise kernels whose lanes are channels (core/depthwise_kernels.h): a pixel is one vector, and
// so is the weight of a tap. Up to 8 neighbouring outputs of a row are summed at a time:
//
//     w[t], a vector *  [px] [px] .. [px]      of the input, x_step apart, loaded by the FMA
//                       acc0 acc1 .. acc7      += , one accumulator for each output
//
// An output is then a sum of vectors, wherever its taps lie, and the gradient of a weight needs no
// sum across lanes. Every FMA loads a vector: the load units bound the speed. All vectors that are
// named are read and written whole.
#pragma once

#include "core/depthwise_kernels.h"
#include "simd/common.h"

namespace fastconv::FC_ISA {

// OUTPUTS neighbouring outputs of a row.
template <class V, int OUTPUTS>
FC_INLINE void sum_taps(const DepthwisePixelsArgs<typename V::T>& a, const typename V::T* x,
                        typename V::T* y) {
  V acc[OUTPUTS];
  FC_UNROLL for (int j = 0; j < OUTPUTS; ++j) acc[j] = V::load(a.bias);
  if (!a.overwrite)
    FC_UNROLL for (int j = 0; j < OUTPUTS; ++j) acc[j] = acc[j] + V::load(y + j * a.y_step);
  for (index_t t = 0; t < a.taps; ++t) {
    const V w = V::load(a.w + a.w_at[t]);
    const auto* row = x + a.x_at[t];
    FC_UNROLL for (int j = 0; j < OUTPUTS; ++j) acc[j] =
        fma(w, V::load(row + j * a.x_step), acc[j]);
  }
  FC_UNROLL for (int j = 0; j < OUTPUTS; ++j) acc[j].store(y + j * a.y_step);
}

// The same for a number of outputs, 1 to 8, that is known at run time.
template <class V>
FC_INLINE void sum_some(const DepthwisePixelsArgs<typename V::T>& a, const typename V::T* x,
                        typename V::T* y, index_t n) {
  switch (n) {
    case 1:
      return sum_taps<V, 1>(a, x, y);
    case 2:
      return sum_taps<V, 2>(a, x, y);
    case 3:
      return sum_taps<V, 3>(a, x, y);
    case 4:
      return sum_taps<V, 4>(a, x, y);
    case 5:
      return sum_taps<V, 5>(a, x, y);
    case 6:
      return sum_taps<V, 6>(a, x, y);
    case 7:
      return sum_taps<V, 7>(a, x, y);
    default:
      return sum_taps<V, 8>(a, x, y);
  }
}

template <class V>
void depthwise_pixels(const DepthwisePixelsArgs<typename V::T>& a) noexcept {
  for (index_t row = 0; row < a.rows; ++row) {
    const auto* x = a.x + row * a.x_row;
    auto* y = a.y + row * a.y_row;
    for (index_t left = a.columns; left > 0;) {
      // An FMA takes four cycles, so that few accumulators leave the units idle: 14 outputs had
      // better be two chunks of 7 than one of 8 and one of 6.
      const index_t chunks = (left + 7) / 8, n = (left + chunks - 1) / chunks;
      sum_some<V>(a, x, y, n);
      x += n * a.x_step, y += n * a.y_step, left -= n;
    }
  }
}

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
// outputs read STRIDE pixels apart: each vector is loaded once for all outputs that it belongs to.
// Vectors of arrays that do not begin at a cache line lie in two of them, so that loads are dear.
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

// All blocks of OUTPUTS neighbouring pixels, from number `first` of the line on. TAPS is 0 where
// taps or outputs do not read as sum_shared wants it.
template <class V, int OUTPUTS, int TAPS, int STRIDE>
FC_INLINE void sum_blocks(const DepthwiseLineArgs<typename V::T>& a, index_t first) {
  const auto *x = a.x + first * a.x_step, *init = a.init ? a.init + first * a.init_step : nullptr;
  auto* y = a.y + first * a.y_step;
  const index_t whole = a.tail == V::lanes ? a.blocks : a.blocks - 1;
  index_t at = 0;
  for (index_t b = 0; b < whole; ++b, at += V::lanes) {
    const auto* from = init ? init + at : nullptr;
    if constexpr (TAPS > 0)
      sum_shared<V, OUTPUTS, TAPS, STRIDE>(a, x + at, a.w + at, a.bias + at, from, y + at);
    else
      sum_line<V, OUTPUTS, false>(a, x + at, a.w + at, a.bias + at, from, y + at);
  }
  if (whole < a.blocks)
    sum_line<V, OUTPUTS, true>(a, x + at, a.w + at, a.bias + at, init ? init + at : nullptr,
                               y + at);
}

// Pixels are taken in chunks of about equally many, up to 8, and of each chunk all blocks: so
// memory is read in the order in which it lies.
template <class V, int TAPS, int STRIDE>
void sum_chunks(const DepthwiseLineArgs<typename V::T>& a) noexcept {
  constexpr int kMost = STRIDE == 1 ? 8 : 6;  // FC_UNROLL reaches no further
  for (index_t first = 0; first < a.n;) {
    const index_t left = a.n - first, chunks = (left + kMost - 1) / kMost;
    const index_t n = (left + chunks - 1) / chunks;
    switch (n) {
      case 1:
        sum_blocks<V, 1, TAPS, STRIDE>(a, first);
        break;
      case 2:
        sum_blocks<V, 2, TAPS, STRIDE>(a, first);
        break;
      case 3:
        sum_blocks<V, 3, TAPS, STRIDE>(a, first);
        break;
      case 4:
        sum_blocks<V, 4, TAPS, STRIDE>(a, first);
        break;
      case 5:
        sum_blocks<V, 5, TAPS, STRIDE>(a, first);
        break;
      case 6:
        sum_blocks<V, 6, TAPS, STRIDE>(a, first);
        break;
      default:
        if constexpr (kMost == 8) {
          if (n == 7)
            sum_blocks<V, 7, TAPS, STRIDE>(a, first);
          else
            sum_blocks<V, 8, TAPS, STRIDE>(a, first);
        }
    }
    first += n;
  }
}

template <class V>
void depthwise_line(const DepthwiseLineArgs<typename V::T>& a) noexcept {
  const bool next = a.x_step == a.x_line, second = a.x_step == 2 * a.x_line;
  if (next && a.lines == 3) return sum_chunks<V, 3, 1>(a);
  if (next && a.lines == 5) return sum_chunks<V, 5, 1>(a);
  if (next && a.lines == 7) return sum_chunks<V, 7, 1>(a);
  if (second && a.lines == 3) return sum_chunks<V, 3, 2>(a);
  if (second && a.lines == 5) return sum_chunks<V, 5, 2>(a);
  sum_chunks<V, 0, 1>(a);
}

// The gradients of TAPS weights of each channel: an accumulator for each, over all outputs. What
// they are at the end goes on in double.
template <class V, int TAPS>
FC_INLINE void sum_pixels(const DepthwisePixelsArgs<typename V::T>& a, index_t first,
                          double* sums) {
  V acc[TAPS];
  FC_UNROLL for (int t = 0; t < TAPS; ++t) acc[t] = V::zero();
  for (index_t row = 0; row < a.rows; ++row)
    for (index_t j = 0; j < a.columns; ++j) {
      const V dy = V::load(a.y + row * a.y_row + j * a.y_step);
      const auto* x = a.x + row * a.x_row + j * a.x_step;
      FC_UNROLL for (int t = 0; t < TAPS; ++t) acc[t] =
          fma(dy, V::load(x + a.x_at[first + t]), acc[t]);
    }
  FC_UNROLL for (int t = 0; t < TAPS; ++t) {
    typename V::T lanes[V::lanes];
    acc[t].store(lanes);
    double* sum = sums + a.w_at[first + t];
    FC_UNROLL for (int i = 0; i < V::lanes; ++i) sum[i] += static_cast<double>(lanes[i]);
  }
}

// Nine taps at a time, as 3x3 kernels have, or five, or three, as rows of larger ones have.
template <class V>
void depthwise_pixels_grad(const DepthwisePixelsArgs<typename V::T>& a, double* sums) noexcept {
  index_t t = 0;
  for (; t + 9 <= a.taps; t += 9) sum_pixels<V, 9>(a, t, sums);
  for (; t + 5 <= a.taps; t += 5) sum_pixels<V, 5>(a, t, sums);
  for (; t + 3 <= a.taps; t += 3) sum_pixels<V, 3>(a, t, sums);
  for (; t < a.taps; ++t) sum_pixels<V, 1>(a, t, sums);
}

}  // namespace fastconv::FC_ISA
