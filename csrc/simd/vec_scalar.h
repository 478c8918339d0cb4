// SPDX-License-Identifier: MIT
// Plain C++ for any CPU: vectors of 16 bytes in the compiler's own vector type, which becomes
// whatever the baseline has (SSE2 on x86-64), or scalar code. What each operation promises is in
// simd/concept.h; fma alone promises less: it is a multiplication and an addition, each rounded,
// because std::fma would be a library call where there is no such instruction.
//
// pow2: adding 1.5 * 2^(bits of the mantissa) leaves the integer k in the low bits of the sum. They
// move to where the exponent is and are added to the bits of 1.0, whose exponent stands for 2^0.
#pragma once

#include "core/types.h"
#include "simd/concept.h"

namespace fastconv::FC_ISA {

template <class Real>
struct Portable {
  using T = Real;
  static constexpr int lanes = 16 / static_cast<int>(sizeof(Real)), registers = 16;
  static constexpr bool rounds_products = true;  // in fma
  typedef Real Reg __attribute__((vector_size(16)));
  typedef Real Unaligned __attribute__((vector_size(16), aligned(alignof(Real)), may_alias));
  using Bits = decltype(Reg{} < Reg{});  // a vector of integers as wide as Real; also a mask
  Reg v;

  static FC_INLINE Portable zero() { return {Reg{}}; }
  static FC_INLINE Portable splat(Real x) { return {x - Reg{}}; }  // x - 0: keeps the sign of -0
  static FC_INLINE Portable load(const Real* p) { return {*reinterpret_cast<const Unaligned*>(p)}; }
  static FC_INLINE Portable load_n(const Real* p, int n) {
    Reg r{};
    for (int i = 0; i < n; ++i) r[i] = p[i];
    return {r};
  }
  struct Mask {
    int from, to;
  };
  static FC_INLINE Mask lanes_of(int from, int to) { return {from, to}; }
  static FC_INLINE Portable load_mask(const Real* p, Mask m) {
    if (m.to - m.from == lanes) return load(p);
    Reg r{};
    for (int i = m.from; i < m.to; ++i) r[i] = p[i];
    return {r};
  }
  FC_INLINE void store(Real* p) const { *reinterpret_cast<Unaligned*>(p) = v; }
  FC_INLINE void store_n(Real* p, int n) const {
    for (int i = 0; i < n; ++i) p[i] = v[i];
  }
  FC_INLINE Real sum() const {
    Real s = v[0];
    for (int i = 1; i < lanes; ++i) s += v[i];
    return s;
  }
  using Order = const std::int32_t*;
  static FC_INLINE Order order(const std::int32_t* places) { return places; }
  friend FC_INLINE Portable reorder(Portable a, Order order) {
    Reg r{};
    for (int i = 0; i < lanes; ++i) r[i] = a.v[order[i]];
    return {r};
  }
  friend FC_INLINE void hold(Portable&) {}  // left to the compiler, since registers differ
  friend FC_INLINE Portable operator+(Portable a, Portable b) { return {a.v + b.v}; }
  friend FC_INLINE Portable operator-(Portable a, Portable b) { return {a.v - b.v}; }
  friend FC_INLINE Portable operator*(Portable a, Portable b) { return {a.v * b.v}; }
  friend FC_INLINE Portable operator/(Portable a, Portable b) { return {a.v / b.v}; }
  friend FC_INLINE Portable fma(Portable a, Portable b, Portable c) { return {a.v * b.v + c.v}; }

  friend FC_INLINE Portable max(Portable a, Portable b) { return {a.v > b.v ? a.v : b.v}; }
  friend FC_INLINE Portable min(Portable a, Portable b) { return {a.v < b.v ? a.v : b.v}; }
  friend FC_INLINE Bits less(Portable a, Portable b) { return a.v < b.v; }
  friend FC_INLINE Portable select(Bits mask, Portable a, Portable b) { return {mask ? a.v : b.v}; }
  friend FC_INLINE Portable abs(Portable a) {
    return {reinterpret_cast<Reg>(reinterpret_cast<Bits>(a.v) & ~sign_bit())};
  }
  friend FC_INLINE Portable copysign(Portable a, Portable sign) {
    return {reinterpret_cast<Reg>((reinterpret_cast<Bits>(a.v) & ~sign_bit()) |
                                  (reinterpret_cast<Bits>(sign.v) & sign_bit()))};
  }
  friend FC_INLINE Portable pow2(Portable k) {
    constexpr int kMantissa = sizeof(Real) == 4 ? 23 : 52;
    constexpr Real kShift = static_cast<Real>(sizeof(Real) == 4 ? 0x1.8p23 : 0x1.8p52);
    const Bits exponent = reinterpret_cast<Bits>((k + splat(kShift)).v) << kMantissa;
    return {reinterpret_cast<Reg>(exponent + reinterpret_cast<Bits>(splat(1).v))};
  }

  friend FC_INLINE Portable split_exponent(Portable a, Portable& exponent) {
    constexpr int kMantissa = sizeof(Real) == 4 ? 23 : 52, kBias = sizeof(Real) == 4 ? 127 : 1023;
    const Bits bits = reinterpret_cast<Bits>(a.v), one = reinterpret_cast<Bits>(splat(1).v);
    exponent = {__builtin_convertvector((bits >> kMantissa) - kBias, Reg)};
    return {reinterpret_cast<Reg>((bits & ((decltype(Bits{}[0] + 0){1} << kMantissa) - 1)) | one)};
  }

  friend FC_INLINE Portable larger(Portable acc, Portable x) {
    return {((x.v > acc.v) | (x.v != x.v)) ? x.v : acc.v};
  }
  friend FC_INLINE Portable smaller(Portable acc, Portable x) {
    return {((x.v < acc.v) | (x.v != x.v)) ? x.v : acc.v};
  }
  friend FC_INLINE Bits exceeds(Portable acc, Portable x) { return (x.v > acc.v) | (x.v != x.v); }
  friend FC_INLINE Bits undercuts(Portable acc, Portable x) { return (x.v < acc.v) | (x.v != x.v); }
  friend FC_INLINE void unzip(Portable a, Portable b, Portable& even, Portable& odd) {
    if constexpr (lanes == 4) {
      even = {__builtin_shufflevector(a.v, b.v, 0, 2, 4, 6)};
      odd = {__builtin_shufflevector(a.v, b.v, 1, 3, 5, 7)};
    } else {
      even = {__builtin_shufflevector(a.v, b.v, 0, 2)};
      odd = {__builtin_shufflevector(a.v, b.v, 1, 3)};
    }
  }
  friend FC_INLINE void load_columns(const Real* p, index_t step, Portable (&columns)[lanes]) {
    for (int j = 0; j < lanes; ++j) {
      Reg column{};
      for (int i = 0; i < lanes; ++i) column[i] = p[i * step + j];
      columns[j] = {column};
    }
  }

  friend FC_INLINE void zip(Portable a, Portable b, Portable& lower, Portable& upper) {
    if constexpr (lanes == 4) {
      lower = {__builtin_shufflevector(a.v, b.v, 0, 4, 1, 5)};
      upper = {__builtin_shufflevector(a.v, b.v, 2, 6, 3, 7)};
    } else {
      lower = {__builtin_shufflevector(a.v, b.v, 0, 2)};
      upper = {__builtin_shufflevector(a.v, b.v, 1, 3)};
    }
  }
  friend FC_INLINE Portable next_lane(Portable a) {
    if constexpr (lanes == 4)
      return {__builtin_shufflevector(a.v, a.v, 1, 2, 3, 0)};
    else
      return {__builtin_shufflevector(a.v, a.v, 1, 0)};
  }

 private:
  static FC_INLINE Bits sign_bit() { return reinterpret_cast<Bits>(splat(Real{-0.0}).v); }
};

using VecF32 = Portable<float>;
using VecF64 = Portable<double>;

static_assert(Vector<VecF32> && Vector<VecF64>);

}  // namespace fastconv::FC_ISA
