// SPDX-License-Identifier: MIT
// All that a 64-bit Arm CPU has: 32 registers of 16 bytes.
#define FC_ISA neon
#include "isa/tables.h"
#include "kernels/tables.h"
#include "simd/vec_neon.h"

namespace fastconv::neon {

template <int MR>
struct Limits {
  enum { nv = MR <= 4 ? 6 : MR <= 6 ? 4 : MR <= 8 ? 3 : MR <= 12 ? 2 : 0 };
};

constinit const KernelTable table = {
    .isa = "neon",
    .f32 = make_kernels<VecF32, Limits, 12, 5, 5>(),
    .f64 = make_kernels<VecF64, Limits, 12, 5, 5>(),
    .integers = make_all_integer_pools(),
};

}  // namespace fastconv::neon
