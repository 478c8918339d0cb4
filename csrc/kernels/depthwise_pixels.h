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
