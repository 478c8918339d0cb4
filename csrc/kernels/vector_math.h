// SPDX-License-Identifier: MIT
// Functions of vectors, without a branch or a table. All make use of e^x for x <= 0, which never
// overflows: the logistic function, tanh, softmax and the normal distribution need no more.
//
//     x = k ln(2) + r  -->  e^x = 2^k * e^r     2^k by the bits of the exponent,
//                                               e^r = 1 + r + r^2 * polynomial(r)
//
// Errors are a few ulp of the result, down into the subnormals; NaN gives NaN. Arithmetic in
// registers bounds the speed: about 20 operations for an exponential.
#pragma once

#include "simd/common.h"

namespace fastconv::FC_ISA {

// The constants of each type. Three of them are polynomials, the coefficient of the lowest power
// first; all are minimax polynomials, found by Remez exchange with 60 digits. Their errors, with
// coefficients rounded, are given in parts of the relative error of one rounding, which is 2^-24
// for float and 2^-53 for double.
// - kExp approximates (e^r - 1 - r) / r^2 for |r| <= ln(2) / 2. The error of the e^r - 1 that it
//   gives is at most 0.05 (float) and 0.01 (double).
// - kTail approximates Phi(-a) e^(a^2 / 2) (a + kTailCentre), where Phi is the normal distribution,
//   for 0 <= a <= kTailEnd, as a polynomial in t = (a - kTailCentre) / (a + kTailCentre). This is
//   after Shepherd and Laframboise, "Chebyshev approximation of (1 + 2x) exp(x^2) erfc x", Math.
//   Comp. 36 (1981). The error is at most 0.5 (float) and 0.2 (double).
// - kAtanh approximates (atanh(s) / s - 1) / s^2 for 0 <= s <= 1/3, as a polynomial in s^2. The
// error
//   of the atanh(s) that it gives is at most 0.01 (float) and 0.02 (double).
template <class T>
struct MathConstants;

template <>
struct MathConstants<float> {
  static constexpr float kRound = 0x1.8p23f;  // adding and subtracting it rounds to an integer
  static constexpr float kLn2Hi = 0x1.62e4p-1f, kLn2Lo = 0x1.7f7d1cp-20f;  // k * kLn2Hi is exact
  static constexpr float kLeast = -110;                                    // e^kLeast rounds to 0
  static constexpr float kLift = 64;  // keeps 2^(k + kLift) normal
  static constexpr float kUnlift = 0x1p-64f;
  static constexpr float kSplit = 4097;  // splits a number into halves of 12 bits (Veltkamp)
  static constexpr float kTailEnd = 15, kTailCentre = 3.5f;
  static constexpr float kExp[] = {0x1.0p-1f,      0x1.555556p-3f,  0x1.5554bp-5f,
                                   0x1.111094p-7f, 0x1.6d729cp-10f, 0x1.a19b66p-13f};
  static constexpr float kTail[] = {
      0x1.7d241ap-1f, -0x1.21914ep-1f, 0x1.42fee2p-2f,   -0x1.db5afcp-4f, 0x1.1d247ap-6f,
      0x1.a9a75ap-8f, -0x1.9f2722p-9f, -0x1.039e58p-11f, 0x1.b129fp-12f,  0x1.be69a6p-14f};
  static constexpr float kAtanh[] = {0x1.555558p-2f, 0x1.9996bp-3f, 0x1.2508bp-3f, 0x1.b6e6cep-4f,
                                     0x1.f1733cp-4f};
};

template <>
struct MathConstants<double> {
  static constexpr double kRound = 0x1.8p52;
  static constexpr double kLn2Hi = 0x1.62e42feep-1, kLn2Lo = 0x1.a39ef35793c76p-33;
  static constexpr double kLeast = -762;
  static constexpr double kLift = 512;
  static constexpr double kUnlift = 0x1p-512;
  static constexpr double kSplit = 0x1p27 + 1;
  static constexpr double kTailEnd = 39, kTailCentre = 5;
  static constexpr double kExp[] = {0x1.0p-1,
                                    0x1.5555555555559p-3,
                                    0x1.555555555555ap-5,
                                    0x1.111111110f72dp-7,
                                    0x1.6c16c16c1450fp-10,
                                    0x1.a01a01afbc57fp-13,
                                    0x1.a01a01b08c61dp-16,
                                    0x1.71ddf8a7df318p-19,
                                    0x1.27e4c5e47b9abp-22,
                                    0x1.af5e46c66ab8cp-26,
                                    0x1.1f95157921d56p-29};
  static constexpr double kTail[] = {
      0x1.89d3abe1f95aep-1,   -0x1.54ad03f27ca18p-1,  0x1.fb31653876f69p-2,
      -0x1.410ed5f87594p-2,   0x1.51f6329f024adp-3,   -0x1.1b1c254ca47b1p-4,
      0x1.54b4d4f43f6f7p-6,   -0x1.88590e9765a22p-9,  -0x1.a2503720e6b62p-11,
      0x1.1daf1ac4ef64cp-11,  -0x1.f214b22a89ca4p-15, -0x1.a1700d48725ecp-15,
      0x1.17dffba78848fp-16,  0x1.0b14a72fbe1a5p-18,  -0x1.73f278192ac57p-19,
      -0x1.675384be2c055p-22, 0x1.d553cd39a5187p-22,  0x1.5aec455d1a81cp-25,
      -0x1.30c07a28737cfp-24, -0x1.3035db590dea1p-27, 0x1.8345e210617d6p-27,
      0x1.4f702ba59dc36p-29,  -0x1.60548c0982273p-30, -0x1.ecf4e8db13332p-32};
  static constexpr double kAtanh[] = {
      0x1.5555555555556p-2, 0x1.999999999956cp-3, 0x1.24924924c149dp-3, 0x1.c71c71a632189p-4,
      0x1.745d1df4eba82p-4, 0x1.3b12d751b8983p-4, 0x1.11232cb9967fep-4, 0x1.dfe4c75d6ebbcp-5,
      0x1.c1614d4e11c33p-5, 0x1.1eb2e228d25p-5,   0x1.5114b5866b123p-4};
};

template <class V>
using Constants = MathConstants<typename V::T>;

// c[0] + c[1] x + c[2] x^2 + ...
template <class V, int FIRST = 0, int N>
FC_INLINE V polynomial(const typename V::T (&c)[N], V x) {
  if constexpr (FIRST + 1 == N)
    return V::splat(c[FIRST]);
  else
    return fma(polynomial<V, FIRST + 1>(c, x), x, V::splat(c[FIRST]));
}

// Finds k, integral, and r, |r| <= ln(2) / 2, of which hi + lo = k ln(2) + r. k ln(2) is subtracted
// in two steps, so that r is exact enough: after Cody and Waite, "Software Manual for the
// Elementary Functions" (1980). `grown` is e^r - 1.
template <class V>
struct Reduced {
  V k, grown;
};
template <class V>
FC_INLINE Reduced<V> reduce(V hi, V lo) {
  using C = Constants<V>;
  const V round = V::splat(C::kRound);
  hi = max(V::splat(C::kLeast), hi);
  const V k = fma(hi, V::splat(static_cast<typename V::T>(0x1.71547652b82fep+0)), round) - round;
  V r = fma(k, V::splat(-C::kLn2Hi), hi);
  r = fma(k, V::splat(-C::kLn2Lo), r) + lo;
  return {k, fma(r * r, polynomial(C::kExp, r), r)};
}

// e^(x + lo) for x <= 0, where lo is a small correction, below ln(2) / 4. 2^k may be subnormal,
// which pow2 cannot make: hence 2^(k + kLift) and a product with 2^-kLift.
template <class V>
FC_INLINE V exp_nonpositive(V x, V lo = V::zero()) {
  using C = Constants<V>;
  const Reduced<V> r = reduce(x, lo);
  const V power = pow2(r.k + V::splat(C::kLift));
  return (V::splat(1) + r.grown) * power * V::splat(C::kUnlift);
}

// e^x - 1 for x <= 0, accurate near 0 too.
template <class V>
FC_INLINE V expm1_nonpositive(V x) {
  const Reduced<V> r = reduce(max(V::splat(-64), x), V::zero());
  const V power = pow2(r.k);
  return fma(power, r.grown, power - V::splat(1));
}

// ln(1 + e) for 0 <= e <= 1. It is 2 atanh(s) with s = e / (2 + e), and e itself where e is tiny.
template <class V>
FC_INLINE V log1p_fraction(V e) {
  const V t = V::splat(1) / (V::splat(2) + e), s = e * t, square = s * s;
  const V twice = e * (t + t);  // 2 s, of which no bit is lost where e is subnormal
  return fma(twice * square, polynomial(Constants<V>::kAtanh, square), twice);
}

// The logistic function 1 / (1 + e^-x) at x (`value`) and at -x (`complement`); their sum is 1.
// With e = e^-|x| the larger of the two is 1 / (1 + e), the smaller e / (1 + e).
template <class V>
struct Logistic {
  V value, complement;
};
template <class V>
FC_INLINE Logistic<V> logistic(V x) {
  const V one = V::splat(1);
  const V e = exp_nonpositive(V::zero() - abs(x));
  const V big = one / (one + e), small = e * big;
  const auto negative = less(x, V::zero());
  return {select(negative, small, big), select(negative, big, small)};
}

// (1 - e) / (1 + e) with e = e^(-2 |x|), computed from e - 1, and with the sign of x.
template <class V>
FC_INLINE V tanh(V x) {
  const V e = expm1_nonpositive(V::splat(-2) * abs(x));
  return copysign((V::zero() - e) / (V::splat(2) + e), x);
}

// The normal distribution at x: its integral Phi(x), and e^(-x^2 / 2).
template <class V>
struct Normal {
  V cdf, bell;
};
template <class V>
FC_INLINE Normal<V> normal(V x) {
  using C = Constants<V>;
  const V one = V::splat(1), half = V::splat(typename V::T(0.5));
  const V a = min(V::splat(C::kTailEnd), abs(x));
  const V scaled = V::splat(C::kSplit) * a;
  const V hi = scaled - (scaled - a);  // a^2 in two parts: rounded, it would err by a^2 / 2 ulp
  const V lo = (hi - a) * (hi + a) * half;
  const V bell = exp_nonpositive(V::zero() - hi * hi * half, lo);
  const V centre = V::splat(C::kTailCentre), inverse = one / (a + centre);
  const V tail = bell * (inverse * polynomial(C::kTail, (a - centre) * inverse));
  return {select(less(x, V::zero()), tail, one - tail), bell};
}

}  // namespace fastconv::FC_ISA
