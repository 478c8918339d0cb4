// SPDX-License-Identifier: MIT
// NEON vectors of 4 floats and 2 doubles, as every AArch64 CPU has them. What each operation
// promises is in simd/concept.h. There are no masked loads and stores: parts of vectors are moved
// piece by piece, so that no other element is touched.
//
// pow2: adding 1.5 * 2^(bits of the mantissa) leaves the integer k in the low bits of the sum. They
// move to where the exponent is and are added to the bits of 1.0, whose exponent stands for 2^0.
#pragma once

#include <arm_neon.h>

#include "core/types.h"
#include "simd/concept.h"

namespace fastconv::FC_ISA {

// Moves bytes up by n lanes, and zeros in: a place below 0 wraps to more than 15, for which a table
// lookup gives 0.
FC_INLINE uint8x16_t moved_up(uint8x16_t v, int n) {
  const uint8x16_t places = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
  return vqtbl1q_u8(v, vsubq_u8(places, vdupq_n_u8(static_cast<std::uint8_t>(n))));
}

// The places of the bytes of four numbers of 32 bits, of which the places are given.
FC_INLINE uint8x16_t places_of_bytes(uint32x4_t places) {
  const uint32x4_t bytes = vmlaq_n_u32(vdupq_n_u32(0x03020100), places, 0x04040404);
  return vreinterpretq_u8_u32(bytes);
}

struct VecF32 {
  using T = float;
  static constexpr int lanes = 4, registers = 32;
  float32x4_t v;

  static FC_INLINE VecF32 zero() { return {vdupq_n_f32(0)}; }
  static FC_INLINE VecF32 splat(float x) { return {vdupq_n_f32(x)}; }
  static FC_INLINE VecF32 load(const float* p) { return {vld1q_f32(p)}; }
  static FC_INLINE VecF32 load_n(const float* p, int n) {
    if (n == lanes) return load(p);
    float32x2_t low = vdup_n_f32(0), high = low;
    if (n >= 2) low = vld1_f32(p);
    if (n == 1) low = vld1_lane_f32(p, low, 0);
    if (n == 3) high = vld1_lane_f32(p + 2, high, 0);
    return {vcombine_f32(low, high)};
  }
  struct Mask {
    int from, to;
  };
  static FC_INLINE Mask lanes_of(int from, int to) { return {from, to}; }
  static FC_INLINE VecF32 load_mask(const float* p, Mask m) {
    if (m.from >= m.to) return zero();
    const VecF32 part = load_n(p + m.from, m.to - m.from);
    return {vreinterpretq_f32_u8(moved_up(vreinterpretq_u8_f32(part.v), 4 * m.from))};
  }
  FC_INLINE void store(float* p) const { vst1q_f32(p, v); }
  FC_INLINE void store_n(float* p, int n) const {
    if (n == lanes) return store(p);
    if (n >= 2) vst1_f32(p, vget_low_f32(v));
    if (n == 1) vst1q_lane_f32(p, v, 0);
    if (n == 3) vst1q_lane_f32(p + 2, v, 2);
  }
  FC_INLINE float sum() const { return vaddvq_f32(v); }
  using Order = uint8x16_t;
  static FC_INLINE Order order(const std::int32_t* places) {
    return places_of_bytes(vreinterpretq_u32_s32(vld1q_s32(places)));
  }
};

struct VecF64 {
  using T = double;
  static constexpr int lanes = 2, registers = 32;
  float64x2_t v;

  static FC_INLINE VecF64 zero() { return {vdupq_n_f64(0)}; }
  static FC_INLINE VecF64 splat(double x) { return {vdupq_n_f64(x)}; }
  static FC_INLINE VecF64 load(const double* p) { return {vld1q_f64(p)}; }
  static FC_INLINE VecF64 load_n(const double* p, int n) {
    if (n == lanes) return load(p);
    return n == 1 ? VecF64{vcombine_f64(vld1_f64(p), vdup_n_f64(0))} : zero();
  }
  struct Mask {
    int from, to;
  };
  static FC_INLINE Mask lanes_of(int from, int to) { return {from, to}; }
  static FC_INLINE VecF64 load_mask(const double* p, Mask m) {
    if (m.from >= m.to) return zero();
    const VecF64 part = load_n(p + m.from, m.to - m.from);
    return {vreinterpretq_f64_u8(moved_up(vreinterpretq_u8_f64(part.v), 8 * m.from))};
  }
  FC_INLINE void store(double* p) const { vst1q_f64(p, v); }
  FC_INLINE void store_n(double* p, int n) const {
    if (n == lanes) store(p);
    if (n == 1) vst1q_lane_f64(p, v, 0);
  }
  FC_INLINE double sum() const { return vaddvq_f64(v); }
  using Order = uint8x16_t;
  static FC_INLINE Order order(const std::int32_t* places) {
    const uint32x2_t lower = vshl_n_u32(vreinterpret_u32_s32(vld1_s32(places)), 1);
    const uint32x2_t upper = vadd_u32(lower, vdup_n_u32(1));
    return places_of_bytes(vcombine_u32(vzip1_u32(lower, upper), vzip2_u32(lower, upper)));
  }
};

// Makes a value live in a register: gcc 12 reads memory again for each of its uses if there are
// few.
FC_INLINE void hold(VecF32& a) { __asm__("" : "+w"(a.v)); }
FC_INLINE void hold(VecF64& a) { __asm__("" : "+w"(a.v)); }

FC_INLINE VecF32 operator+(VecF32 a, VecF32 b) { return {vaddq_f32(a.v, b.v)}; }
FC_INLINE VecF32 operator-(VecF32 a, VecF32 b) { return {vsubq_f32(a.v, b.v)}; }
FC_INLINE VecF32 operator*(VecF32 a, VecF32 b) { return {vmulq_f32(a.v, b.v)}; }
FC_INLINE VecF32 operator/(VecF32 a, VecF32 b) { return {vdivq_f32(a.v, b.v)}; }
FC_INLINE VecF32 fma(VecF32 a, VecF32 b, VecF32 c) { return {vfmaq_f32(c.v, a.v, b.v)}; }

FC_INLINE VecF64 operator+(VecF64 a, VecF64 b) { return {vaddq_f64(a.v, b.v)}; }
FC_INLINE VecF64 operator-(VecF64 a, VecF64 b) { return {vsubq_f64(a.v, b.v)}; }
FC_INLINE VecF64 operator*(VecF64 a, VecF64 b) { return {vmulq_f64(a.v, b.v)}; }
FC_INLINE VecF64 operator/(VecF64 a, VecF64 b) { return {vdivq_f64(a.v, b.v)}; }
FC_INLINE VecF64 fma(VecF64 a, VecF64 b, VecF64 c) { return {vfmaq_f64(c.v, a.v, b.v)}; }

FC_INLINE uint32x4_t less(VecF32 a, VecF32 b) { return vcltq_f32(a.v, b.v); }
FC_INLINE VecF32 select(uint32x4_t mask, VecF32 a, VecF32 b) { return {vbslq_f32(mask, a.v, b.v)}; }
FC_INLINE uint64x2_t less(VecF64 a, VecF64 b) { return vcltq_f64(a.v, b.v); }
FC_INLINE VecF64 select(uint64x2_t mask, VecF64 a, VecF64 b) { return {vbslq_f64(mask, a.v, b.v)}; }

// These are not FMAX and FMIN, which give NaN where either operand is NaN and tell +0 from -0.
FC_INLINE VecF32 max(VecF32 a, VecF32 b) { return select(less(b, a), a, b); }
FC_INLINE VecF32 min(VecF32 a, VecF32 b) { return select(less(a, b), a, b); }
FC_INLINE VecF64 max(VecF64 a, VecF64 b) { return select(less(b, a), a, b); }
FC_INLINE VecF64 min(VecF64 a, VecF64 b) { return select(less(a, b), a, b); }

FC_INLINE uint32x4_t exceeds(VecF32 acc, VecF32 x) {
  return vornq_u32(vcgtq_f32(x.v, acc.v), vceqq_f32(x.v, x.v));
}
FC_INLINE uint32x4_t undercuts(VecF32 acc, VecF32 x) {
  return vornq_u32(vcltq_f32(x.v, acc.v), vceqq_f32(x.v, x.v));
}
FC_INLINE uint64x2_t exceeds(VecF64 acc, VecF64 x) {
  return vornq_u64(vcgtq_f64(x.v, acc.v), vceqq_f64(x.v, x.v));
}
FC_INLINE uint64x2_t undercuts(VecF64 acc, VecF64 x) {
  return vornq_u64(vcltq_f64(x.v, acc.v), vceqq_f64(x.v, x.v));
}

FC_INLINE VecF32 larger(VecF32 acc, VecF32 x) {
  return select(vceqq_f32(x.v, x.v), max(x, acc), x);
}
FC_INLINE VecF64 larger(VecF64 acc, VecF64 x) {
  return select(vceqq_f64(x.v, x.v), max(x, acc), x);
}
FC_INLINE VecF32 smaller(VecF32 acc, VecF32 x) {
  return select(vceqq_f32(x.v, x.v), min(x, acc), x);
}
FC_INLINE VecF64 smaller(VecF64 acc, VecF64 x) {
  return select(vceqq_f64(x.v, x.v), min(x, acc), x);
}

FC_INLINE void unzip(VecF32 a, VecF32 b, VecF32& even, VecF32& odd) {
  even = {vuzp1q_f32(a.v, b.v)};
  odd = {vuzp2q_f32(a.v, b.v)};
}
FC_INLINE void unzip(VecF64 a, VecF64 b, VecF64& even, VecF64& odd) {
  even = {vuzp1q_f64(a.v, b.v)};
  odd = {vuzp2q_f64(a.v, b.v)};
}

FC_INLINE void zip(VecF32 a, VecF32 b, VecF32& lower, VecF32& upper) {
  lower = {vzip1q_f32(a.v, b.v)};
  upper = {vzip2q_f32(a.v, b.v)};
}
FC_INLINE void zip(VecF64 a, VecF64 b, VecF64& lower, VecF64& upper) {
  lower = {vzip1q_f64(a.v, b.v)};
  upper = {vzip2q_f64(a.v, b.v)};
}

FC_INLINE VecF32 reorder(VecF32 a, uint8x16_t order) {
  return {vreinterpretq_f32_u8(vqtbl1q_u8(vreinterpretq_u8_f32(a.v), order))};
}
FC_INLINE VecF64 reorder(VecF64 a, uint8x16_t order) {
  return {vreinterpretq_f64_u8(vqtbl1q_u8(vreinterpretq_u8_f64(a.v), order))};
}

FC_INLINE VecF32 next_lane(VecF32 a) { return {vextq_f32(a.v, a.v, 1)}; }
FC_INLINE VecF64 next_lane(VecF64 a) { return {vextq_f64(a.v, a.v, 1)}; }

FC_INLINE void load_columns(const float* p, index_t step, VecF32 (&columns)[4]) {
  const float32x4_t r0 = vld1q_f32(p), r1 = vld1q_f32(p + step);
  const float32x4_t r2 = vld1q_f32(p + 2 * step), r3 = vld1q_f32(p + 3 * step);
  const float64x2_t lo01 = vreinterpretq_f64_f32(vzip1q_f32(r0, r1));
  const float64x2_t hi01 = vreinterpretq_f64_f32(vzip2q_f32(r0, r1));
  const float64x2_t lo23 = vreinterpretq_f64_f32(vzip1q_f32(r2, r3));
  const float64x2_t hi23 = vreinterpretq_f64_f32(vzip2q_f32(r2, r3));
  columns[0] = {vreinterpretq_f32_f64(vzip1q_f64(lo01, lo23))};
  columns[1] = {vreinterpretq_f32_f64(vzip2q_f64(lo01, lo23))};
  columns[2] = {vreinterpretq_f32_f64(vzip1q_f64(hi01, hi23))};
  columns[3] = {vreinterpretq_f32_f64(vzip2q_f64(hi01, hi23))};
}
FC_INLINE void load_columns(const double* p, index_t step, VecF64 (&columns)[2]) {
  const float64x2_t r0 = vld1q_f64(p), r1 = vld1q_f64(p + step);
  columns[0] = {vzip1q_f64(r0, r1)};
  columns[1] = {vzip2q_f64(r0, r1)};
}

FC_INLINE VecF32 abs(VecF32 a) { return {vabsq_f32(a.v)}; }
FC_INLINE VecF32 copysign(VecF32 a, VecF32 sign) {
  return select(vdupq_n_u32(std::uint32_t{1} << 31), sign, a);
}
FC_INLINE VecF32 pow2(VecF32 k) {
  const VecF32 shifted = k + VecF32::splat(0x1.8p23f);
  const int32x4_t exponent = vshlq_n_s32(vreinterpretq_s32_f32(shifted.v), 23);
  const int32x4_t one = vreinterpretq_s32_f32(vdupq_n_f32(1));
  return {vreinterpretq_f32_s32(vaddq_s32(exponent, one))};
}

FC_INLINE VecF64 abs(VecF64 a) { return {vabsq_f64(a.v)}; }
FC_INLINE VecF64 copysign(VecF64 a, VecF64 sign) {
  return select(vdupq_n_u64(std::uint64_t{1} << 63), sign, a);
}
FC_INLINE VecF64 pow2(VecF64 k) {
  const VecF64 shifted = k + VecF64::splat(0x1.8p52);
  const int64x2_t exponent = vshlq_n_s64(vreinterpretq_s64_f64(shifted.v), 52);
  const int64x2_t one = vreinterpretq_s64_f64(vdupq_n_f64(1));
  return {vreinterpretq_f64_s64(vaddq_s64(exponent, one))};
}

FC_INLINE VecF32 split_exponent(VecF32 a, VecF32& exponent) {
  const uint32x4_t bits = vreinterpretq_u32_f32(a.v), mantissa = vdupq_n_u32(0x7fffff);
  const int32x4_t biased = vreinterpretq_s32_u32(vshrq_n_u32(bits, 23));
  exponent = {vcvtq_f32_s32(vsubq_s32(biased, vdupq_n_s32(127)))};
  return {vreinterpretq_f32_u32(
      vorrq_u32(vandq_u32(bits, mantissa), vreinterpretq_u32_f32(vdupq_n_f32(1))))};
}
FC_INLINE VecF64 split_exponent(VecF64 a, VecF64& exponent) {
  const uint64x2_t bits = vreinterpretq_u64_f64(a.v);
  const uint64x2_t mantissa = vdupq_n_u64((std::uint64_t{1} << 52) - 1);
  const int64x2_t biased = vreinterpretq_s64_u64(vshrq_n_u64(bits, 52));
  exponent = {vcvtq_f64_s64(vsubq_s64(biased, vdupq_n_s64(1023)))};
  return {vreinterpretq_f64_u64(
      vorrq_u64(vandq_u64(bits, mantissa), vreinterpretq_u64_f64(vdupq_n_f64(1))))};
}

static_assert(Vector<VecF32> && Vector<VecF64>);

}  // namespace fastconv::FC_ISA
