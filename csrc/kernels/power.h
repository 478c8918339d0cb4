// SPDX-License-Identifier: MIT
// Powers of magnitudes, without a branch or a table, and the elementwise steps of p-norms that need
// them. x^p = 2^(p log2(x)), where the exponent must be known to more digits than a number has: it
// is carried as a sum of two numbers. With x = m 2^e and m from sqrt(1/2) to sqrt(2)
//
//     log2(x) = e + 2 atanh(s) log2(e),   s = (m - 1) / (m + 1)
//
// The error of a power is at most 2 ulp and |p log2(x)| / 16 more. Small whole powers are products,
// whose error is that of p - 1 roundings. NaN gives NaN; arithmetic bounds the speed.
#pragma once

#include "core/pool_kernels.h"
#include "kernels/vector_math.h"

namespace fastconv::FC_ISA {

template <class T>
struct PowerConstants;
template <>
struct PowerConstants<float> {
  static constexpr float kLog2eHi = 0x1.715476p+0f, kLog2eLo = 0x1.4ae0cp-26f;
  static constexpr float kLeastNormal = 0x1p-126f, kLargest = 0x1.fffffep+127f;
  static constexpr float kMostExponent = 160;  // 2^it is infinite, 2^-it is 0; half of it is normal
};
template <>
struct PowerConstants<double> {
  static constexpr double kLog2eHi = 0x1.71547652b82fep+0, kLog2eLo = 0x1.777d0ffda0d24p-56;
  static constexpr double kLeastNormal = 0x1p-1022, kLargest = 0x1.fffffffffffffp+1023;
  static constexpr double kMostExponent = 1100;
};

// A sum of two numbers of which the second is tiny.
template <class V>
struct Twofold {
  V hi, lo;
};

// a * b, exactly. fma gives what rounding took away, but for an ISA that rounds products in it;
// there each factor is split into halves (Veltkamp and Dekker).
template <class V>
FC_INLINE Twofold<V> product(V a, V b) {
  const V hi = a * b;
  if constexpr (requires { V::rounds_products; }) {
    const V split = V::splat(MathConstants<typename V::T>::kSplit), sa = split * a, sb = split * b;
    const V a1 = sa - (sa - a), a2 = a - a1, b1 = sb - (sb - b), b2 = b - b1;
    return {hi, a2 * b2 - (((hi - a1 * b1) - a2 * b1) - a1 * b2)};
  } else {
    return {hi, fma(a, b, V::zero() - hi)};
  }
}

// log2(x) of a finite x > 0.
template <class V>
FC_INLINE Twofold<V> log2_twofold(V x) {
  using C = Constants<V>;
  using P = PowerConstants<typename V::T>;
  const V one = V::splat(1);
  const auto tiny = less(x, V::splat(P::kLeastNormal));
  V e;
  V m = split_exponent(select(tiny, x * V::splat(1 / C::kUnlift), x), e);
  e = e - select(tiny, V::splat(C::kLift), V::zero());
  const auto large = less(V::splat(static_cast<typename V::T>(0x1.6a09e667f3bcdp+0)), m);
  m = select(large, m * V::splat(static_cast<typename V::T>(0.5)), m);
  e = select(large, e + one, e);
  // s in two parts: what the division leaves is divided again.
  const V f = m - one, g = m + one, g_lo = m - (g - one);
  const V s = f / g;
  const Twofold<V> back = product(s, g);
  const V s_lo = (((f - back.hi) - back.lo) - s * g_lo) / g;
  const V square = s * s;
  const V hi = s + s, lo = fma(hi * square, polynomial(C::kAtanh, square), s_lo + s_lo);
  const V c_hi = V::splat(P::kLog2eHi), c_lo = V::splat(P::kLog2eLo);
  const Twofold<V> scaled = product(hi, c_hi);
  const V sum = e + scaled.hi;
  const V rest = ((e - sum) + scaled.hi) + (scaled.lo + fma(hi, c_lo, lo * c_hi));
  const V all = sum + rest;
  return {all, (sum - all) + rest};
}

// x^p for x >= 0; p may be negative.
template <class V>
FC_INLINE V power_of(V x, double p) {
  using T = typename V::T;
  using C = Constants<V>;
  using P = PowerConstants<T>;
  const T p_hi = static_cast<T>(p), p_lo = static_cast<T>(p - static_cast<double>(p_hi));
  const Twofold<V> log = log2_twofold(x);
  Twofold<V> y = product(V::splat(p_hi), log.hi);
  y.lo = y.lo + fma(V::splat(p_hi), log.lo, V::splat(p_lo) * log.hi);
  const V most = V::splat(P::kMostExponent), least = V::splat(-P::kMostExponent);
  const auto within = less(abs(y.hi), most);
  y.lo = select(within, y.lo, V::zero());
  y.hi = max(least, min(most, y.hi));
  const V round = V::splat(C::kRound);
  const V k = (y.hi + round) - round;
  const V r = ((y.hi - k) + y.lo) * V::splat(static_cast<T>(0x1.62e42fefa39efp-1));
  const V grown = fma(r * r, polynomial(C::kExp, r), r);
  const V half = (k * V::splat(static_cast<T>(0.5)) + round) - round;
  const V power = (V::splat(1) + grown) * pow2(half) * pow2(k - half);
  // The ends: 0, infinity and NaN.
  const T infinity = static_cast<T>(__builtin_inf());
  const T at_zero = p > 0 ? T{0} : p < 0 ? infinity : T{1};
  const T at_infinity = p > 0 ? infinity : p < 0 ? T{0} : T{1};
  V ends = select(less(V::splat(P::kLargest), x), V::splat(at_infinity), x);
  ends = select(less(x, V::splat(P::kLeastNormal)), V::splat(at_zero), ends);
  const auto positive = less(V::zero(), x), finite = less(x, V::splat(infinity));
  return select(positive, select(finite, power, ends), ends);
}

inline constexpr int kMostProducts = 8;  // whole powers up to it are products

// |x|^p.
template <class V>
FC_INLINE V magnitude_power(V x, double p) {
  const int whole = p >= 1 && p <= kMostProducts ? static_cast<int>(p) : 0;
  const V a = abs(x);
  if (whole != p) return power_of(a, p);
  V power = a;
  for (int i = 1; i < whole; ++i) power = power * a;
  return power;
}

// As far as numbers reach: where a power of a finite number is infinite, it is the largest one, so
// that its product with a 0 is 0.
template <class V>
FC_INLINE V bounded_power(V x, double p) {
  const V largest = V::splat(PowerConstants<typename V::T>::kLargest), y = magnitude_power(x, p);
  const V bounded = select(less(largest, y), largest, y);
  return select(less(largest, abs(x)), y, bounded);
}

template <class V>
FC_INLINE auto is_zero(V x) {
  return less(abs(x), V::splat(static_cast<typename V::T>(
                          sizeof(typename V::T) == 4 ? 0x1p-149 : 0x0.0000000000001p-1022)));
}

// The gradient of p-norms y of x: sign(x) |x|^(p - 1) times the sum over the windows that hold x of
// dy y^(1 - p). What is 0 has no slope. First the factors of the sum:
template <class V>
void norm_factors(double p, const typename V::T* y, const typename V::T* dy, index_t n,
                  typename V::T* factors) noexcept {
  for (index_t i = 0; i < n; i += V::lanes) {
    const V norm = load_some<V>(y + i, n - i), d = load_some<V>(dy + i, n - i);
    V factor = d;
    if (p == 2)
      factor = d / norm;
    else if (p != 1)
      factor = d * bounded_power(norm, 1 - p);
    store_some(select(is_zero(norm), V::zero(), factor), factors + i, n - i);
  }
}
// and then, in place, from the sums to dx.
template <class V>
void norm_slopes(double p, const typename V::T* x, index_t n, typename V::T* dx) noexcept {
  for (index_t i = 0; i < n; i += V::lanes) {
    const V a = load_some<V>(x + i, n - i), sum = load_some<V>(dx + i, n - i);
    V slope = a;
    if (p == 1)
      slope = copysign(V::splat(1), a);
    else if (p != 2)
      slope = copysign(bounded_power(a, p - 1), a);
    store_some(select(is_zero(a), V::zero(), sum * slope), dx + i, n - i);
  }
}

}  // namespace fastconv::FC_ISA
