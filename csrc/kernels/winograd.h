// SPDX-License-Identifier: MIT
// Winograd's kernels (core/winograd_kernels.h): they cut rows into tiles, apply the transforms of
// kernels/winograd_transforms.h to planes, and put pixels together. Lanes are tiles: value j of
// `lanes` tiles is one register.
//
//     row    [ elements of tiles ]   load_tiles     d[0] .. d[alpha - 1]
//     d      transform_input  -->    v[0] .. v[alpha - 1], each stored to a plane of its own
//
// Planes are read and written in whole vectors, rows of the image only where there are elements.
// Loads and stores bound the speed: a transform computes little more than it reads and writes.
#pragma once

#include "core/winograd_kernels.h"
#include "kernels/pack.h"
#include "kernels/winograd_transforms.h"

namespace fastconv::FC_ISA {

// d[j] is element j of each tile, for neighbouring tiles whose first begins at `start` of a row;
// what lies beyond the row is 0. M vectors are loaded and unzipped into the elements that are 0, 1,
// .. modulo M; elements from M on belong to the next tile, too, and so are in its lane:
//
//     row       [ 0 1 2 3 4 5 6 7 8 9 .. ]     d[0] = [ 0 4 8 .. ]    d[4] = d[0], a lane further
//     M = 4                                    d[1] = [ 1 5 9 .. ]    d[5] = d[1], a lane further
//
// The last lanes lack their neighbours: (ALPHA - 1) / M tiles fewer than lanes are whole.
template <class V, int M, int ALPHA>
FC_INLINE void load_tiles(const typename V::T* row, index_t start, index_t width, V (&d)[ALPHA]) {
  V v[M], phase[M];
  FC_UNROLL for (int i = 0; i < M; ++i) {
    const index_t at = start + i * V::lanes;
    v[i] = at >= 0 && at + V::lanes <= width
               ? V::load(row + at)
               : V::load_mask(row + at, V::lanes_of(clamp_lane<V::lanes>(-at),
                                                    clamp_lane<V::lanes>(width - at)));
  }
  if constexpr (M == 1) {
    phase[0] = v[0];
  } else if constexpr (M == 2) {
    unzip(v[0], v[1], phase[0], phase[1]);
  } else {
    static_assert(M == 4);
    V even[2], odd[2];
    unzip(v[0], v[1], even[0], odd[0]);
    unzip(v[2], v[3], even[1], odd[1]);
    unzip(even[0], even[1], phase[0], phase[2]);
    unzip(odd[0], odd[1], phase[1], phase[3]);
  }
  FC_UNROLL for (int j = 0; j < ALPHA; ++j) {
    d[j] = phase[j % M];
    if (j >= M) d[j] = next_lane(d[j]);
    if (j >= 2 * M) d[j] = next_lane(d[j]);
  }
}

// The same element by element: for padding modes other than zeros, and for vectors so short that no
// tile would be whole. A tile may have more outputs than the image; it may then reach even beyond
// the padding, where it reads zeros.
template <class V, int M, int ALPHA>
FC_INLINE void gather_tiles(const TileRowsArgs<typename V::T>& a, const TileRow& r, index_t t0,
                            index_t n, V (&d)[ALPHA]) {
  typename V::T element[V::lanes] = {};
  for (int j = 0; j < ALPHA; ++j) {
    for (index_t t = 0; t < n; ++t) {
      const index_t at = source_of(a.mode, r.start + ((t0 + t) * M + j) * a.step, a.width);
      element[t] = at < 0 || at >= a.width ? 0 : a.image[r.at + at];
    }
    d[j] = V::load(element);
  }
}

// The elements of a dilated row, side by side. Not inlined: it is large and seldom used.
template <class V>
__attribute__((noinline)) void gather_apart(const TileRowsArgs<typename V::T>& a,
                                            const typename V::T* row, index_t start, index_t n,
                                            typename V::T* dst) noexcept {
  gather_long<V>({.row = row,
                  .width = a.width,
                  .start = start,
                  .step = a.step,
                  .n = n,
                  .mode = a.mode,
                  .dst = dst});
}

// How the elements of tiles are read: in whole vectors; likewise, after those of a dilated row have
// been copied side by side; or one by one.
enum class Reads { vectors, apart, one_by_one };

// Cuts rows into tiles, transforms these, and stores value j of each in plane j.
template <class V, int M, int R, Reads HOW>
FC_INLINE void transform_rows(const TileRowsArgs<typename V::T>& a) {
  constexpr int kAlpha = M + R - 1;
  constexpr bool kOneByOne = HOW == Reads::one_by_one;
  constexpr index_t kChunk = kOneByOne ? V::lanes : V::lanes - (kAlpha - 1) / M;
  typename V::T apart[V::lanes * M];  // elements of a dilated row, side by side
  auto* const dst = a.dst;  // as locals: the compiler expects vector stores to change any argument
  const index_t ld = a.ld;
  for (const TileRow* next = a.rows; next != a.rows + a.n_rows; ++next) {
    const TileRow r = *next;
    index_t n = 0;
    for (index_t t0 = 0; t0 < r.n; t0 += n) {
      V d[kAlpha], v[kAlpha];
      n = r.n - t0 < kChunk ? r.n - t0 : kChunk;
      const auto* row = a.image + r.at;
      const index_t start = r.start + t0 * M * (HOW == Reads::vectors ? 1 : a.step);
      FC_UNROLL for (int i = 0; i < M; ++i)
          __builtin_prefetch(a.next + r.at + start + i * V::lanes);
      if constexpr (HOW == Reads::vectors) {
        load_tiles<V, M>(row, start, a.width, d);
      } else if constexpr (HOW == Reads::apart) {
        const index_t width = (n - 1) * M + kAlpha;
        gather_apart<V>(a, row, start, width, apart);
        load_tiles<V, M>(apart, 0, width, d);
      } else {
        gather_tiles<V, M>(a, r, t0, n, d);
      }
      transform_input(d, v);
      for (int i = 0; i < r.n_dst; ++i) {
        auto* to = dst + r.dst[i] + t0;
        FC_UNROLL for (int j = 0; j < kAlpha; ++j, to += ld) v[j].store_n(to, static_cast<int>(n));
      }
    }
  }
}

// The entry of the table: chooses how to read.
template <class V, int M, int R>
void tile_rows(const TileRowsArgs<typename V::T>& a) noexcept {
  // The last (alpha - 1) / M lanes of a vector lack their neighbours; short ones have no others.
  if constexpr (V::lanes > (M + R - 2) / M) {
    if (a.mode == PadMode::zeros)
      return a.step == 1 ? transform_rows<V, M, R, Reads::vectors>(a)
                         : transform_rows<V, M, R, Reads::apart>(a);
  }
  transform_rows<V, M, R, Reads::one_by_one>(a);
}

// Applies `transform`, from TERMS values of each lane to RESULTS, to all lines of planes.
template <class V, int TERMS, int RESULTS, class Transform>
FC_INLINE void transform_planes(const PlanesArgs<typename V::T>& a, const Transform& transform) {
  for (index_t q = 0; q < a.lines; ++q)
    for (index_t l = 0; l < a.vectors * V::lanes; l += V::lanes) {
      V from[TERMS], to[RESULTS];
      FC_UNROLL for (int i = 0; i < TERMS; ++i) from[i] =
          V::load(a.src + q * a.src_line + i * a.src_term + l);
      transform(from, to);
      FC_UNROLL for (int i = 0; i < RESULTS; ++i) to[i].store(a.dst + q * a.dst_line +
                                                              i * a.dst_term + l);
    }
}

template <class V, int M, int R>
void input_planes(const PlanesArgs<typename V::T>& a) noexcept {
  constexpr int kAlpha = M + R - 1;
  transform_planes<V, kAlpha, kAlpha>(a, [](const V(&d)[kAlpha], V(&v)[kAlpha]) __attribute__((
                                             always_inline)) { transform_input(d, v); });
}

template <class V, int M, int R>
void output_planes(const PlanesArgs<typename V::T>& a) noexcept {
  constexpr int kAlpha = M + R - 1;
  transform_planes<V, kAlpha, M>(a, [](const V(&v)[kAlpha], V(&y)[M])
                                        __attribute__((always_inline)) { transform_output(v, y); });
}

template <class V, int M, int R>
void weight_planes(const PlanesArgs<typename V::T>& a) noexcept {
  constexpr int kAlpha = M + R - 1;
  transform_planes<V, R, kAlpha>(a,
                                 [](const V(&g)[R], V(&u)[kAlpha])
                                     __attribute__((always_inline)) { transform_weights(g, u); });
}

template <class V, int M, int R>
void grad_planes(const PlanesArgs<typename V::T>& a) noexcept {
  constexpr int kAlpha = M + R - 1;
  transform_planes<V, M, kAlpha>(a, [](const V(&y)[M], V(&v)[kAlpha])
                                        __attribute__((always_inline)) { transform_grads(y, v); });
}

template <class V, int M, int R>
void sum_planes(const PlanesArgs<typename V::T>& a) noexcept {
  constexpr int kAlpha = M + R - 1;
  transform_planes<V, kAlpha, R>(a, [](const V(&u)[kAlpha], V(&g)[R])
                                        __attribute__((always_inline)) { transform_sums(u, g); });
}

// Stores the M outputs of each lane's tile side by side: the inverse of the unzipping of
// load_tiles.
template <class V, int M>
FC_INLINE void store_tiles(const V (&y)[M], typename V::T* to) {
  if constexpr (M == 1) {
    y[0].store(to);
  } else {
    static_assert(M == 2 || M == 4);
    V out[4];
    if constexpr (M == 2) {
      zip(y[0], y[1], out[0], out[1]);
    } else {
      V even[2], odd[2];
      zip(y[0], y[2], even[0], even[1]);
      zip(y[1], y[3], odd[0], odd[1]);
      zip(even[0], odd[0], out[0], out[1]);
      zip(even[1], odd[1], out[2], out[3]);
    }
    FC_UNROLL for (int i = 0; i < M; ++i) out[i].store(to + i * V::lanes);
  }
}

// The output transform along the width, the bias, and whether all outputs are finite.
template <class V, int M, int R>
bool pixel_rows(const PixelRowArgs<typename V::T>& a) noexcept {
  constexpr int kAlpha = M + R - 1;
  const V bias = V::splat(a.bias);
  V zeros = V::zero();  // adds 0 * y: infinities and NaNs make it NaN, and so it stays
  for (index_t q = 0; q < a.lines; ++q)
    for (index_t l = 0; l < a.vectors * V::lanes; l += V::lanes) {
      V v[kAlpha], y[M];
      FC_UNROLL for (int i = 0; i < kAlpha; ++i) v[i] =
          V::load(a.src + q * a.src_line + i * a.src_term + l);
      transform_output(v, y);
      FC_UNROLL for (int i = 0; i < M; ++i) {
        zeros = fma(y[i], V::zero(), zeros);
        y[i] = y[i] + bias;
      }
      store_tiles(y, a.dst + q * a.ldc + l * M);
    }
  return zeros.sum() == 0;
}

// Copies runs of pixels a vector at a time, or one by one where they lie apart.
template <class V>
void store_runs(const StoreRunsArgs<typename V::T>& a) noexcept {
  for (const PixelRun* run = a.runs; run != a.runs + a.n_runs; ++run) {
    const auto* from = a.from + run->from;
    const auto* residual = a.residual ? a.residual + run->residual : nullptr;
    auto* to = a.to + run->to;
    if (a.step != 1) {
      for (index_t i = 0; i < run->n; ++i) {
        auto x = residual ? from[i] + residual[i * a.step] : from[i];
        if (a.limits && x < a.limits[0]) x = a.limits[0];
        if (a.limits && x > a.limits[1]) x = a.limits[1];
        to[i * a.step] = x;
      }
      continue;
    }
    for (index_t i = 0; i < run->n; i += V::lanes) {
      const int n = static_cast<int>(run->n - i < V::lanes ? run->n - i : V::lanes);
      V x[1] = {V::load_n(from + i, n)};
      if (residual) x[0] = x[0] + V::load_n(residual + i, n);
      limit(x, a.limits);
      x[0].store_n(to + i, n);
    }
  }
}

template <class V>
consteval WinogradKernels<typename V::T> make_winograd() {
  WinogradKernels<typename V::T> kernels{};
  auto add = [&]<int S>() {
    constexpr WinogradScheme s = kSchemes[S];
    kernels.tile_rows[S] = &tile_rows<V, s.m, s.r>;
    kernels.input[S] = &input_planes<V, s.m, s.r>;
    kernels.output[S] = &output_planes<V, s.m, s.r>;
    kernels.pixel_rows[S] = &pixel_rows<V, s.m, s.r>;
    kernels.weights[S] = &weight_planes<V, s.m, s.r>;
    kernels.grads[S] = &grad_planes<V, s.m, s.r>;
    kernels.sums[S] = &sum_planes<V, s.m, s.r>;
  };
  add.template operator()<0>(), add.template operator()<1>(), add.template operator()<2>();
  add.template operator()<3>(), add.template operator()<4>(), add.template operator()<5>();
  add.template operator()<6>();
  kernels.store_runs = &store_runs<V>;
  return kernels;
}

}  // namespace fastconv::FC_ISA
