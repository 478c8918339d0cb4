// SPDX-License-Identifier: MIT
// One filter over one channel: ROWS rows by NV vectors of output pixels, at most 8 accumulators,
// which is what two FMA units of latency four need.
#pragma once

#include "core/conv_kernels.h"
#include "simd/common.h"

namespace fastconv::FC_ISA {

template <class V, int ROWS, int NV>
void depthwise_tile(const DepthwiseArgs<typename V::T>& t) noexcept {
  V acc[ROWS][NV];
  FC_UNROLL for (int r = 0; r < ROWS; ++r) FC_UNROLL for (int j = 0; j < NV; ++j) {
    acc[r][j] = V::splat(t.bias);
    if (t.init) {
      const auto* from = t.init + r * t.ldc + j * V::lanes;
      acc[r][j] = acc[r][j] + (j + 1 < NV ? V::load(from) : V::load_n(from, t.tail));
    }
  }
  for (index_t p = 0; p < t.k; ++p) {
    const V a = V::splat(t.a[p]);
    const auto* b = t.b + t.offsets[p];
    FC_UNROLL for (int r = 0; r < ROWS; ++r) FC_UNROLL for (int j = 0; j < NV; ++j) acc[r][j] =
        fma(a, V::load(b + r * t.row_step + j * V::lanes), acc[r][j]);
  }
  FC_UNROLL for (int r = 0; r < ROWS; ++r) FC_UNROLL for (int j = 0; j < NV; ++j) {
    auto* to = t.c + r * t.ldc + j * V::lanes;
    if (j + 1 < NV)
      acc[r][j].store(to);
    else
      acc[r][j].store_n(to, t.tail);
  }
}

template <class V, int SHAPE, int NV>
consteval void add_depthwise(DepthwiseKernels<typename V::T>& kernels) {
  kernels.run[SHAPE][NV - 1] = &depthwise_tile<V, 1 << SHAPE, NV>;
  if constexpr (NV < (8 >> SHAPE)) add_depthwise<V, SHAPE, NV + 1>(kernels);
}

template <class V>
consteval DepthwiseKernels<typename V::T> make_depthwise() {
  DepthwiseKernels<typename V::T> kernels{};
  add_depthwise<V, 0, 1>(kernels), add_depthwise<V, 1, 1>(kernels);
  add_depthwise<V, 2, 1>(kernels), add_depthwise<V, 3, 1>(kernels);
  return kernels;
}

}  // namespace fastconv::FC_ISA
