// SPDX-License-Identifier: MIT
// The kernels for CPUs with AVX-512 (F, VL, BW, DQ), which have 32 registers of 64 bytes.
#define FC_ISA avx512
#include "isa/tables.h"
#include "kernels/tables.h"
#include "simd/vec_avx512.h"

namespace fastconv::avx512 {

// The most vectors of a gemm tile of MR rows: MR * nv + nv + 1 registers must do (kernels/gemm.h).
template <int MR>
struct Limits {
  enum { nv = MR <= 4 ? 6 : MR <= 6 ? 4 : MR <= 8 ? 3 : MR <= 12 ? 2 : 0 };
};

constinit const KernelTable table = {
    .isa = "avx512",
    .f32 = make_kernels<VecF32, Limits, 12, 5, 5>(),
    .f64 = make_kernels<VecF64, Limits, 12, 5, 5>(),
    .integers = make_all_integer_pools<64>(),
};

}  // namespace fastconv::avx512
