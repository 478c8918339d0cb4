// SPDX-License-Identifier: MIT
// The kernels of filters, as scalar.cpp has all others.
#define FC_ISA scalar
#include "isa/tables.h"
#include "kernels/filter.h"
#include "simd/vec_scalar.h"

namespace fastconv::scalar {

constinit const FilterTable filters = make_filter_table<VecF32, VecF64, 16>();

}  // namespace fastconv::scalar
