// SPDX-License-Identifier: MIT
// Winograd's transforms: Toom-Cook at the points 0, +-1 and infinity (alpha = 4), or 0, +-3/2,
// +-2/3 and infinity (alpha = 6). With p * q = 1 the constants stay near 1, and float32 errs half
// as much as with the usual points 0, +-1, +-2 (B. Barabasz et al., "Error analysis and improving
// the accuracy of Winograd convolution", 2020).
#pragma once

#include "core/winograd_kernels.h"
#include "kernels/pack.h"
#include "simd/common.h"

namespace fastconv::FC_ISA {

inline constexpr double kP = 1.5, kQ = 2.0 / 3.0;

template <class V>
FC_INLINE V times(double c, V x) {
  return V::splat(static_cast<typename V::T>(c)) * x;
}
template <class V>
FC_INLINE V times(double c, V x, V sum) {  // c * x + sum
  return fma(V::splat(static_cast<typename V::T>(c)), x, sum);
}

consteval double power(double x, int n) {
  double result = 1;
  for (int i = 0; i < n; ++i) result *= x;
  return result;
}

template <int ALPHA, class V>
FC_INLINE void transform_input(const V (&d)[ALPHA], V (&v)[ALPHA]) {
  static_assert(ALPHA == 1 || ALPHA == 4 || ALPHA == 6);
  if constexpr (ALPHA == 1) {
    v[0] = d[0];
  } else if constexpr (ALPHA == 4) {
    v[0] = d[0] - d[2];
    v[1] = d[1] + d[2];
    v[2] = d[2] - d[1];
    v[3] = d[3] - d[1];
  } else {
    constexpr double p2 = kP * kP, q2 = kQ * kQ;
    const V even_p = times(-q2, d[2], d[4]), odd_p = times(-q2, d[1], d[3]);
    const V even_q = times(-p2, d[2], d[4]), odd_q = times(-p2, d[1], d[3]);
    v[0] = times(-(p2 + q2), d[2], d[0] + d[4]);
    v[1] = times(kP, odd_p, even_p);
    v[2] = times(-kP, odd_p, even_p);
    v[3] = times(kQ, odd_q, even_q);
    v[4] = times(-kQ, odd_q, even_q);
    v[5] = times(-(p2 + q2), d[3], d[1] + d[5]);
  }
}

// Result J of F(M, .) from the even and odd parts of each pair of points.
template <int J, int M, int ALPHA, class V>
FC_INLINE V output_of(const V (&v)[ALPHA], V part_p, V part_q) {
  V y = part_p;
  if constexpr (ALPHA == 6)
    y = J == 0 ? part_p + part_q : times(power(kP, J), part_p, times(power(kQ, J), part_q));
  if constexpr (J == 0) y = y + v[0];
  if constexpr (J == M - 1) y = y + v[ALPHA - 1];
  return y;
}

template <int M, int ALPHA, class V>
FC_INLINE void transform_output(const V (&v)[ALPHA], V (&y)[M]) {
  if constexpr (ALPHA == 1) {
    y[0] = v[0];
  } else {
    constexpr int q = ALPHA == 6 ? 3 : 1;  // alpha = 4 has one pair of points only
    const V even_p = v[1] + v[2], odd_p = v[1] - v[2];
    const V even_q = v[q] + v[q + 1], odd_q = v[q] - v[q + 1];
    y[0] = output_of<0, M>(v, even_p, even_q);
    if constexpr (M > 1) y[1] = output_of<1, M>(v, odd_p, odd_q);
    if constexpr (M > 2) y[2] = output_of<2, M>(v, even_p, even_q);
    if constexpr (M > 3) y[3] = output_of<3, M>(v, odd_p, odd_q);
    static_assert(M <= 4);
  }
}

// The kernel as a polynomial, at a and -a, over the products of that point's distances.
template <int R, class V>
FC_INLINE void evaluate(const V (&g)[R], double a, double distances, V& plus, V& minus) {
  V even = times(1 / distances, g[0]), odd = V::zero();
  double scale = 1 / distances;
  FC_UNROLL for (int k = 1; k < R; ++k) {
    scale *= a;
    (k % 2 ? odd : even) = times(scale, g[k], k % 2 ? odd : even);
  }
  plus = even + odd;
  minus = even - odd;
}

template <int ALPHA, int R, class V>
FC_INLINE void transform_weights(const V (&g)[R], V (&u)[ALPHA]) {
  u[0] = g[0];
  if constexpr (ALPHA == 4) evaluate(g, 1, 2, u[1], u[2]);
  if constexpr (ALPHA == 6) {
    constexpr double p2 = kP * kP, q2 = kQ * kQ;
    evaluate(g, kP, 2 * p2 * (p2 - q2), u[1], u[2]);
    evaluate(g, kQ, 2 * q2 * (q2 - p2), u[3], u[4]);
  }
  if constexpr (ALPHA > 1) u[ALPHA - 1] = g[R - 1];
}

// The adjoint of transform_output: results as the coefficients of a polynomial.
template <int ALPHA, int M, class V>
FC_INLINE void transform_grads(const V (&y)[M], V (&v)[ALPHA]) {
  v[0] = y[0];
  if constexpr (ALPHA == 4) evaluate(y, 1, 1, v[1], v[2]);
  if constexpr (ALPHA == 6) evaluate(y, kP, 1, v[1], v[2]), evaluate(y, kQ, 1, v[3], v[4]);
  if constexpr (ALPHA > 1) v[ALPHA - 1] = y[M - 1];
}

// The adjoint of transform_weights, where `distances` is as there.
template <int R, int ALPHA, class V>
FC_INLINE void transform_sums(const V (&u)[ALPHA], V (&g)[R]) {
  FC_UNROLL for (int k = 0; k < R; ++k) g[k] = k == 0       ? u[0]
                                               : k == R - 1 ? u[ALPHA - 1]
                                                            : V::zero();
  const auto add = [&](int i, double a, double distances) __attribute__((always_inline)) {
    const V even = u[i] + u[i + 1], odd = u[i] - u[i + 1];
    double scale = 1 / distances;
    FC_UNROLL for (int k = 0; k < R; ++k, scale *= a) g[k] = times(scale, k % 2 ? odd : even, g[k]);
  };
  if constexpr (ALPHA == 4) add(1, 1, 2);
  if constexpr (ALPHA == 6) {
    constexpr double p2 = kP * kP, q2 = kQ * kQ;
    add(1, kP, 2 * p2 * (p2 - q2));
    add(3, kQ, 2 * q2 * (q2 - p2));
  }
}

// The alpha elements of as many tiles as lanes allow, from element `start` on of a row in whole
// vectors; what lies beyond the row is 0.
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

// The same one by one, for padding modes and tiles that have no such short cut. A tile that
// has more outputs than the image may reach beyond its padding, too.
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

enum class Reads { vectors, apart, one_by_one };

template <class V, int M, int R, Reads HOW>
FC_INLINE void transform_rows(const TileRowsArgs<typename V::T>& a) {
  constexpr int kAlpha = M + R - 1;
  constexpr bool kOneByOne = HOW == Reads::one_by_one;
  constexpr index_t kChunk = kOneByOne ? V::lanes : V::lanes - (kAlpha - 1) / M;
  typename V::T apart[V::lanes * M];  // elements of a dilated row, side by side
  auto* const dst = a.dst;  // vector stores may alias anything: what lies in memory is read again
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

template <class V, int M, int R>
void tile_rows(const TileRowsArgs<typename V::T>& a) noexcept {
  // The last lanes of a vector lack their neighbours: some vectors have no others.
  if constexpr (V::lanes > (M + R - 2) / M) {
    if (a.mode == PadMode::zeros)
      return a.step == 1 ? transform_rows<V, M, R, Reads::vectors>(a)
                         : transform_rows<V, M, R, Reads::apart>(a);
  }
  transform_rows<V, M, R, Reads::one_by_one>(a);
}

// One 1-D transform of planes, from TERMS values of each lane to RESULTS.
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

template <class V, int M, int R>
bool pixel_rows(const PixelRowArgs<typename V::T>& a) noexcept {
  constexpr int kAlpha = M + R - 1;
  const V bias = V::splat(a.bias);
  V zeros = V::zero();  // times 0, what is not finite becomes a NaN that stays
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

template <class V>
void store_runs(const StoreRunsArgs<typename V::T>& a) noexcept {
  for (const PixelRun* run = a.runs; run != a.runs + a.n_runs; ++run) {
    const auto* from = a.from + run->from;
    const auto* residual = a.residual ? a.residual + run->to : nullptr;
    auto* to = a.to + run->to;
    if (a.step != 1) {
      for (index_t i = 0; i < run->n; ++i)
        to[i * a.step] = residual ? from[i] + residual[i * a.step] : from[i];
      continue;
    }
    for (index_t i = 0; i < run->n; i += V::lanes) {
      const int n = static_cast<int>(run->n - i < V::lanes ? run->n - i : V::lanes);
      V x = V::load_n(from + i, n);
      if (residual) x = x + V::load_n(residual + i, n);
      x.store_n(to + i, n);
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
  add.template operator()<3>();
  kernels.store_runs = &store_runs<V>;
  return kernels;
}

}  // namespace fastconv::FC_ISA
