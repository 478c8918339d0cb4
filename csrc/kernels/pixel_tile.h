// SPDX-License-Identifier: MIT
// Tiles on pixels as they lie (core/pixel_tile_kernels.h): MR pixels by NV vectors of packed
// weights. For each term of the sum, NV vectors of weights are loaded, and one element of each
// pixel is copied to all lanes (splat):
//
//                                wj[0]     wj[1]       NV vectors of weights, loaded
//     x[0 * x_step], splat   *   acc[0][0] acc[0][1]   MR * NV accumulators
//     x[1 * x_step], splat   *   acc[1][0] acc[1][1]
//
// Pixels lie at an even distance, so that every third of them has a pointer and the others are
// found from it: the integer registers hold them all.
#pragma once

#include "core/pixel_tile_kernels.h"
#include "simd/common.h"

namespace fastconv::FC_ISA {

// The pointers to the first term of MR pixels, which lie `step` apart.
template <class T, int MR>
struct PixelPointers {
  static constexpr int kHeads = (MR + 2) / 3;
  const T* head[kHeads];  // of pixels 0, 3, 6, ..
  index_t one, two;       // from there to the next pixel, and to the one behind it

  FC_INLINE PixelPointers(const T* x, index_t step) : one(step), two(2 * step) {
    FC_UNROLL for (int i = 0; i < kHeads; ++i) head[i] = x + 3 * i * step;
  }
  FC_INLINE T at(int i, index_t term) const {
    return head[i / 3][(i % 3 == 0 ? 0 : i % 3 == 1 ? one : two) + term];
  }
  FC_INLINE void advance(index_t n) { FC_UNROLL for (int i = 0; i < kHeads; ++i) head[i] += n; }
};

// Adds TERMS terms to all accumulators.
template <int TERMS, class V, int MR, int NV>
FC_INLINE void add_terms(const PixelPointers<typename V::T, MR>& x, const typename V::T* w,
                         V (&acc)[MR][NV]) {
  V wj[TERMS][NV];
  FC_UNROLL for (int p = 0; p < TERMS; ++p) FC_UNROLL for (int j = 0; j < NV; ++j) {
    wj[p][j] = V::load(w + (p * NV + j) * V::lanes);
    hold(wj[p][j]);
  }
  FC_UNROLL for (int p = 0; p < TERMS; ++p) FC_UNROLL for (int i = 0; i < MR; ++i) {
    const V xi = V::splat(x.at(i, p));
    FC_UNROLL for (int j = 0; j < NV; ++j) acc[i][j] = fma(xi, wj[p][j], acc[i][j]);
  }
}

template <class V, int MR, int NV>
FC_INLINE void add_all_terms(const PixelTileArgs<typename V::T>& t, V (&acc)[MR][NV]) {
  constexpr int kTerms = (MR + 2) * NV + 1 <= V::registers ? 2 : 1;  // two rows of weights fit
  PixelPointers<typename V::T, MR> x(t.x, t.x_step);
  const auto* w = t.w;
  const auto* ahead = t.ahead;
  const index_t ahead_step = t.ahead_step, k = t.k;
  const index_t skip = t.x_line - k, skip_row = t.x_row - t.lines * t.x_line;
  const index_t skip_w = t.w_line - k * NV * V::lanes, skip_w_row = t.w_row - t.lines * t.w_line;
  for (index_t row = t.rows; row > 0; --row) {
    for (index_t line = t.lines; line > 0; --line) {
      index_t p = k;
      for (; p >= kTerms; p -= kTerms) {
        FC_UNROLL for (int i = 0; i < kTerms; ++i) {
          __builtin_prefetch(ahead, 0, 2);
          ahead += ahead_step;
        }
        add_terms<kTerms>(x, w, acc);
        x.advance(kTerms), w += kTerms * NV * V::lanes;
      }
      if constexpr (kTerms > 1)
        if (p > 0) add_terms<1>(x, w, acc), x.advance(1), w += NV * V::lanes;
      x.advance(skip), w += skip_w;
    }
    x.advance(skip_row), w += skip_w_row;
  }
}

template <class V, int MR, int NV>
void pixel_tile(const PixelTileArgs<typename V::T>& t) noexcept {
  V acc[MR][NV];
  FC_UNROLL for (int j = 0; j < NV; ++j) {
    const V bias = t.bias ? V::load(t.bias + j * V::lanes) : V::zero();
    FC_UNROLL for (int i = 0; i < MR; ++i) acc[i][j] = bias;
  }
  const bool whole = t.tail == V::lanes;
  if (t.init) FC_UNROLL for (int i = 0; i < MR; ++i) FC_UNROLL for (int j = 0; j < NV; ++j) {
      const auto* from = t.init + i * t.init_step + j * V::lanes;
      acc[i][j] = acc[i][j] + (j + 1 < NV || whole ? V::load(from) : V::load_n(from, t.tail));
    }
  add_all_terms(t, acc);
  const V lowest = V::splat(t.lowest), highest = V::splat(t.highest);
  FC_UNROLL for (int i = 0; i < MR; ++i) FC_UNROLL for (int j = 0; j < NV; ++j) {
    const V y = min(highest, max(lowest, acc[i][j]));
    auto* to = t.y + i * t.y_step + j * V::lanes;
    if (j + 1 < NV || whole)
      y.store(to);
    else
      y.store_n(to, t.tail);
  }
}

template <class V, int MR, int NV>
consteval void add_pixel_tiles(PixelTileKernels<typename V::T>& kernels) {
  kernels.run[MR - 1][NV - 1] = &pixel_tile<V, MR, NV>;
  if constexpr (MR > 1) add_pixel_tiles<V, MR - 1, NV>(kernels);
}

// PIXELS are the most pixels of a tile of one or two vectors. A third vector takes the registers of
// a third of them.
template <class V, int PIXELS>
consteval PixelTileKernels<typename V::T> make_pixel_tiles() {
  PixelTileKernels<typename V::T> kernels{};
  kernels.max_pixels[0] = kernels.max_pixels[1] = PIXELS;
  kernels.max_pixels[2] = PIXELS * 2 / 3;
  add_pixel_tiles<V, PIXELS, 1>(kernels);
  add_pixel_tiles<V, PIXELS, 2>(kernels);
  add_pixel_tiles<V, PIXELS * 2 / 3, 3>(kernels);
  return kernels;
}

}  // namespace fastconv::FC_ISA
