// SPDX-License-Identifier: MIT
// Pools of integers: y[i] becomes y[i] joined with x[i * step]. The loops are so plain that the
// compiler turns them into vector code, with the flags of the ISA. Memory bounds their speed.
#pragma once

#include "core/pool_kernels.h"
#include "kernels/pool_slide.h"
#include "simd/vec_integers.h"

namespace fastconv::FC_ISA {

struct LargestOf {
  template <class T>
  static FC_INLINE T join(T a, T b) {
    return a > b ? a : b;
  }
};
struct SmallestOf {
  template <class T>
  static FC_INLINE T join(T a, T b) {
    return a < b ? a : b;
  }
};
struct SumOf {  // wraps on overflow: computed unsigned, in a type that is never promoted to int
  template <class T>
  static FC_INLINE T join(T a, T b) {
    return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
  }
};

// Steps of 1 and 2 have loops of their own, since a constant step is what the compiler needs.
template <class Op, class T>
void join_integers(const T* x, index_t step, index_t n, T* __restrict y) noexcept {
  if (step == 1)
    for (index_t i = 0; i < n; ++i) y[i] = Op::join(y[i], x[i]);
  else if (step == 2)
    for (index_t i = 0; i < n; ++i) y[i] = Op::join(y[i], x[2 * i]);
  else
    for (index_t i = 0; i < n; ++i) y[i] = Op::join(y[i], x[step * i]);
}

template <class T, int BYTES>
consteval IntegerPools<T> make_integer_pools() {
  return {.join = {&join_integers<LargestOf, T>, &join_integers<SmallestOf, T>,
                   &join_integers<SumOf, T>},
          .slide = make_slides<VecInteger<T, BYTES>>()};
}

// Vectors have BYTES bytes.
template <int BYTES>
consteval AllIntegerPools make_all_integer_pools() {
  return {make_integer_pools<std::int8_t, BYTES>(),      make_integer_pools<std::int16_t, BYTES>(),
          make_integer_pools<std::int32_t, BYTES>(),     make_integer_pools<std::int64_t, BYTES>(),
          make_integer_pools<std::uint8_t, BYTES>(),     make_integer_pools<std::uint16_t, BYTES>(),
          make_integer_pools<std::uint32_t, BYTES>(),    make_integer_pools<std::uint64_t, BYTES>(),
          make_places<VecInteger<std::int64_t, BYTES>>()};
}

}  // namespace fastconv::FC_ISA
