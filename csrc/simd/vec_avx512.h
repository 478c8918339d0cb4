// SPDX-License-Identifier: MIT
// AVX-512 vectors of 16 floats and 8 doubles. What each operation promises is in simd/concept.h.
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
  static constexpr int lanes = 16, registers = 32;
  __m512 v;

  static FC_INLINE __mmask16 first(int n) { return static_cast<__mmask16>((1u << n) - 1u); }
  static FC_INLINE VecF32 zero() { return {_mm512_setzero_ps()}; }
  static FC_INLINE VecF32 splat(float x) { return {_mm512_set1_ps(x)}; }
  static FC_INLINE VecF32 load(const float* p) { return {_mm512_loadu_ps(p)}; }
  static FC_INLINE VecF32 load_n(const float* p, int n) {
    return {_mm512_maskz_loadu_ps(first(n), p)};
  }
  using Mask = __mmask16;
  static FC_INLINE Mask lanes_of(int from, int to) {
    return static_cast<Mask>(first(to) & ~first(from));
  }
  static FC_INLINE VecF32 load_mask(const float* p, Mask m) {
    return {_mm512_maskz_loadu_ps(m, p)};
  }
  FC_INLINE void store(float* p) const { _mm512_storeu_ps(p, v); }
  FC_INLINE void store_n(float* p, int n) const { _mm512_mask_storeu_ps(p, first(n), v); }
  FC_INLINE float sum() const { return _mm512_reduce_add_ps(v); }
  using Order = __m512i;
  static FC_INLINE Order order(const std::int32_t* places) { return _mm512_loadu_si512(places); }
};

struct VecF64 {
  using T = double;
  static constexpr int lanes = 8, registers = 32;
  __m512d v;

  static FC_INLINE __mmask8 first(int n) { return static_cast<__mmask8>((1u << n) - 1u); }
  static FC_INLINE VecF64 zero() { return {_mm512_setzero_pd()}; }
  static FC_INLINE VecF64 splat(double x) { return {_mm512_set1_pd(x)}; }
  static FC_INLINE VecF64 load(const double* p) { return {_mm512_loadu_pd(p)}; }
  static FC_INLINE VecF64 load_n(const double* p, int n) {
    return {_mm512_maskz_loadu_pd(first(n), p)};
  }
  using Mask = __mmask8;
  static FC_INLINE Mask lanes_of(int from, int to) {
    return static_cast<Mask>(first(to) & ~first(from));
  }
  static FC_INLINE VecF64 load_mask(const double* p, Mask m) {
    return {_mm512_maskz_loadu_pd(m, p)};
  }
  FC_INLINE void store(double* p) const { _mm512_storeu_pd(p, v); }
  FC_INLINE void store_n(double* p, int n) const { _mm512_mask_storeu_pd(p, first(n), v); }
  FC_INLINE double sum() const { return _mm512_reduce_add_pd(v); }
  using Order = __m512i;
  static FC_INLINE Order order(const std::int32_t* places) {
    return _mm512_cvtepi32_epi64(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(places)));
  }
};

// Every step-th element of a longer row: lane l stands for element l * step. pick() takes from
// `source`, whose first element is element `done` of the row, those lanes that lie in it.
FC_INLINE __m512i places(VecF32, int step) {
  const __m512i lanes = _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15);
  return _mm512_mullo_epi32(lanes, _mm512_set1_epi32(step));
}
FC_INLINE VecF32 pick(VecF32 into, VecF32 source, __m512i places, int done) {
  const __m512i at = _mm512_sub_epi32(places, _mm512_set1_epi32(done));
  const __mmask16 in = _mm512_cmplt_epu32_mask(at, _mm512_set1_epi32(VecF32::lanes));
  return {_mm512_mask_permutexvar_ps(into.v, in, at, source.v)};
}
FC_INLINE __m512i places(VecF64, int step) {
  const __m512i lanes = _mm512_setr_epi64(0, 1, 2, 3, 4, 5, 6, 7);
  return _mm512_mullo_epi64(lanes, _mm512_set1_epi64(step));
}
FC_INLINE VecF64 pick(VecF64 into, VecF64 source, __m512i places, int done) {
  const __m512i at = _mm512_sub_epi64(places, _mm512_set1_epi64(done));
  const __mmask8 in = _mm512_cmplt_epu64_mask(at, _mm512_set1_epi64(VecF64::lanes));
  return {_mm512_mask_permutexvar_pd(into.v, in, at, source.v)};
}

// Without it gcc 12 reads a value that has few uses from memory again for each of them.
FC_INLINE void hold(VecF32& a) { __asm__("" : "+v"(a.v)); }
FC_INLINE void hold(VecF64& a) { __asm__("" : "+v"(a.v)); }

FC_INLINE VecF32 operator+(VecF32 a, VecF32 b) { return {_mm512_add_ps(a.v, b.v)}; }
FC_INLINE VecF32 operator-(VecF32 a, VecF32 b) { return {_mm512_sub_ps(a.v, b.v)}; }
FC_INLINE VecF32 operator*(VecF32 a, VecF32 b) { return {_mm512_mul_ps(a.v, b.v)}; }
FC_INLINE VecF32 operator/(VecF32 a, VecF32 b) { return {_mm512_div_ps(a.v, b.v)}; }
FC_INLINE VecF32 fma(VecF32 a, VecF32 b, VecF32 c) { return {_mm512_fmadd_ps(a.v, b.v, c.v)}; }

FC_INLINE VecF64 operator+(VecF64 a, VecF64 b) { return {_mm512_add_pd(a.v, b.v)}; }
FC_INLINE VecF64 operator-(VecF64 a, VecF64 b) { return {_mm512_sub_pd(a.v, b.v)}; }
FC_INLINE VecF64 operator*(VecF64 a, VecF64 b) { return {_mm512_mul_pd(a.v, b.v)}; }
FC_INLINE VecF64 operator/(VecF64 a, VecF64 b) { return {_mm512_div_pd(a.v, b.v)}; }
FC_INLINE VecF64 fma(VecF64 a, VecF64 b, VecF64 c) { return {_mm512_fmadd_pd(a.v, b.v, c.v)}; }

FC_INLINE VecF32 larger(VecF32 acc, VecF32 x) {
  return {_mm512_mask_max_ps(x.v, _mm512_cmp_ps_mask(x.v, x.v, _CMP_ORD_Q), x.v, acc.v)};
}
FC_INLINE VecF64 larger(VecF64 acc, VecF64 x) {
  return {_mm512_mask_max_pd(x.v, _mm512_cmp_pd_mask(x.v, x.v, _CMP_ORD_Q), x.v, acc.v)};
}
FC_INLINE VecF32 smaller(VecF32 acc, VecF32 x) {
  return {_mm512_mask_min_ps(x.v, _mm512_cmp_ps_mask(x.v, x.v, _CMP_ORD_Q), x.v, acc.v)};
}
FC_INLINE VecF64 smaller(VecF64 acc, VecF64 x) {
  return {_mm512_mask_min_pd(x.v, _mm512_cmp_pd_mask(x.v, x.v, _CMP_ORD_Q), x.v, acc.v)};
}

FC_INLINE __mmask16 exceeds(VecF32 acc, VecF32 x) {
  return static_cast<__mmask16>(_mm512_cmp_ps_mask(x.v, acc.v, _CMP_GT_OQ) |
                                _mm512_cmp_ps_mask(x.v, x.v, _CMP_UNORD_Q));
}
FC_INLINE __mmask16 undercuts(VecF32 acc, VecF32 x) {
  return static_cast<__mmask16>(_mm512_cmp_ps_mask(x.v, acc.v, _CMP_LT_OQ) |
                                _mm512_cmp_ps_mask(x.v, x.v, _CMP_UNORD_Q));
}
FC_INLINE __mmask8 exceeds(VecF64 acc, VecF64 x) {
  return static_cast<__mmask8>(_mm512_cmp_pd_mask(x.v, acc.v, _CMP_GT_OQ) |
                               _mm512_cmp_pd_mask(x.v, x.v, _CMP_UNORD_Q));
}
FC_INLINE __mmask8 undercuts(VecF64 acc, VecF64 x) {
  return static_cast<__mmask8>(_mm512_cmp_pd_mask(x.v, acc.v, _CMP_LT_OQ) |
                               _mm512_cmp_pd_mask(x.v, x.v, _CMP_UNORD_Q));
}

FC_INLINE void unzip(VecF32 a, VecF32 b, VecF32& even, VecF32& odd) {
  const __m512i first =
      _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30);
  const __m512i second = _mm512_add_epi32(first, _mm512_set1_epi32(1));
  even = {_mm512_permutex2var_ps(a.v, first, b.v)};
  odd = {_mm512_permutex2var_ps(a.v, second, b.v)};
}
FC_INLINE void unzip(VecF64 a, VecF64 b, VecF64& even, VecF64& odd) {
  const __m512i first = _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14);
  const __m512i second = _mm512_add_epi64(first, _mm512_set1_epi64(1));
  even = {_mm512_permutex2var_pd(a.v, first, b.v)};
  odd = {_mm512_permutex2var_pd(a.v, second, b.v)};
}

FC_INLINE void zip(VecF32 a, VecF32 b, VecF32& lower, VecF32& upper) {
  const __m512i first = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
  const __m512i second = _mm512_add_epi32(first, _mm512_set1_epi32(8));
  lower = {_mm512_permutex2var_ps(a.v, first, b.v)};
  upper = {_mm512_permutex2var_ps(a.v, second, b.v)};
}
FC_INLINE void zip(VecF64 a, VecF64 b, VecF64& lower, VecF64& upper) {
  const __m512i first = _mm512_setr_epi64(0, 8, 1, 9, 2, 10, 3, 11);
  const __m512i second = _mm512_add_epi64(first, _mm512_set1_epi64(4));
  lower = {_mm512_permutex2var_pd(a.v, first, b.v)};
  upper = {_mm512_permutex2var_pd(a.v, second, b.v)};
}

FC_INLINE VecF32 reorder(VecF32 a, __m512i order) { return {_mm512_permutexvar_ps(order, a.v)}; }
FC_INLINE VecF64 reorder(VecF64 a, __m512i order) { return {_mm512_permutexvar_pd(order, a.v)}; }

FC_INLINE VecF32 next_lane(VecF32 a) {
  const __m512i bits = _mm512_castps_si512(a.v);
  return {_mm512_castsi512_ps(_mm512_alignr_epi32(bits, bits, 1))};
}
FC_INLINE VecF64 next_lane(VecF64 a) {
  const __m512i bits = _mm512_castpd_si512(a.v);
  return {_mm512_castsi512_pd(_mm512_alignr_epi64(bits, bits, 1))};
}

// Each register takes 16 bytes of four rows, one in each quarter; then the quarters are transposed.
FC_INLINE void load_columns(const float* p, index_t step, VecF32 (&columns)[4]) {
  const auto rows = [&](index_t first) {  // rows first, first + 4, first + 8 and first + 12
    const float* q = p + first * step;
    __m512 v = _mm512_castps128_ps512(_mm_loadu_ps(q));
    v = _mm512_insertf32x4(v, _mm_loadu_ps(q + 4 * step), 1);
    v = _mm512_insertf32x4(v, _mm_loadu_ps(q + 8 * step), 2);
    return _mm512_insertf32x4(v, _mm_loadu_ps(q + 12 * step), 3);
  };
  const __m512 r0 = rows(0), r1 = rows(1), r2 = rows(2), r3 = rows(3);
  const __m512d lo01 = _mm512_castps_pd(_mm512_unpacklo_ps(r0, r1));
  const __m512d hi01 = _mm512_castps_pd(_mm512_unpackhi_ps(r0, r1));
  const __m512d lo23 = _mm512_castps_pd(_mm512_unpacklo_ps(r2, r3));
  const __m512d hi23 = _mm512_castps_pd(_mm512_unpackhi_ps(r2, r3));
  columns[0] = {_mm512_castpd_ps(_mm512_unpacklo_pd(lo01, lo23))};
  columns[1] = {_mm512_castpd_ps(_mm512_unpackhi_pd(lo01, lo23))};
  columns[2] = {_mm512_castpd_ps(_mm512_unpacklo_pd(hi01, hi23))};
  columns[3] = {_mm512_castpd_ps(_mm512_unpackhi_pd(hi01, hi23))};
}
FC_INLINE void load_columns(const double* p, index_t step, VecF64 (&columns)[2]) {
  const auto rows = [&](index_t first) {
    const double* q = p + first * step;
    __m512d v = _mm512_castpd128_pd512(_mm_loadu_pd(q));
    v = _mm512_insertf64x2(v, _mm_loadu_pd(q + 2 * step), 1);
    v = _mm512_insertf64x2(v, _mm_loadu_pd(q + 4 * step), 2);
    return _mm512_insertf64x2(v, _mm_loadu_pd(q + 6 * step), 3);
  };
  const __m512d r0 = rows(0), r1 = rows(1);
  columns[0] = {_mm512_unpacklo_pd(r0, r1)};
  columns[1] = {_mm512_unpackhi_pd(r0, r1)};
}

FC_INLINE VecF32 max(VecF32 a, VecF32 b) { return {_mm512_max_ps(a.v, b.v)}; }
FC_INLINE VecF32 min(VecF32 a, VecF32 b) { return {_mm512_min_ps(a.v, b.v)}; }
FC_INLINE __mmask16 less(VecF32 a, VecF32 b) { return _mm512_cmp_ps_mask(a.v, b.v, _CMP_LT_OQ); }
FC_INLINE VecF32 select(__mmask16 mask, VecF32 a, VecF32 b) {
  return {_mm512_mask_blend_ps(mask, b.v, a.v)};
}
FC_INLINE VecF32 abs(VecF32 a) { return {_mm512_andnot_ps(_mm512_set1_ps(-0.0f), a.v)}; }
FC_INLINE VecF32 copysign(VecF32 a, VecF32 sign) {
  const __m512 bit = _mm512_set1_ps(-0.0f);
  return {_mm512_or_ps(_mm512_andnot_ps(bit, a.v), _mm512_and_ps(bit, sign.v))};
}
FC_INLINE VecF32 pow2(VecF32 k) {
  const __m512 shifted = _mm512_add_ps(k.v, _mm512_set1_ps(0x1.8p23f));
  const __m512i exponent = _mm512_slli_epi32(_mm512_castps_si512(shifted), 23);
  const __m512i one = _mm512_castps_si512(_mm512_set1_ps(1.0f));
  return {_mm512_castsi512_ps(_mm512_add_epi32(exponent, one))};
}

FC_INLINE VecF64 max(VecF64 a, VecF64 b) { return {_mm512_max_pd(a.v, b.v)}; }
FC_INLINE VecF64 min(VecF64 a, VecF64 b) { return {_mm512_min_pd(a.v, b.v)}; }
FC_INLINE __mmask8 less(VecF64 a, VecF64 b) { return _mm512_cmp_pd_mask(a.v, b.v, _CMP_LT_OQ); }
FC_INLINE VecF64 select(__mmask8 mask, VecF64 a, VecF64 b) {
  return {_mm512_mask_blend_pd(mask, b.v, a.v)};
}
FC_INLINE VecF64 abs(VecF64 a) { return {_mm512_andnot_pd(_mm512_set1_pd(-0.0), a.v)}; }
FC_INLINE VecF64 copysign(VecF64 a, VecF64 sign) {
  const __m512d bit = _mm512_set1_pd(-0.0);
  return {_mm512_or_pd(_mm512_andnot_pd(bit, a.v), _mm512_and_pd(bit, sign.v))};
}
FC_INLINE VecF64 pow2(VecF64 k) {
  const __m512d shifted = _mm512_add_pd(k.v, _mm512_set1_pd(0x1.8p52));
  const __m512i exponent = _mm512_slli_epi64(_mm512_castpd_si512(shifted), 52);
  const __m512i one = _mm512_castpd_si512(_mm512_set1_pd(1.0));
  return {_mm512_castsi512_pd(_mm512_add_epi64(exponent, one))};
}

FC_INLINE VecF32 split_exponent(VecF32 a, VecF32& exponent) {
  exponent = {_mm512_getexp_ps(a.v)};
  return {_mm512_getmant_ps(a.v, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_zero)};
}
FC_INLINE VecF64 split_exponent(VecF64 a, VecF64& exponent) {
  exponent = {_mm512_getexp_pd(a.v)};
  return {_mm512_getmant_pd(a.v, _MM_MANT_NORM_1_2, _MM_MANT_SIGN_zero)};
}

static_assert(Vector<VecF32> && Vector<VecF64>);

}  // namespace fastconv::FC_ISA
