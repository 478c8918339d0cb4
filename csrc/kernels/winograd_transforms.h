// SPDX-License-Identifier: MIT
// The arithmetic of Winograd's transforms, on registers. The m outputs of a tile are the transpose
// of a product of two polynomials, of m and of r coefficients, which Toom and Cook compute from
// their values at alpha points. Hence
//
//     r taps        -- transform_weights -->  u[alpha]   the taps' polynomial at the points, scaled
//     alpha inputs  -- transform_input   -->  v[alpha]   interpolation, transposed
//     u * v         -- transform_output  -->  m outputs  evaluation at the points, transposed
//
// The points are, beside infinity (B. Barabasz et al., "Error analysis and improving the accuracy
// of Winograd convolution", 2020):
//
//     alpha = 3   0 and 1
//     alpha = 4   0, 1, -1
//     alpha = 5   p, -p, q, -q         with p = 5/4 and q = 2/5: float32 errs a tenth less than
//                                      with 1/2, and half as much as F(4, 3)
//     alpha = 6   0, p, -p, q, -q      with p = 3/2 and q = 2/3: since p * q = 1 the constants stay
//                                      near 1, and float32 errs half as much as with 1 and 2
//     alpha = 8   0, and 1, 2, 1/2 and their opposites: the best of 680 triples that were tried
//
// Values at a and -a share their even and odd parts, so that a transform is a dozen additions and
// FMAs on alpha registers.
#pragma once

#include "simd/common.h"

namespace fastconv::FC_ISA {

// The points of a tile of alpha values, other than infinity: 0, if `zero`, and `pairs` pairs at[i],
// -at[i]. Values are in this order, that of infinity comes last.
struct Points {
  bool zero;
  int pairs;
  double at[3];
  // The product of the distances of at[i] from all others. That of its opposite is the same if 0 is
  // a point, else minus that.
  double distances[3];
};
consteval Points points_of(int alpha) {
  Points p{};
  p.zero = alpha != 5;
  p.pairs = alpha <= 3 ? 0 : (alpha - 1 - p.zero) / 2;
  const double points[][3] = {{1}, {1.25, 0.4}, {1.5, 2.0 / 3.0}, {}, {1, 2, 0.5}};
  for (int i = 0; i < p.pairs; ++i) p.at[i] = points[alpha - 4][i];
  for (int i = 0; i < p.pairs; ++i) {
    const double a = p.at[i];
    p.distances[i] = p.zero ? 2 * a * a : 2 * a;
    for (int j = 0; j < p.pairs; ++j)
      if (j != i) p.distances[i] *= a * a - p.at[j] * p.at[j];
  }
  return p;
}
template <int ALPHA>
inline constexpr Points kPoints = points_of(ALPHA);

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

// The inputs of a tile to their alpha values. The value at point a is the sum of the inputs, each
// times the coefficient of its power of x in the product of x - b over all other points b.
template <int ALPHA, class V>
FC_INLINE void transform_input(const V (&d)[ALPHA], V (&v)[ALPHA]) {
  static_assert(ALPHA == 1 || (ALPHA >= 3 && ALPHA <= 6) || ALPHA == 8);
  if constexpr (ALPHA == 1) {
    v[0] = d[0];
  } else if constexpr (ALPHA == 3) {
    v[0] = d[0] - d[1];
    v[1] = d[1];
    v[2] = d[2] - d[1];
  } else if constexpr (ALPHA == 4) {
    v[0] = d[0] - d[2];
    v[1] = d[1] + d[2];
    v[2] = d[2] - d[1];
    v[3] = d[3] - d[1];
  } else if constexpr (ALPHA == 5) {
    constexpr double p = kPoints<5>.at[0], q = kPoints<5>.at[1], p2 = p * p, q2 = q * q;
    const V even_p = times(-q2, d[0], d[2]), odd_p = times(-q2, d[1], d[3]);
    const V even_q = times(-p2, d[0], d[2]), odd_q = times(-p2, d[1], d[3]);
    v[0] = times(p, even_p, odd_p);
    v[1] = times(-p, even_p, odd_p);
    v[2] = times(q, even_q, odd_q);
    v[3] = times(-q, even_q, odd_q);
    v[4] = times(p2 * q2, d[0], times(-(p2 + q2), d[2], d[4]));
  } else if constexpr (ALPHA == 6) {
    constexpr double p = kPoints<6>.at[0], q = kPoints<6>.at[1], p2 = p * p, q2 = q * q;
    const V even_p = times(-q2, d[2], d[4]), odd_p = times(-q2, d[1], d[3]);
    const V even_q = times(-p2, d[2], d[4]), odd_q = times(-p2, d[1], d[3]);
    v[0] = times(-(p2 + q2), d[2], d[0] + d[4]);
    v[1] = times(p, odd_p, even_p);
    v[2] = times(-p, odd_p, even_p);
    v[3] = times(q, odd_q, even_q);
    v[4] = times(-q, odd_q, even_q);
    v[5] = times(-(p2 + q2), d[3], d[1] + d[5]);
  } else {
    // The squares of the points are 1, 4 and 1/4; for each, the sum and the product of the others.
    constexpr double all = 5.25, sum[] = {4.25, 1.25, 5}, product[] = {1, 0.25, 4};
    v[0] = times(all, d[4] - d[2], d[0] - d[6]);
    FC_UNROLL for (int i = 0; i < 3; ++i) {
      const V even = times(product[i], d[2], times(-sum[i], d[4], d[6]));
      const V odd = times(product[i], d[1], times(-sum[i], d[3], d[5]));
      v[2 * i + 1] = times(kPoints<8>.at[i], odd, even);
      v[2 * i + 2] = times(-kPoints<8>.at[i], odd, even);
    }
    v[7] = times(all, d[3] - d[5], d[7] - d[1]);
  }
}

// The sum of point^J * v over the points at[I], .., and their opposites: `parts` are, for each
// pair, the sum (J even) or the difference (J odd) of its values.
template <int ALPHA, int J, int I, class V>
FC_INLINE V sum_of_parts(const V* parts) {
  constexpr double scale = power(kPoints<ALPHA>.at[I], J);
  if constexpr (I + 1 == kPoints<ALPHA>.pairs) {
    return scale == 1 ? parts[I] : times(scale, parts[I]);
  } else {
    const V rest = sum_of_parts<ALPHA, J, I + 1>(parts);
    return scale == 1 ? parts[I] + rest : times(scale, parts[I], rest);
  }
}

// Output J of F(M, .): the point 0 adds to output 0 only, and infinity to the last.
template <int J, int M, int ALPHA, class V>
FC_INLINE V output_of(const V (&v)[ALPHA], const V* parts) {
  V y = sum_of_parts<ALPHA, J, 0>(parts);
  if constexpr (J == 0 && kPoints<ALPHA>.zero) y = y + v[0];
  if constexpr (J == M - 1) y = y + v[ALPHA - 1];
  return y;
}

// The alpha products of a tile to its M outputs.
template <int M, int ALPHA, class V>
FC_INLINE void transform_output(const V (&v)[ALPHA], V (&y)[M]) {
  if constexpr (ALPHA == 1) {
    y[0] = v[0];
  } else if constexpr (ALPHA == 3) {
    static_assert(M == 2);
    y[0] = v[0] + v[1];
    y[1] = v[1] + v[2];
  } else {
    constexpr int kFirst = kPoints<ALPHA>.zero, kPairs = kPoints<ALPHA>.pairs;
    V even[kPairs], odd[kPairs];
    FC_UNROLL for (int i = 0; i < kPairs; ++i) {
      even[i] = v[kFirst + 2 * i] + v[kFirst + 2 * i + 1];
      odd[i] = v[kFirst + 2 * i] - v[kFirst + 2 * i + 1];
    }
    y[0] = output_of<0, M>(v, even);
    if constexpr (M > 1) y[1] = output_of<1, M>(v, odd);
    if constexpr (M > 2) y[2] = output_of<2, M>(v, even);
    if constexpr (M > 3) y[3] = output_of<3, M>(v, odd);
    static_assert(M <= 4);
  }
}

// The values at a and -a of the polynomial with coefficients g, divided by `distances`.
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
  constexpr Points p = kPoints<ALPHA>;
  if constexpr (p.zero) u[0] = g[0];
  if constexpr (ALPHA == 3) u[1] = g[0] + g[1];
  if constexpr (p.pairs > 0) FC_UNROLL for (int i = 0; i < p.pairs; ++i) {
      V &plus = u[p.zero + 2 * i], &minus = u[p.zero + 2 * i + 1];
      evaluate(g, p.at[i], p.distances[i], plus, minus);
      if (!p.zero) minus = V::zero() - minus;
    }
  if constexpr (ALPHA > 1) u[ALPHA - 1] = g[R - 1];
}

// The adjoint of transform_output, from M gradients of outputs to alpha values: those of the
// polynomial with these coefficients, at all points.
template <int ALPHA, int M, class V>
FC_INLINE void transform_grads(const V (&y)[M], V (&v)[ALPHA]) {
  constexpr Points p = kPoints<ALPHA>;
  if constexpr (p.zero) v[0] = y[0];
  if constexpr (ALPHA == 3) v[1] = y[0] + y[1];
  if constexpr (p.pairs > 0)
    FC_UNROLL for (int i = 0; i < p.pairs; ++i)
        evaluate(y, p.at[i], 1, v[p.zero + 2 * i], v[p.zero + 2 * i + 1]);
  if constexpr (ALPHA > 1) v[ALPHA - 1] = y[M - 1];
}

// The adjoint of transform_weights, from alpha sums to the gradients of R taps.
template <int R, int ALPHA, class V>
FC_INLINE void transform_sums(const V (&u)[ALPHA], V (&g)[R]) {
  constexpr Points p = kPoints<ALPHA>;
  FC_UNROLL for (int k = 0; k < R; ++k) g[k] = k == 0 && p.zero ? u[0]
                                               : k == R - 1     ? u[ALPHA - 1]
                                                                : V::zero();
  if constexpr (ALPHA == 3) {
    g[0] = g[0] + u[1];
    g[1] = g[1] + u[1];
  }
  if constexpr (p.pairs > 0) FC_UNROLL for (int i = 0; i < p.pairs; ++i) {
      const V plus = u[p.zero + 2 * i], minus = u[p.zero + 2 * i + 1];
      const V sum = plus + minus, difference = plus - minus;
      const V &even = p.zero ? sum : difference, &odd = p.zero ? difference : sum;
      double scale = 1 / p.distances[i];
      FC_UNROLL for (int k = 0; k < R; ++k, scale *= p.at[i]) g[k] =
          times(scale, k % 2 ? odd : even, g[k]);
    }
}

}  // namespace fastconv::FC_ISA
