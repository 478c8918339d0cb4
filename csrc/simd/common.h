// SPDX-License-Identifier: MIT
// The two macros of kernel code beside FC_ISA. Only ISA files may include kernels, so that no copy
// of a kernel is compiled with another ISA's flags.
#pragma once

#ifndef FC_ISA
#error "kernels are included by isa/<name>.cpp only, which defines FC_ISA"
#endif

#define FC_INLINE inline __attribute__((always_inline))
#define FC_UNROLL _Pragma("GCC unroll 16")

#include "core/types.h"

namespace fastconv::FC_ISA {

template <int LANES>
FC_INLINE int clamp_lane(index_t n) {
  return static_cast<int>(n < 0 ? 0 : n > LANES ? LANES : n);
}

}  // namespace fastconv::FC_ISA
