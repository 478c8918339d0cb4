// SPDX-License-Identifier: MIT
// What all kernel code begins with: its two macros beside FC_ISA, which names the namespace of the
// ISA that is compiled. Only isa/<name>.cpp may include kernels: any other file would compile a
// copy of them with the flags of another ISA.
#pragma once

#ifndef FC_ISA
#error "kernels are included by isa/<name>.cpp only, which defines FC_ISA"
#endif

// A function that must be inlined: what stays a function becomes a symbol.
#define FC_INLINE inline __attribute__((always_inline))
// Unrolls the loop that follows. Arrays of vectors stay in registers only if every index into them
// is a constant.
#define FC_UNROLL _Pragma("GCC unroll 16")

#include "core/types.h"

namespace fastconv::FC_ISA {

// The nearest number from 0 to LANES: how many lanes of a vector lie before place n.
template <int LANES>
FC_INLINE int clamp_lane(index_t n) {
  return static_cast<int>(n < 0 ? 0 : n > LANES ? LANES : n);
}

// Asks for the cache line at p in order to write it. Without it a store of a line that another core
// holds waits for that core, one line after the other. For x86, __builtin_prefetch(p, 1) is a fetch
// for reading unless a flag promises PREFETCHW, which CPUs without it take for a NOP.
FC_INLINE void fetch_to_write(const void* p) {
#ifdef __x86_64__
  asm volatile("prefetchw %0" : : "m"(*static_cast<const char*>(p)));
#else
  __builtin_prefetch(p, 1);
#endif
}

// Cuts finished results, still in registers, to limits[0] .. limits[1], as relu and relu6 do; not
// at all if `limits` is null. NaN stays NaN, and -0 stays -0: max and min give their second operand
// there.
template <class V, int N>
FC_INLINE void limit(V (&results)[N], const typename V::T* limits) {
  if (limits == nullptr) return;
  const V low = V::splat(limits[0]), high = V::splat(limits[1]);
  FC_UNROLL for (int i = 0; i < N; ++i) results[i] = min(high, max(low, results[i]));
}

}  // namespace fastconv::FC_ISA
