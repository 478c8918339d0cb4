// SPDX-License-Identifier: MIT
// The arithmetic of Winograd's transforms, on registers. The m outputs of a tile are the transpose
// of a product of two polynomials, of m and of r coefficients, which Toom and Cook compute from
// their values at alpha points. Hence
//
//     r taps        -- transform_weights -->  u[alpha]   the taps' polynomial at the points, scaled
//     alpha inputs  -- transform_input   -->  v[alpha]   interpolation, transposed
//     u * v         -- transform_output  -->  m outputs  evaluation at the points, transposed
//
// The points are 0, 1, -1 and infinity (alpha = 4), or 0, p, -p, q, -q and infinity (alpha = 6)
// with p = 3/2 and q = 2/3. With p * q = 1 the constants stay near 1, and float32 errs half as much
// as with the usual points 0, +-1, +-2 (B. Barabasz et al., "Error analysis and improving the
// accuracy of Winograd convolution", 2020). Values at a and -a share their even and odd parts, so
// that a transform is a dozen additions and FMAs on alpha registers.
#pragma once

#include "simd/common.h"

namespace fastconv::FC_ISA {

inline constexpr double kP = 1.5, kQ = 2.0 / 3.0;

// c * x.
template <class V>
FC_INLINE V times(double c, V x) {
  return V::splat(static_cast<typename V::T>(c)) * x;
}
// c * x + sum.
template <class V>
FC_INLINE V times(double c, V x, V sum) {
  return fma(V::splat(static_cast<typename V::T>(c)), x, sum);
}

// x^n.
consteval double power(double x, int n) {
  double result = 1;
  for (int i = 0; i < n; ++i) result *= x;
  return result;
}

// The inputs of a tile to their alpha values.
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

// Output J of F(M, .): the sum of point^J * v over all points. part_p and part_q are the sums (J
// even) or differences (J odd) of v at p and -p, and at q and -q; the point 0 adds to output 0
// only, and infinity to the last.
template <int J, int M, int ALPHA, class V>
FC_INLINE V output_of(const V (&v)[ALPHA], V part_p, V part_q) {
  V y = part_p;
  if constexpr (ALPHA == 6)
    y = J == 0 ? part_p + part_q : times(power(kP, J), part_p, times(power(kQ, J), part_q));
  if constexpr (J == 0) y = y + v[0];
  if constexpr (J == M - 1) y = y + v[ALPHA - 1];
  return y;
}

// The alpha products of a tile to its M outputs.
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

// The values at a and -a of the polynomial with coefficients g, divided by `distances`: the product
// of the distances of a from all other points.
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

// The R taps of a kernel to their alpha values.
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

// The adjoint of transform_output, from M gradients of outputs to alpha values: those of the
// polynomial with these coefficients, at all points.
template <int ALPHA, int M, class V>
FC_INLINE void transform_grads(const V (&y)[M], V (&v)[ALPHA]) {
  v[0] = y[0];
  if constexpr (ALPHA == 4) evaluate(y, 1, 1, v[1], v[2]);
  if constexpr (ALPHA == 6) evaluate(y, kP, 1, v[1], v[2]), evaluate(y, kQ, 1, v[3], v[4]);
  if constexpr (ALPHA > 1) v[ALPHA - 1] = y[M - 1];
}

// The adjoint of transform_weights, from alpha sums to the gradients of R taps; `distances` is what
// it is there.
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

}  // namespace fastconv::FC_ISA
