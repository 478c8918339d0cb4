// SPDX-License-Identifier: MIT
// The tile that all dense convolution is made of: MR output channels by NV vectors of pixels,
// accumulated in registers. MR * NV accumulators + NV rows of b + 1 weight must fit the registers.
#pragma once

#include "core/conv_kernels.h"
#include "simd/common.h"

namespace fastconv::FC_ISA {

template <class V, int NV>
FC_INLINE V load_pixels(const typename V::T* p, int j, int tail) {
  return j + 1 < NV ? V::load(p + j * V::lanes) : V::load_n(p + j * V::lanes, tail);
}

// kStrip: rows of b lie at offsets[p], in memory that may be read for whole vectors.
template <class V, int MR, int NV, bool kStrip>
void gemm_tile(const TileArgs<typename V::T>& t) noexcept {
  V acc[MR][NV];
  FC_UNROLL for (int i = 0; i < MR; ++i) {
    const V bias = t.bias ? V::splat(t.bias[i]) : V::zero();
    FC_UNROLL for (int j = 0; j < NV; ++j) acc[i][j] =
        t.init ? load_pixels<V, NV>(t.init + i * t.ldc, j, t.tail) + bias : bias;
  }
  const bool masked = !kStrip && t.tail < V::lanes;
  const auto* a = t.a;
  for (index_t p = 0; p < t.k; ++p, a += MR) {
    const auto* b = kStrip ? t.b + t.offsets[p] : t.b + p * t.ldb;
    V bj[NV];
    FC_UNROLL for (int j = 0; j < NV; ++j) bj[j] =
        masked ? load_pixels<V, NV>(b, j, t.tail) : V::load(b + j * V::lanes);
    FC_UNROLL for (int i = 0; i < MR; ++i) {
      const V ai = V::splat(a[i]);
      FC_UNROLL for (int j = 0; j < NV; ++j) acc[i][j] = fma(ai, bj[j], acc[i][j]);
    }
  }
  FC_UNROLL for (int i = 0; i < MR; ++i) {
    FC_UNROLL for (int j = 0; j + 1 < NV; ++j) acc[i][j].store(t.c + i * t.ldc + j * V::lanes);
    auto* last = t.c + i * t.ldc + (NV - 1) * V::lanes;
    if (t.tail == V::lanes)
      acc[i][NV - 1].store(last);
    else
      acc[i][NV - 1].store_n(last, t.tail);
  }
}

// Fills a table with every tile that Limits allows: Limits<mr>::nv is the most vectors at mr rows.
template <class V, template <int> class Limits, int MR>
consteval void add_tiles(GemmKernels<typename V::T>& kernels) {
  constexpr int widest = Limits<MR>::nv;
  kernels.max_nv[MR] = widest;
  if constexpr (widest > 0) kernels.max_mr = MR;
  auto add = [&]<int NV>() {
    if constexpr (NV <= widest) {
      kernels.run_panel[MR - 1][NV - 1] = &gemm_tile<V, MR, NV, false>;
      kernels.run_strip[MR - 1][NV - 1] = &gemm_tile<V, MR, NV, true>;
    }
  };
  add.template operator()<1>(), add.template operator()<2>(), add.template operator()<3>();
  add.template operator()<4>(), add.template operator()<5>(), add.template operator()<6>();
  if constexpr (MR < kMaxMr) add_tiles<V, Limits, MR + 1>(kernels);
}

template <class V, template <int> class Limits>
consteval GemmKernels<typename V::T> make_gemm() {
  GemmKernels<typename V::T> kernels{};
  kernels.lanes = V::lanes;
  add_tiles<V, Limits, 1>(kernels);
  return kernels;
}

}  // namespace fastconv::FC_ISA
