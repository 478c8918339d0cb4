// SPDX-License-Identifier: MIT
// The table of kernels of each ISA, and that of filters, which are compiled apart: isa/<name>.cpp
// and isa/<name>_filters.cpp define them. Which ones exist in a build is told by FC_HAS_<name>
// (CMakeLists.txt).
#pragma once

#include "core/filter_kernels.h"
#include "core/kernel_table.h"

namespace fastconv::scalar {
extern const KernelTable table;
extern const FilterTable filters;
}  // namespace fastconv::scalar
namespace fastconv::avx2 {
extern const KernelTable table;
extern const FilterTable filters;
}  // namespace fastconv::avx2
namespace fastconv::avx512 {
extern const KernelTable table;
extern const FilterTable filters;
}  // namespace fastconv::avx512
namespace fastconv::neon {
extern const KernelTable table;
extern const FilterTable filters;
}  // namespace fastconv::neon
