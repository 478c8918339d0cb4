// SPDX-License-Identifier: MIT
// Fourier transforms whose lanes are lines (core/fft_kernels.h says what each kernel computes). A
// butterfly of radix 8 holds 16 vectors; what one radix needs more than an ISA has registers for is
// kept in L1.
#pragma once

#include "core/fft_kernels.h"
#include "simd/common.h"

namespace fastconv::FC_ISA {

template <class V>
struct Complex {
  V re, im;
};
template <class V>
FC_INLINE Complex<V> operator+(Complex<V> a, Complex<V> b) {
  return {a.re + b.re, a.im + b.im};
}
template <class V>
FC_INLINE Complex<V> operator-(Complex<V> a, Complex<V> b) {
  return {a.re - b.re, a.im - b.im};
}
template <class V>
FC_INLINE Complex<V> operator*(V a, Complex<V> b) {
  return {a * b.re, a * b.im};
}
// -i * a, the rotation by a quarter.
template <class V>
FC_INLINE Complex<V> quarter(Complex<V> a) {
  return {a.im, V::zero() - a.re};
}
// a * (re + i * im)
template <class V>
FC_INLINE Complex<V> turn(Complex<V> a, V re, V im) {
  return {fma(a.re, re, V::zero() - a.im * im), fma(a.re, im, a.im * re)};
}

// The discrete Fourier transform of R numbers, in place.
template <class V>
FC_INLINE void dft(Complex<V> (&a)[2]) {
  const Complex<V> t = a[0] - a[1];
  a[0] = a[0] + a[1], a[1] = t;
}
template <class V>
FC_INLINE void dft(Complex<V> (&a)[3]) {
  using T = typename V::T;
  const V half = V::splat(T(-0.5)), sine = V::splat(T(0.86602540378443864676));
  const Complex<V> sum = a[1] + a[2], rest = sine * quarter(a[1] - a[2]);
  const Complex<V> middle = {fma(half, sum.re, a[0].re), fma(half, sum.im, a[0].im)};
  a[0] = a[0] + sum, a[1] = middle + rest, a[2] = middle - rest;
}
template <class V>
FC_INLINE void dft(Complex<V> (&a)[4]) {
  const Complex<V> s02 = a[0] + a[2], d02 = a[0] - a[2], s13 = a[1] + a[3];
  const Complex<V> d13 = a[1] - a[3];
  a[0] = s02 + s13, a[2] = s02 - s13;
  a[1] = {d02.re + d13.im, d02.im - d13.re};
  a[3] = {d02.re - d13.im, d02.im + d13.re};
}
template <class V>
FC_INLINE void dft(Complex<V> (&a)[5]) {
  using T = typename V::T;
  const V c1 = V::splat(T(0.30901699437494742410)), c2 = V::splat(T(-0.80901699437494742410));
  const V s1 = V::splat(T(0.95105651629515357212)), s2 = V::splat(T(0.58778525229247312917));
  const Complex<V> s14 = a[1] + a[4], d14 = a[1] - a[4], s23 = a[2] + a[3], d23 = a[2] - a[3];
  const auto middle = [&](V p, V q) __attribute__((always_inline)) {
    return Complex<V>{fma(q, s23.re, fma(p, s14.re, a[0].re)),
                      fma(q, s23.im, fma(p, s14.im, a[0].im))};
  };
  const Complex<V> m1 = middle(c1, c2), m2 = middle(c2, c1);
  const Complex<V> r1 =
      quarter(Complex<V>{fma(s2, d23.re, s1 * d14.re), fma(s2, d23.im, s1 * d14.im)});
  const Complex<V> r2 = quarter(Complex<V>{s2 * d14.re - s1 * d23.re, s2 * d14.im - s1 * d23.im});
  a[0] = a[0] + s14 + s23;
  a[1] = m1 + r1, a[4] = m1 - r1, a[2] = m2 + r2, a[3] = m2 - r2;
}
template <class V>
FC_INLINE void dft(Complex<V> (&a)[8]) {
  const V root = V::splat(static_cast<typename V::T>(0.70710678118654752440));
  Complex<V> even[4] = {a[0] + a[4], a[1] + a[5], a[2] + a[6], a[3] + a[7]};
  const Complex<V> d0 = a[0] - a[4], d1 = a[1] - a[5], d2 = a[2] - a[6], d3 = a[3] - a[7];
  Complex<V> odd[4] = {d0,
                       root * Complex<V>{d1.re + d1.im, d1.im - d1.re},
                       {d2.im, V::zero() - d2.re},
                       root * Complex<V>{d3.im - d3.re, V::zero() - (d3.re + d3.im)}};
  dft(even), dft(odd);
  FC_UNROLL for (int i = 0; i < 4; ++i) a[2 * i] = even[i], a[2 * i + 1] = odd[i];
}

// One pass. The twiddles of a group are the same for all q; those of group 0 are 1.
template <class V, int R, bool kInverse>
FC_INLINE void fft_group(const FftPass<typename V::T>& a, index_t p, bool turned) {
  using T = typename V::T;
  constexpr index_t kPair = 2 * V::lanes;
  constexpr index_t kRe = kInverse ? V::lanes : 0, kIm = kInverse ? 0 : V::lanes;
  const T* src = a.src + p * a.step * kPair;
  T* dst = a.dst + R * p * a.step * kPair;
  const T* twiddles = a.twiddles + 2 * (R - 1) * p;
  const index_t apart = a.groups * a.step * kPair;
  for (index_t q = a.q.from * kPair; q < a.q.to * kPair; q += kPair) {
    Complex<V> z[R];
    FC_UNROLL for (int j = 0; j < R; ++j) {
      const T* from = src + q + j * apart;
      z[j] = {V::load(from + kRe), V::load(from + kIm)};
    }
    dft(z);
    if (turned)
      FC_UNROLL for (int k = 1; k < R; ++k) z[k] =
          turn(z[k], V::splat(twiddles[2 * k - 2]), V::splat(twiddles[2 * k - 1]));
    FC_UNROLL for (int k = 0; k < R; ++k) {
      T* to = dst + q + k * a.step * kPair;
      z[k].re.store(to + kRe), z[k].im.store(to + kIm);
    }
  }
}

template <class V, int R, bool kInverse>
FC_INLINE void fft_groups(const FftPass<typename V::T>& a) {
  if (a.p.from == 0) fft_group<V, R, kInverse>(a, 0, false);
  for (index_t p = a.p.from == 0 ? 1 : a.p.from; p < a.p.to; ++p)
    fft_group<V, R, kInverse>(a, p, true);
}
template <class V, int R>
void fft_pass(const FftPass<typename V::T>& a) noexcept {
  if (a.inverse)
    fft_groups<V, R, true>(a);
  else
    fft_groups<V, R, false>(a);
}

// With a = Z[f], b = conj(Z[half - f]): X[f] = s + t and X[half - f] = conj(s - t), where s = a + b
// and t = -i * w^f * (a - b).
template <class V>
void fft_split(const FftSplit<typename V::T>& s) noexcept {
  using T = typename V::T;
  constexpr index_t kPair = 2 * V::lanes;
  const auto write = [&](index_t f, V re, V im) __attribute__((always_inline)) {
    T* to = s.dst + f * s.ld;
    re.store_n(to, s.n), im.store_n(to + s.plane, s.n);
    if (s.negated) (V::zero() - re).store_n(to + 2 * s.plane, s.n);
  };
  for (index_t f = 0; 2 * f <= s.half; ++f) {
    const T* low = s.z + f * kPair;
    const T* high = s.z + (f == 0 ? 0 : s.half - f) * kPair;
    const V a_re = V::load(low), a_im = V::load(low + V::lanes);
    const V b_re = V::load(high), b_im = V::zero() - V::load(high + V::lanes);
    const Complex<V> d = {a_re - b_re, a_im - b_im}, sum = {a_re + b_re, a_im + b_im};
    const Complex<V> t =
        quarter(turn(d, V::splat(s.twiddles[2 * f]), V::splat(s.twiddles[2 * f + 1])));
    write(f, sum.re + t.re, sum.im + t.im);
    write(s.half - f, sum.re - t.re, t.im - sum.im);
  }
}

// With s = Y[f] + conj(Y[half - f]), d = Y[f] - conj(Y[half - f]): Z[f] = s + u and
// Z[half - f] = conj(s - u), where u = i * conj(w^f) * d.
template <class V>
void fft_join(const FftJoin<typename V::T>& j) noexcept {
  using T = typename V::T;
  constexpr index_t kPair = 2 * V::lanes;
  for (index_t f = 0; 2 * f <= j.half; ++f) {
    const T* low = j.src + f * j.ld;
    const T* high = j.src + (j.half - f) * j.ld;
    const V a_re = V::load(low), a_im = V::load(low + j.plane);
    const V b_re = V::load(high), b_im = V::zero() - V::load(high + j.plane);
    const Complex<V> d = {a_re - b_re, a_im - b_im}, sum = {a_re + b_re, a_im + b_im};
    const Complex<V> t =
        turn(d, V::splat(j.twiddles[2 * f]), V::zero() - V::splat(j.twiddles[2 * f + 1]));
    // u = i * t
    T* to = j.z + f * kPair;
    (sum.re - t.im).store(to), (sum.im + t.re).store(to + V::lanes);
    if (f == 0) continue;
    to = j.z + (j.half - f) * kPair;
    (sum.re + t.im).store(to), (t.re - sum.im).store(to + V::lanes);
  }
}

// NV vectors of lanes at one frequency. Four sums for each keep the FMA units busy.
template <class V, int NV>
FC_INLINE void fft_sums(const FftSums<typename V::T>& a, index_t f, index_t at) {
  const auto* x = a.x + f * a.ldx + at;
  const auto* w = a.w + f * a.ldw;
  auto* y = a.y + f * a.ldy + at;
  V rr[NV], ii[NV], ri[NV], ir[NV];
  FC_UNROLL for (int j = 0; j < NV; ++j) rr[j] = ii[j] = ri[j] = ir[j] = V::zero();
  for (index_t t = 0; t < a.terms; ++t) {
    const V wr = V::splat(w[t * a.w_term]), wi = V::splat(w[t * a.w_term + a.w_plane]);
    const auto* from = x + a.offsets[t];
    FC_UNROLL for (int j = 0; j < NV; ++j) {
      const V xr = V::load(from + j * V::lanes), xi = V::load(from + a.x_plane + j * V::lanes);
      rr[j] = fma(wr, xr, rr[j]), ii[j] = fma(wi, xi, ii[j]);
      ri[j] = fma(wr, xi, ri[j]), ir[j] = fma(wi, xr, ir[j]);
    }
  }
  FC_UNROLL for (int j = 0; j < NV; ++j) {
    auto* to = y + j * V::lanes;
    V re = rr[j] + ii[j], im = ri[j] - ir[j];
    if (!a.first) re = re + V::load(to), im = im + V::load(to + a.y_plane);
    re.store(to), im.store(to + a.y_plane);
  }
}

template <class V>
void fft_add(const FftSums<typename V::T>& a) noexcept {
  constexpr int kWide = V::registers == 32 ? 4 : 2;
  for (index_t f = 0; f < a.n; ++f) {
    index_t v = 0;
    for (; v + kWide <= a.vectors; v += kWide) fft_sums<V, kWide>(a, f, v * V::lanes);
    for (; v < a.vectors; ++v) fft_sums<V, 1>(a, f, v * V::lanes);
  }
}

// N pairs of planes from frequency f on. So many lie beside each other in memory, which fetches
// terms that are far apart some lines at a time.
template <class V, int N>
FC_INLINE void fft_products(const FftProduct<typename V::T>& a, index_t f) {
  constexpr index_t kPair = 2 * V::lanes;
  V re[N], im[N], re2[N], im2[N];
  FC_UNROLL for (int j = 0; j < N; ++j) re[j] = im[j] = re2[j] = im2[j] = V::zero();
  for (index_t t = 0; t < a.terms; ++t) {
    const auto* x = a.x + a.offsets[t] + f * kPair;
    const auto* w = a.w + t * a.w_term + f * kPair;
    FC_UNROLL for (int j = 0; j < N; ++j) {
      const V xr = V::load(x + j * kPair), xi = V::load(x + j * kPair + V::lanes);
      const V wr = V::load(w + j * kPair), wi = V::load(w + j * kPair + V::lanes);
      re[j] = fma(wr, xr, re[j]), im[j] = fma(wr, xi, im[j]);
      re2[j] = fma(wi, xi, re2[j]), im2[j] = fma(wi, xr, im2[j]);
    }
  }
  FC_UNROLL for (int j = 0; j < N; ++j) {
    auto* y = a.y + (f + j) * kPair;
    (re[j] + re2[j]).store(y), (im[j] - im2[j]).store(y + V::lanes);
  }
}

template <class V>
void fft_multiply(const FftProduct<typename V::T>& a) noexcept {
  constexpr int kWide = V::registers == 32 ? 4 : 2;
  index_t f = 0;
  for (; f + kWide <= a.n; f += kWide) fft_products<V, kWide>(a, f);
  for (; f < a.n; ++f) fft_products<V, 1>(a, f);
}

// One plane of a block: lane j of row i becomes lane i of row j.
template <class V>
FC_INLINE void turn_plane(const typename V::T* rows, typename V::T* to, index_t step) {
  constexpr int kColumns = 16 / sizeof(typename V::T);
  FC_UNROLL for (int j = 0; j < V::lanes; j += kColumns) {
    V columns[kColumns];
    load_columns(rows + j, V::lanes, columns);
    FC_UNROLL for (int i = 0; i < kColumns; ++i) columns[i].store(to + (j + i) * step);
  }
}

template <class V, bool kInverse>
FC_INLINE void fft_turns(const FftTurn<typename V::T>& a) {
  using T = typename V::T;
  constexpr index_t kPair = 2 * V::lanes;
  constexpr index_t kRe = kInverse ? V::lanes : 0, kIm = kInverse ? 0 : V::lanes;
  alignas(64) T re[V::lanes * V::lanes], im[V::lanes * V::lanes];
  for (index_t b = a.from; b < a.to; ++b) {
    for (index_t i = 0; i < V::lanes; ++i) {
      const T* from = a.src + (b * V::lanes + i) * kPair;
      const T* w = a.twiddles + (b * V::lanes + i) * kPair;
      const Complex<V> z = turn(Complex<V>{V::load(from + kRe), V::load(from + kIm)}, V::load(w),
                                V::load(w + V::lanes));
      z.re.store(re + i * V::lanes), z.im.store(im + i * V::lanes);
    }
    turn_plane<V>(re, a.dst + b * kPair + kRe, a.blocks * kPair);
    turn_plane<V>(im, a.dst + b * kPair + kIm, a.blocks * kPair);
  }
}
template <class V>
void fft_turn(const FftTurn<typename V::T>& a) noexcept {
  if (a.inverse)
    fft_turns<V, true>(a);
  else
    fft_turns<V, false>(a);
}

template <class V>
void fft_wind(const FftWind<typename V::T>& a) noexcept {
  constexpr index_t kPair = 2 * V::lanes;
  const V limit = V::splat(a.limit);
  for (index_t m = a.from; m < a.to; ++m) {
    V x = V::load(a.x + m * V::lanes);
    x = select(less(abs(x), limit), x, V::zero());
    const auto* w = a.angles + m * kPair;
    auto* to = a.z + m * kPair;
    (x * V::load(w)).store(to), (x * V::load(w + V::lanes)).store(to + V::lanes);
  }
}

template <class V>
void fft_unwind(const FftUnwind<typename V::T>& a) noexcept {
  constexpr index_t kPair = 2 * V::lanes;
  for (index_t m = a.from; m < a.to; ++m) {
    const auto* from = a.z + m * kPair;
    const auto* w = a.angles + m * kPair;
    const Complex<V> z = turn(Complex<V>{V::load(from), V::load(from + V::lanes)}, V::load(w),
                              V::zero() - V::load(w + V::lanes));
    auto* carry = a.carry + m * V::lanes;
    (z.re + V::load(carry)).store(a.y + m * V::lanes), z.im.store(carry);
  }
}

template <class V>
void fft_finish(const FftFinish<typename V::T>& a) noexcept {
  const V bias = V::splat(a.bias);
  for (index_t i = 0; i < a.n; i += V::lanes) {
    const int n = static_cast<int>(a.n - i < V::lanes ? a.n - i : V::lanes);
    V y = V::load_n(a.src + i, n) + bias;
    if (a.residual) y = y + V::load_n(a.residual + i, n);
    y.store_n(a.dst + i, n);
  }
}

// Adds 0 * x: infinities and NaNs make it NaN, and so it stays.
template <class V>
bool all_finite(const typename V::T* x, index_t n) noexcept {
  V zeros = V::zero();
  index_t i = 0;
  for (; i + V::lanes <= n; i += V::lanes) zeros = fma(V::load(x + i), V::zero(), zeros);
  if (i < n) zeros = fma(V::load_n(x + i, static_cast<int>(n - i)), V::zero(), zeros);
  return zeros.sum() == 0;
}

template <class V>
consteval FftKernels<typename V::T> make_fft() {
  return {
      .pass = {&fft_pass<V, 8>, &fft_pass<V, 5>, &fft_pass<V, 4>, &fft_pass<V, 3>, &fft_pass<V, 2>},
      .split = &fft_split<V>,
      .join = &fft_join<V>,
      .add = &fft_add<V>,
      .multiply = &fft_multiply<V>,
      .turn = &fft_turn<V>,
      .wind = &fft_wind<V>,
      .unwind = &fft_unwind<V>,
      .finish = &fft_finish<V>,
      .finite = &all_finite<V>};
}

}  // namespace fastconv::FC_ISA
