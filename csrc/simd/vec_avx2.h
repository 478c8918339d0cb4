// SPDX-License-Identifier: MIT
// AVX2 + FMA vectors of 8 floats and 4 doubles. What each operation promises is in simd/concept.h.
// Masked loads and stores do not touch the elements that the mask leaves out. The instructions for
// max and min give their second operand where either is NaN, as the contract wants it.
//
// pow2: adding 1.5 * 2^(bits of the mantissa) leaves the integer k in the low bits of the sum. They
// move to where the exponent is and are added to the bits of 1.0, whose exponent stands for 2^0.
#pragma once

#include <immintrin.h>

#include "core/types.h"
#include "simd/concept.h"

namespace fastconv::FC_ISA {

struct VecF32 {
  using T = float;
  static constexpr int lanes = 8, registers = 16;
  __m256 v;

  static FC_INLINE __m256i first(int n) {
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(n), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
  }
  static FC_INLINE VecF32 zero() { return {_mm256_setzero_ps()}; }
  static FC_INLINE VecF32 splat(float x) { return {_mm256_set1_ps(x)}; }
  static FC_INLINE VecF32 load(const float* p) { return {_mm256_loadu_ps(p)}; }
  static FC_INLINE VecF32 load_n(const float* p, int n) {
    return {_mm256_maskload_ps(p, first(n))};
  }
  using Mask = __m256i;
  static FC_INLINE Mask lanes_of(int from, int to) {
    return _mm256_andnot_si256(first(from), first(to));
  }
  static FC_INLINE VecF32 load_mask(const float* p, Mask m) { return {_mm256_maskload_ps(p, m)}; }
  FC_INLINE void store(float* p) const { _mm256_storeu_ps(p, v); }
  FC_INLINE void store_n(float* p, int n) const { _mm256_maskstore_ps(p, first(n), v); }
  FC_INLINE float sum() const {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
  }
  using Order = __m256i;
  static FC_INLINE Order order(const std::int32_t* places) {
    return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(places));
  }
};

struct VecF64 {
  using T = double;
  static constexpr int lanes = 4, registers = 16;
  __m256d v;

  static FC_INLINE __m256i first(int n) {
    return _mm256_cmpgt_epi64(_mm256_set1_epi64x(n), _mm256_setr_epi64x(0, 1, 2, 3));
  }
  static FC_INLINE VecF64 zero() { return {_mm256_setzero_pd()}; }
  static FC_INLINE VecF64 splat(double x) { return {_mm256_set1_pd(x)}; }
  static FC_INLINE VecF64 load(const double* p) { return {_mm256_loadu_pd(p)}; }
  static FC_INLINE VecF64 load_n(const double* p, int n) {
    return {_mm256_maskload_pd(p, first(n))};
  }
  using Mask = __m256i;
  static FC_INLINE Mask lanes_of(int from, int to) {
    return _mm256_andnot_si256(first(from), first(to));
  }
  static FC_INLINE VecF64 load_mask(const double* p, Mask m) { return {_mm256_maskload_pd(p, m)}; }
  FC_INLINE void store(double* p) const { _mm256_storeu_pd(p, v); }
  FC_INLINE void store_n(double* p, int n) const { _mm256_maskstore_pd(p, first(n), v); }
  FC_INLINE double sum() const {
    const __m128d s = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
    return _mm_cvtsd_f64(_mm_add_sd(s, _mm_unpackhi_pd(s, s)));
  }
  // As places of both halves of each element.
  using Order = __m256i;
  static FC_INLINE Order order(const std::int32_t* places) {
    const __m256i lower = _mm256_slli_epi64(
        _mm256_cvtepi32_epi64(_mm_loadu_si128(reinterpret_cast<const __m128i*>(places))), 1);
    const __m256i upper = _mm256_add_epi64(lower, _mm256_set1_epi64x(1));
    return _mm256_or_si256(lower, _mm256_slli_epi64(upper, 32));
  }
};

// Without it gcc 12 reads a value that has few uses from memory again for each of them.
FC_INLINE void hold(VecF32& a) { __asm__("" : "+x"(a.v)); }
FC_INLINE void hold(VecF64& a) { __asm__("" : "+x"(a.v)); }

FC_INLINE VecF32 operator+(VecF32 a, VecF32 b) { return {_mm256_add_ps(a.v, b.v)}; }
FC_INLINE VecF32 operator-(VecF32 a, VecF32 b) { return {_mm256_sub_ps(a.v, b.v)}; }
FC_INLINE VecF32 operator*(VecF32 a, VecF32 b) { return {_mm256_mul_ps(a.v, b.v)}; }
FC_INLINE VecF32 operator/(VecF32 a, VecF32 b) { return {_mm256_div_ps(a.v, b.v)}; }
FC_INLINE VecF32 fma(VecF32 a, VecF32 b, VecF32 c) { return {_mm256_fmadd_ps(a.v, b.v, c.v)}; }

FC_INLINE VecF64 operator+(VecF64 a, VecF64 b) { return {_mm256_add_pd(a.v, b.v)}; }
FC_INLINE VecF64 operator-(VecF64 a, VecF64 b) { return {_mm256_sub_pd(a.v, b.v)}; }
FC_INLINE VecF64 operator*(VecF64 a, VecF64 b) { return {_mm256_mul_pd(a.v, b.v)}; }
FC_INLINE VecF64 operator/(VecF64 a, VecF64 b) { return {_mm256_div_pd(a.v, b.v)}; }
FC_INLINE VecF64 fma(VecF64 a, VecF64 b, VecF64 c) { return {_mm256_fmadd_pd(a.v, b.v, c.v)}; }

FC_INLINE VecF32 larger(VecF32 acc, VecF32 x) {
  const __m256 nan = _mm256_cmp_ps(x.v, x.v, _CMP_UNORD_Q);
  return {_mm256_blendv_ps(_mm256_max_ps(x.v, acc.v), x.v, nan)};
}
FC_INLINE VecF64 larger(VecF64 acc, VecF64 x) {
  const __m256d nan = _mm256_cmp_pd(x.v, x.v, _CMP_UNORD_Q);
  return {_mm256_blendv_pd(_mm256_max_pd(x.v, acc.v), x.v, nan)};
}
FC_INLINE VecF32 smaller(VecF32 acc, VecF32 x) {
  const __m256 nan = _mm256_cmp_ps(x.v, x.v, _CMP_UNORD_Q);
  return {_mm256_blendv_ps(_mm256_min_ps(x.v, acc.v), x.v, nan)};
}
FC_INLINE VecF64 smaller(VecF64 acc, VecF64 x) {
  const __m256d nan = _mm256_cmp_pd(x.v, x.v, _CMP_UNORD_Q);
  return {_mm256_blendv_pd(_mm256_min_pd(x.v, acc.v), x.v, nan)};
}

FC_INLINE __m256 exceeds(VecF32 acc, VecF32 x) {
  return _mm256_or_ps(_mm256_cmp_ps(x.v, acc.v, _CMP_GT_OQ), _mm256_cmp_ps(x.v, x.v, _CMP_UNORD_Q));
}
FC_INLINE __m256 undercuts(VecF32 acc, VecF32 x) {
  return _mm256_or_ps(_mm256_cmp_ps(x.v, acc.v, _CMP_LT_OQ), _mm256_cmp_ps(x.v, x.v, _CMP_UNORD_Q));
}
FC_INLINE __m256d exceeds(VecF64 acc, VecF64 x) {
  return _mm256_or_pd(_mm256_cmp_pd(x.v, acc.v, _CMP_GT_OQ), _mm256_cmp_pd(x.v, x.v, _CMP_UNORD_Q));
}
FC_INLINE __m256d undercuts(VecF64 acc, VecF64 x) {
  return _mm256_or_pd(_mm256_cmp_pd(x.v, acc.v, _CMP_LT_OQ), _mm256_cmp_pd(x.v, x.v, _CMP_UNORD_Q));
}

FC_INLINE void unzip(VecF32 a, VecF32 b, VecF32& even, VecF32& odd) {
  const auto pairs = [](__m256 v) {
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(v), 0xD8));
  };
  even = {pairs(_mm256_shuffle_ps(a.v, b.v, 0x88))};
  odd = {pairs(_mm256_shuffle_ps(a.v, b.v, 0xDD))};
}
FC_INLINE void unzip(VecF64 a, VecF64 b, VecF64& even, VecF64& odd) {
  even = {_mm256_permute4x64_pd(_mm256_unpacklo_pd(a.v, b.v), 0xD8)};
  odd = {_mm256_permute4x64_pd(_mm256_unpackhi_pd(a.v, b.v), 0xD8)};
}

FC_INLINE void zip(VecF32 a, VecF32 b, VecF32& lower, VecF32& upper) {
  const __m256 low = _mm256_unpacklo_ps(a.v, b.v), high = _mm256_unpackhi_ps(a.v, b.v);
  lower = {_mm256_permute2f128_ps(low, high, 0x20)};
  upper = {_mm256_permute2f128_ps(low, high, 0x31)};
}
FC_INLINE void zip(VecF64 a, VecF64 b, VecF64& lower, VecF64& upper) {
  const __m256d low = _mm256_unpacklo_pd(a.v, b.v), high = _mm256_unpackhi_pd(a.v, b.v);
  lower = {_mm256_permute2f128_pd(low, high, 0x20)};
  upper = {_mm256_permute2f128_pd(low, high, 0x31)};
}

FC_INLINE VecF32 reorder(VecF32 a, __m256i order) { return {_mm256_permutevar8x32_ps(a.v, order)}; }
FC_INLINE VecF64 reorder(VecF64 a, __m256i order) {
  return {_mm256_castps_pd(_mm256_permutevar8x32_ps(_mm256_castpd_ps(a.v), order))};
}

FC_INLINE VecF32 next_lane(VecF32 a) {
  return {_mm256_permutevar8x32_ps(a.v, _mm256_setr_epi32(1, 2, 3, 4, 5, 6, 7, 0))};
}
FC_INLINE VecF64 next_lane(VecF64 a) { return {_mm256_permute4x64_pd(a.v, 0x39)}; }

// Each register takes a row of the lower and one of the upper half; then the halves are transposed.
FC_INLINE void load_columns(const float* p, index_t step, VecF32 (&columns)[4]) {
  const auto rows = [&](index_t first) {
    const float* q = p + first * step;
    return _mm256_insertf128_ps(_mm256_castps128_ps256(_mm_loadu_ps(q)), _mm_loadu_ps(q + 4 * step),
                                1);
  };
  const __m256 r0 = rows(0), r1 = rows(1), r2 = rows(2), r3 = rows(3);
  const __m256d lo01 = _mm256_castps_pd(_mm256_unpacklo_ps(r0, r1));
  const __m256d hi01 = _mm256_castps_pd(_mm256_unpackhi_ps(r0, r1));
  const __m256d lo23 = _mm256_castps_pd(_mm256_unpacklo_ps(r2, r3));
  const __m256d hi23 = _mm256_castps_pd(_mm256_unpackhi_ps(r2, r3));
  columns[0] = {_mm256_castpd_ps(_mm256_unpacklo_pd(lo01, lo23))};
  columns[1] = {_mm256_castpd_ps(_mm256_unpackhi_pd(lo01, lo23))};
  columns[2] = {_mm256_castpd_ps(_mm256_unpacklo_pd(hi01, hi23))};
  columns[3] = {_mm256_castpd_ps(_mm256_unpackhi_pd(hi01, hi23))};
}
FC_INLINE void load_columns(const double* p, index_t step, VecF64 (&columns)[2]) {
  const auto rows = [&](index_t first) {
    const double* q = p + first * step;
    return _mm256_insertf128_pd(_mm256_castpd128_pd256(_mm_loadu_pd(q)), _mm_loadu_pd(q + 2 * step),
                                1);
  };
  const __m256d r0 = rows(0), r1 = rows(1);
  columns[0] = {_mm256_unpacklo_pd(r0, r1)};
  columns[1] = {_mm256_unpackhi_pd(r0, r1)};
}

FC_INLINE VecF32 max(VecF32 a, VecF32 b) { return {_mm256_max_ps(a.v, b.v)}; }
FC_INLINE VecF32 min(VecF32 a, VecF32 b) { return {_mm256_min_ps(a.v, b.v)}; }
FC_INLINE __m256 less(VecF32 a, VecF32 b) { return _mm256_cmp_ps(a.v, b.v, _CMP_LT_OQ); }
FC_INLINE VecF32 select(__m256 mask, VecF32 a, VecF32 b) {
  return {_mm256_blendv_ps(b.v, a.v, mask)};
}
FC_INLINE VecF32 abs(VecF32 a) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.v)}; }
FC_INLINE VecF32 copysign(VecF32 a, VecF32 sign) {
  const __m256 bit = _mm256_set1_ps(-0.0f);
  return {_mm256_or_ps(_mm256_andnot_ps(bit, a.v), _mm256_and_ps(bit, sign.v))};
}
FC_INLINE VecF32 pow2(VecF32 k) {
  const __m256 shifted = _mm256_add_ps(k.v, _mm256_set1_ps(0x1.8p23f));
  const __m256i exponent = _mm256_slli_epi32(_mm256_castps_si256(shifted), 23);
  const __m256i one = _mm256_castps_si256(_mm256_set1_ps(1.0f));
  return {_mm256_castsi256_ps(_mm256_add_epi32(exponent, one))};
}

FC_INLINE VecF64 max(VecF64 a, VecF64 b) { return {_mm256_max_pd(a.v, b.v)}; }
FC_INLINE VecF64 min(VecF64 a, VecF64 b) { return {_mm256_min_pd(a.v, b.v)}; }
FC_INLINE __m256d less(VecF64 a, VecF64 b) { return _mm256_cmp_pd(a.v, b.v, _CMP_LT_OQ); }
FC_INLINE VecF64 select(__m256d mask, VecF64 a, VecF64 b) {
  return {_mm256_blendv_pd(b.v, a.v, mask)};
}
FC_INLINE VecF64 abs(VecF64 a) { return {_mm256_andnot_pd(_mm256_set1_pd(-0.0), a.v)}; }
FC_INLINE VecF64 copysign(VecF64 a, VecF64 sign) {
  const __m256d bit = _mm256_set1_pd(-0.0);
  return {_mm256_or_pd(_mm256_andnot_pd(bit, a.v), _mm256_and_pd(bit, sign.v))};
}
FC_INLINE VecF64 pow2(VecF64 k) {
  const __m256d shifted = _mm256_add_pd(k.v, _mm256_set1_pd(0x1.8p52));
  const __m256i exponent = _mm256_slli_epi64(_mm256_castpd_si256(shifted), 52);
  const __m256i one = _mm256_castpd_si256(_mm256_set1_pd(1.0));
  return {_mm256_castsi256_pd(_mm256_add_epi64(exponent, one))};
}

FC_INLINE VecF32 split_exponent(VecF32 a, VecF32& exponent) {
  const __m256i bits = _mm256_castps_si256(a.v), mantissa = _mm256_set1_epi32(0x7fffff);
  exponent = {
      _mm256_cvtepi32_ps(_mm256_sub_epi32(_mm256_srli_epi32(bits, 23), _mm256_set1_epi32(127)))};
  return {_mm256_or_ps(_mm256_castsi256_ps(_mm256_and_si256(bits, mantissa)), _mm256_set1_ps(1))};
}
// The bits of the exponent, in the mantissa of 2^52, count up from it.
FC_INLINE VecF64 split_exponent(VecF64 a, VecF64& exponent) {
  const __m256i bits = _mm256_castpd_si256(a.v), mantissa = _mm256_set1_epi64x((1ll << 52) - 1);
  const __m256d counted =
      _mm256_or_pd(_mm256_castsi256_pd(_mm256_srli_epi64(bits, 52)), _mm256_set1_pd(0x1p52));
  exponent = {_mm256_sub_pd(counted, _mm256_set1_pd(0x1p52 + 1023))};
  return {_mm256_or_pd(_mm256_castsi256_pd(_mm256_and_si256(bits, mantissa)), _mm256_set1_pd(1))};
}

// A shorter way than kernels/transpose.h has with unzip, which has to cross the two halves of a
// register each time: half as many shuffles.
FC_INLINE void transpose_registers(VecF32 (&r)[8]) {
  __m256 halves[8];  // the four 4 x 4 quarters, each transposed within itself
  FC_UNROLL for (int i = 0; i < 8; i += 4) {
    const __m256 a = _mm256_unpacklo_ps(r[i].v, r[i + 1].v);
    const __m256 b = _mm256_unpackhi_ps(r[i].v, r[i + 1].v);
    const __m256 c = _mm256_unpacklo_ps(r[i + 2].v, r[i + 3].v);
    const __m256 d = _mm256_unpackhi_ps(r[i + 2].v, r[i + 3].v);
    halves[i] = _mm256_shuffle_ps(a, c, 0x44);
    halves[i + 1] = _mm256_shuffle_ps(a, c, 0xEE);
    halves[i + 2] = _mm256_shuffle_ps(b, d, 0x44);
    halves[i + 3] = _mm256_shuffle_ps(b, d, 0xEE);
  }
  FC_UNROLL for (int i = 0; i < 4; ++i) {
    r[i] = {_mm256_permute2f128_ps(halves[i], halves[i + 4], 0x20)};
    r[i + 4] = {_mm256_permute2f128_ps(halves[i], halves[i + 4], 0x31)};
  }
}
FC_INLINE void transpose_registers(VecF64 (&r)[4]) {
  __m256d halves[4];
  FC_UNROLL for (int i = 0; i < 4; i += 2) {
    halves[i] = _mm256_unpacklo_pd(r[i].v, r[i + 1].v);
    halves[i + 1] = _mm256_unpackhi_pd(r[i].v, r[i + 1].v);
  }
  FC_UNROLL for (int i = 0; i < 2; ++i) {
    r[i] = {_mm256_permute2f128_pd(halves[i], halves[i + 2], 0x20)};
    r[i + 2] = {_mm256_permute2f128_pd(halves[i], halves[i + 2], 0x31)};
  }
}

static_assert(Vector<VecF32> && Vector<VecF64>);

}  // namespace fastconv::FC_ISA
