// SPDX-License-Identifier: MIT
// The kernels of filters, as avx512.cpp has all others.
#define FC_ISA avx512
#include "isa/tables.h"
#include "kernels/filter.h"
#include "simd/vec_avx512.h"

namespace fastconv::avx512 {

constinit const FilterTable filters = make_filter_table<VecF32, VecF64, 64>();

}  // namespace fastconv::avx512
