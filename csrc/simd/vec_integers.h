// SPDX-License-Identifier: MIT
// Vectors of integers, in the compiler's own vector type, for the few operations that pools need.
// Each ISA says how many bytes a vector has (make_all_integer_pools), and the compiler finds the
// instructions. Sums wrap on overflow.
#pragma once

#include "simd/common.h"

namespace fastconv::FC_ISA {

// <type_traits> has std::make_unsigned, but also functions with a body (see simd/concept.h).
template <int SIZE>
struct UnsignedOf;
template <>
struct UnsignedOf<1> {
  using T = std::uint8_t;
};
template <>
struct UnsignedOf<2> {
  using T = std::uint16_t;
};
template <>
struct UnsignedOf<4> {
  using T = std::uint32_t;
};
template <>
struct UnsignedOf<8> {
  using T = std::uint64_t;
};

template <class Integer, int BYTES>
struct VecInteger {
  using T = Integer;
  static constexpr int lanes = BYTES / static_cast<int>(sizeof(T));
  typedef T Reg __attribute__((vector_size(BYTES)));
  typedef T Unaligned __attribute__((vector_size(BYTES), aligned(alignof(T)), may_alias));
  using Mask = decltype(Reg{} < Reg{});
  Reg v;

  static FC_INLINE VecInteger zero() { return {Reg{}}; }
  static FC_INLINE VecInteger splat(T x) { return {Reg{} + x}; }
  static FC_INLINE VecInteger load(const T* p) { return {*reinterpret_cast<const Unaligned*>(p)}; }
  static FC_INLINE VecInteger load_n(const T* p, int n) {
    T some[lanes] = {};
    for (int i = 0; i < n; ++i) some[i] = p[i];
    return load(some);
  }
  FC_INLINE void store(T* p) const { *reinterpret_cast<Unaligned*>(p) = v; }
  FC_INLINE void store_n(T* p, int n) const {
    T some[lanes];
    store(some);
    for (int i = 0; i < n; ++i) p[i] = some[i];
  }
  friend FC_INLINE VecInteger operator+(VecInteger a, VecInteger b) {
    typedef typename UnsignedOf<sizeof(T)>::T Wrapping __attribute__((vector_size(BYTES)));
    return {
        reinterpret_cast<Reg>(reinterpret_cast<Wrapping>(a.v) + reinterpret_cast<Wrapping>(b.v))};
  }
  friend FC_INLINE VecInteger larger(VecInteger acc, VecInteger x) {
    return {x.v > acc.v ? x.v : acc.v};
  }
  friend FC_INLINE VecInteger smaller(VecInteger acc, VecInteger x) {
    return {x.v < acc.v ? x.v : acc.v};
  }
  friend FC_INLINE Mask exceeds(VecInteger acc, VecInteger x) { return x.v > acc.v; }
  friend FC_INLINE Mask undercuts(VecInteger acc, VecInteger x) { return x.v < acc.v; }
  friend FC_INLINE VecInteger select(Mask mask, VecInteger a, VecInteger b) {
    return {mask ? a.v : b.v};
  }
};

}  // namespace fastconv::FC_ISA
