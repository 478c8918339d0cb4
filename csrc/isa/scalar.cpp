// SPDX-License-Identifier: MIT
// The kernels for any CPU. Vectors are 16 bytes, and 16 registers of them are assumed.
#define FC_ISA scalar
#include "isa/tables.h"
#include "kernels/tables.h"
#include "simd/vec_scalar.h"

namespace fastconv::scalar {

// The most vectors of a gemm tile of MR rows. Without an FMA a product needs a register, too:
// MR * nv + nv + 2 registers must do (kernels/gemm.h).
template <int MR>
struct Limits {
  enum { nv = MR <= 2 ? 4 : MR <= 4 ? 2 : 0 };
};

constinit const KernelTable table = {
    .isa = "scalar",
    .f32 = make_kernels<VecF32, Limits, 5, 3, 3>(),
    .f64 = make_kernels<VecF64, Limits, 5, 3, 3>(),
    .integers = make_all_integer_pools<16>(),
};

}  // namespace fastconv::scalar
