// SPDX-License-Identifier: MIT
// The kernels of filters, as avx2.cpp has all others.
#define FC_ISA avx2
#include "isa/tables.h"
#include "kernels/filter.h"
#include "simd/vec_avx2.h"

namespace fastconv::avx2 {

constinit const FilterTable filters = make_filter_table<VecF32, VecF64, 32>();

}  // namespace fastconv::avx2
