// SPDX-License-Identifier: MIT
// Depthwise tiles whose lanes are pixels (core/depthwise_kernels.h): one filter over one channel,
// in three kernels.
//
// - depthwise_tile reads a strip: ROWS rows by NV vectors of outputs, and a splat weight for each
//   tap. Its accumulators are at most 8, as many as two FMA units with a latency of four cycles
//   need. Each FMA loads a vector of its own, so that the load units bound its speed.
// - depthwise_rows reads rows of the image, each vector once for all the FMAs that want it:
//
//     image row r:     [ x vector ]    loaded once, for each tap of w
//     accumulators of output rows r, r - 1, .. r - KH + 1 (at stride 1)
//                      += a[0] * x, a[1] * x, .. a[KH - 1] * x
//
//   Accumulators, KH weights and a vector of pixels must fit the registers (kRowsOfTile).
// - depthwise_pairs computes even and odd columns of a gradient side by side and zips them.
//
// A tap that lies beyond the row costs a masked load and no branch.
#pragma once

#include "core/depthwise_kernels.h"
#include "kernels/depthwise_band.h"
#include "kernels/depthwise_line.h"
#include "kernels/depthwise_pixels.h"

namespace fastconv::FC_ISA {

// Rows of the strip are readable for whole vectors, so that only init and c have a tail.
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
  FC_UNROLL for (int r = 0; r < ROWS; ++r) limit(acc[r], t.limits);
  FC_UNROLL for (int r = 0; r < ROWS; ++r) FC_UNROLL for (int j = 0; j < NV; ++j) {
    auto* to = t.c + r * t.ldc + j * V::lanes;
    if (j + 1 < NV)
      acc[r][j].store(to);
    else
      acc[r][j].store_n(to, t.tail);
  }
}

// The rows of outputs of a depthwise_rows tile. The more there are, the fewer times each row of the
// image is read; but rows times NV accumulators, a column of weights and a vector of pixels must
// fit the registers.
template <class V, int NV>
inline constexpr int kRowsOfTile = (V::registers == 32 ? 16 : 8) / (NV <= 2 ? 2 : 4);

// kInner: the caller has seen that all vectors but the first and the last lie within the row for
// every tap, so that they need no mask. A masked load takes an issue slot from an FMA (96@56 7x7:
// 388 -> 364 us without).
template <bool kInner, class V, int STRIDE, int KH, int NV>
FC_INLINE void depthwise_rows_tile(const DepthwiseRowsArgs<typename V::T>& t) {
  constexpr int kRows = kRowsOfTile<V, NV>;
  if (t.contended)
    FC_UNROLL for (int r = 0; r < kRows; ++r) if (r < t.lines) for (int j = 0; j < NV; ++j)
        fetch_to_write(t.c + r * t.ldc + j * V::lanes);
  V acc[kRows][NV];
  FC_UNROLL for (int r = 0; r < kRows; ++r) FC_UNROLL for (int j = 0; j < NV; ++j) {
    acc[r][j] = V::splat(t.bias);
    if (t.init && r < t.lines)
      acc[r][j] =
          acc[r][j] + V::load_n(t.init + r * t.ldc + j * V::lanes, j + 1 < NV ? V::lanes : t.tail);
  }
  for (index_t tap = 0; tap < t.w_taps; ++tap) {
    const index_t at = t.start + tap * t.w_step;
    typename V::Mask mask[NV * STRIDE];  // the lanes of each loaded vector that lie within the row
    FC_UNROLL for (int j = 0; j < NV * STRIDE; ++j) mask[j] =
        V::lanes_of(clamp_lane<V::lanes>(-at - j * V::lanes),
                    clamp_lane<V::lanes>(t.width - at - j * V::lanes));
    V a[KH];
    FC_UNROLL for (int h = 0; h < KH; ++h) a[h] = V::splat(t.a[h * t.a_row + tap * t.a_column]);
    _Pragma("GCC unroll 32") for (int r = 0; r < (kRows - 1) * STRIDE + KH; ++r)
        FC_UNROLL for (int j = 0; j < NV; ++j) {
      const auto* from = t.rows[r] + at + j * V::lanes * STRIDE;
      const bool inner = kInner && j > 0 && j + 1 < NV;
      V x = inner ? V::load(from) : V::load_mask(from, mask[j * STRIDE]);
      if constexpr (STRIDE == 2) {
        V odd;
        unzip(x, V::load_mask(from + V::lanes, mask[2 * j + 1]), x, odd);
      }
      FC_UNROLL for (int h = 0; h < KH; ++h) if (const int o = r - h;
                                                 o >= 0 && o % STRIDE == 0 && o / STRIDE < kRows)
          acc[o / STRIDE][j] = fma(a[h], x, acc[o / STRIDE][j]);
    }
  }
  FC_UNROLL for (int r = 0; r < kRows; ++r) limit(acc[r], t.limits);
  FC_UNROLL for (int r = 0; r < kRows; ++r) if (r < t.lines) {
    auto* to = t.c + r * t.ldc;
    FC_UNROLL for (int j = 0; j + 1 < NV; ++j) acc[r][j].store(to + j * V::lanes);
    acc[r][NV - 1].store_n(to + (NV - 1) * V::lanes, t.tail);
  }
}

// The entry of the table: looks where the tile lies in its rows, and chooses the code.
template <class V, int STRIDE, int KH, int NV>
void depthwise_rows(const DepthwiseRowsArgs<typename V::T>& t) noexcept {
  const index_t last = t.start + (t.w_taps - 1) * t.w_step;
  constexpr bool kCanInner = STRIDE == 1 && NV > 2;
  if (kCanInner && t.start + V::lanes >= 0 && last + (NV - 1) * V::lanes <= t.width)
    depthwise_rows_tile<kCanInner, V, STRIDE, KH, NV>(t);
  else
    depthwise_rows_tile<false, V, STRIDE, KH, NV>(t);
}

// A vector of even and one of odd columns for each of kPairRows rows: 8 accumulators.
template <class V>
void depthwise_pairs(const DepthwisePairsArgs<typename V::T>& t) noexcept {
  V acc[2][kPairRows];
  index_t tap = 0;
  FC_UNROLL for (int kind = 0; kind < 2; ++kind) {
    FC_UNROLL for (int r = 0; r < kPairRows; ++r) acc[kind][r] = V::splat(t.bias);
    for (const index_t end = tap + t.taps[kind]; tap < end; ++tap) {
      const V a = V::splat(t.a[tap]);
      const index_t at = t.start[tap];
      const auto mask = V::lanes_of(clamp_lane<V::lanes>(-at), clamp_lane<V::lanes>(t.width - at));
      FC_UNROLL for (int r = 0; r < kPairRows; ++r) acc[kind][r] =
          fma(a, V::load_mask(t.rows[t.row[tap] + r] + at, mask), acc[kind][r]);
    }
  }
  const int lower = clamp_lane<V::lanes>(t.n), upper = clamp_lane<V::lanes>(t.n - V::lanes);
  FC_UNROLL for (int r = 0; r < kPairRows; ++r) if (r < t.lines) {
    V out[2];
    zip(acc[0][r], acc[1][r], out[0], out[1]);
    out[0].store_n(t.c + r * t.ldc, lower);
    if (upper > 0) out[1].store_n(t.c + r * t.ldc + V::lanes, upper);
  }
}

// Fills one shape of the table, from NV vectors up to the 8 accumulators that it may have.
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
  kernels.run_pairs = &depthwise_pairs<V>;
  kernels.run_pixels = &depthwise_pixels<V>;
  kernels.run_pixels_grad = &depthwise_pixels_grad<V>;
  kernels.run_line = &depthwise_line<V>;
  add_bands<V>(kernels);
  auto add = [&]<int STRIDE, int NV>() {
    kernels.rows[STRIDE - 1][NV - 1] = kRowsOfTile<V, NV>;
    kernels.run_rows[STRIDE - 1][0][NV - 1] = &depthwise_rows<V, STRIDE, 3, NV>;
    kernels.run_rows[STRIDE - 1][1][NV - 1] = &depthwise_rows<V, STRIDE, 5, NV>;
    kernels.run_rows[STRIDE - 1][2][NV - 1] = &depthwise_rows<V, STRIDE, 7, NV>;
  };
  add.template operator()<1, 1>(), add.template operator()<1, 2>();
  add.template operator()<1, 3>(), add.template operator()<1, 4>();
  add.template operator()<2, 1>(), add.template operator()<2, 2>();
  return kernels;
}

}  // namespace fastconv::FC_ISA
