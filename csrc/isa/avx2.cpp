// SPDX-License-Identifier: MIT
// The kernels for CPUs with AVX2 and FMA, which have 16 registers of 32 bytes.
#define FC_ISA avx2
#include "isa/tables.h"
#include "kernels/tables.h"
#include "simd/vec_avx2.h"

namespace fastconv::avx2 {

// The most vectors of a gemm tile of MR rows: MR * nv + nv + 1 registers must do (kernels/gemm.h).
template <int MR>
struct Limits {
  enum { nv = MR == 1 ? 6 : MR == 2 ? 4 : MR <= 4 ? 3 : MR <= 6 ? 2 : 0 };
};

constinit const KernelTable table = {
    .isa = "avx2",
    .f32 = make_kernels<VecF32, Limits, 6, 3, 3>(),
    .f64 = make_kernels<VecF64, Limits, 6, 3, 3>(),
    .integers = make_all_integer_pools<32>(),
};

}  // namespace fastconv::avx2
