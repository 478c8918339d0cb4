// SPDX-License-Identifier: MIT
// AVX2 + FMA vectors of 8 floats and 4 doubles. load_n and store_n touch only the first n elements
// (0 <= n <= lanes; the others load as 0): masked, so nothing is read past the end of a buffer.
#pragma once

#include <immintrin.h>

#include "core/types.h"
#include "simd/common.h"

namespace fastconv::FC_ISA {

struct VecF32 {
  using T = float;
  static constexpr int lanes = 8;
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
  FC_INLINE void store(float* p) const { _mm256_storeu_ps(p, v); }
  FC_INLINE void store_n(float* p, int n) const { _mm256_maskstore_ps(p, first(n), v); }
  FC_INLINE float sum() const {
    __m128 s = _mm_add_ps(_mm256_castps256_ps128(v), _mm256_extractf128_ps(v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_movehdup_ps(s)));
  }
};

struct VecF64 {
  using T = double;
  static constexpr int lanes = 4;
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
  FC_INLINE void store(double* p) const { _mm256_storeu_pd(p, v); }
  FC_INLINE void store_n(double* p, int n) const { _mm256_maskstore_pd(p, first(n), v); }
  FC_INLINE double sum() const {
    const __m128d s = _mm_add_pd(_mm256_castpd256_pd128(v), _mm256_extractf128_pd(v, 1));
    return _mm_cvtsd_f64(_mm_add_sd(s, _mm_unpackhi_pd(s, s)));
  }
};

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

// x where it is larger than acc, or NaN; else acc.
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
FC_INLINE VecF32 magnitude(VecF32 a) { return {_mm256_andnot_ps(_mm256_set1_ps(-0.0f), a.v)}; }
FC_INLINE VecF64 magnitude(VecF64 a) { return {_mm256_andnot_pd(_mm256_set1_pd(-0.0), a.v)}; }

// The elements of a and b at even and at odd places.
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

}  // namespace fastconv::FC_ISA
