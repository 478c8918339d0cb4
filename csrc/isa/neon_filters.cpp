// SPDX-License-Identifier: MIT
// The kernels of filters, as neon.cpp has all others.
#define FC_ISA neon
#include "isa/tables.h"
#include "kernels/filter.h"
#include "simd/vec_neon.h"

namespace fastconv::neon {

constinit const FilterTable filters = make_filter_table<VecF32, VecF64, 16>();

}  // namespace fastconv::neon
