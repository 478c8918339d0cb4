// SPDX-License-Identifier: MIT
// All that every CPU has: 16 registers of 16 bytes, one of them for a product.
#define FC_ISA scalar
#include "isa/tables.h"
#include "kernels/tables.h"
#include "simd/vec_scalar.h"

namespace fastconv::scalar {

template <int MR>
struct Limits {
  enum { nv = MR <= 2 ? 4 : MR <= 4 ? 2 : 0 };
};

constinit const KernelTable table = {
    .isa = "scalar",
    .f32 = make_kernels<VecF32, Limits, 5, 3, 3>(),
    .f64 = make_kernels<VecF64, Limits, 5, 3, 3>(),
    .integers = make_all_integer_pools(),
};

}  // namespace fastconv::scalar
