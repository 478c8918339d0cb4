// SPDX-License-Identifier: MIT
// Depthwise kernels whose lanes are neighbouring elements of rows of pixels
// (core/depthwise_kernels.h): R rows of outputs are summed at a time, so that what is loaded of a
// row of the image serves all rows of outputs whose windows hold it.
//
//     for each tap of w:    x row 0   [ vector ]  *  w[0]        -> acc[0]
//                           x row 1   [ vector ]  *  w[1], w[0]  -> acc[0], acc[1]
//                              :                                       :
#pragma once

#include "core/depthwise_kernels.h"
#include "simd/common.h"

namespace fastconv::FC_ISA {

// One vector of each of R rows, of `n` lanes if PART: from element e of x, init and y on.
template <class V, int H, int R, bool PART>
FC_INLINE void band_column(const DepthwiseBandArgs<typename V::T>& a, index_t phase, int n,
                           const typename V::T* x, const typename V::T* init, typename V::T* y) {
  const auto load = [&](const typename V::T* p) { return PART ? V::load_n(p, n) : V::load(p); };
  V acc[R];
  const V bias = V::load(a.bias + phase);
  FC_UNROLL for (int r = 0; r < R; ++r) acc[r] = bias;
  if (init) FC_UNROLL for (int r = 0; r < R; ++r) acc[r] = acc[r] + load(init + r * a.init_row);
  const auto* w = a.w + phase;
  for (index_t t = 0; t < a.lines; ++t, x += a.x_line, w += a.w_line) {
    V wt[H];
    FC_UNROLL for (int h = 0; h < H; ++h) {
      wt[h] = V::load(w + h * a.w_row);
      hold(wt[h]);
    }
    FC_UNROLL for (int i = 0; i < R + H - 1; ++i) {
      V xi = load(x + i * a.x_row);
      hold(xi);
      FC_UNROLL for (int h = 0; h < H; ++h) if (i >= h && i - h < R) acc[i - h] =
          fma(wt[h], xi, acc[i - h]);
    }
  }
  const V lowest = V::splat(a.lowest), highest = V::splat(a.highest);
  FC_UNROLL for (int r = 0; r < R; ++r) {
    const V result = min(highest, max(lowest, acc[r]));
    if constexpr (PART)
      result.store_n(y + r * a.y_row, n);
    else
      result.store(y + r * a.y_row);
  }
}

// The same for ROWS rows, as many at a time as fit the registers beside weights and a vector of x.
template <class V, int H, int ROWS, bool PART>
FC_INLINE void band_columns(const DepthwiseBandArgs<typename V::T>& a, index_t phase, int n,
                            const typename V::T* x, const typename V::T* init, typename V::T* y) {
  if constexpr (ROWS > 1 && ROWS + H + 1 > V::registers) {
    constexpr int kHalf = ROWS / 2;
    band_columns<V, H, kHalf, PART>(a, phase, n, x, init, y);
    band_columns<V, H, kHalf, PART>(a, phase, n, x + kHalf * a.x_row,
                                    init ? init + kHalf * a.init_row : nullptr,
                                    y + kHalf * a.y_row);
  } else {
    band_column<V, H, ROWS, PART>(a, phase, n, x, init, y);
  }
}

template <class V, int H, int ROWS>
void depthwise_band(const DepthwiseBandArgs<typename V::T>& a) noexcept {
  index_t e = 0, phase = 0;
  const auto column = [&]<bool PART>(int n) {
    band_columns<V, H, ROWS, PART>(a, phase, n, a.x + e, a.init ? a.init + e : nullptr, a.y + e);
  };
  for (; e + V::lanes <= a.n; e += V::lanes) {
    column.template operator()<false>(V::lanes);
    phase = phase + V::lanes < a.period ? phase + V::lanes : 0;
  }
  if (e < a.n) column.template operator()<true>(static_cast<int>(a.n - e));
}

template <class V, int I = 0>
consteval void add_bands(DepthwiseKernels<typename V::T>& kernels) {
  constexpr int kRows = kBandRows[I];
  kernels.run_band[I][0] = &depthwise_band<V, kRows, 1>;
  kernels.run_band[I][1] = &depthwise_band<V, kRows, 2>;
  kernels.run_band[I][2] = &depthwise_band<V, kRows, 4>;
  kernels.run_band[I][3] = &depthwise_band<V, kRows, 8>;
  if constexpr (I + 1 < kBandKernels) add_bands<V, I + 1>(kernels);
}

}  // namespace fastconv::FC_ISA
