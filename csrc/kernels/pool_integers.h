// SPDX-License-Identifier: MIT
// Pools of integers: loops so plain that the compiler makes vectors of them, with this ISA's flags.
#pragma once

#include "core/pool_kernels.h"
#include "simd/common.h"

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
struct SumOf {  // which wraps: unsigned, and wide enough not to become a signed int
  template <class T>
  static FC_INLINE T join(T a, T b) {
    return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
  }
};

template <class Op, class T>
void join_integers(const T* x, index_t step, index_t n, T* __restrict y) noexcept {
  if (step == 1)
    for (index_t i = 0; i < n; ++i) y[i] = Op::join(y[i], x[i]);
  else if (step == 2)
    for (index_t i = 0; i < n; ++i) y[i] = Op::join(y[i], x[2 * i]);
  else
    for (index_t i = 0; i < n; ++i) y[i] = Op::join(y[i], x[step * i]);
}

template <class T>
consteval IntegerPools<T> make_integer_pools() {
  return {.join = {&join_integers<LargestOf, T>, &join_integers<SmallestOf, T>,
                   &join_integers<SumOf, T>}};
}

consteval AllIntegerPools make_all_integer_pools() {
  return {make_integer_pools<std::int8_t>(),   make_integer_pools<std::int16_t>(),
          make_integer_pools<std::int32_t>(),  make_integer_pools<std::int64_t>(),
          make_integer_pools<std::uint8_t>(),  make_integer_pools<std::uint16_t>(),
          make_integer_pools<std::uint32_t>(), make_integer_pools<std::uint64_t>()};
}

}  // namespace fastconv::FC_ISA
