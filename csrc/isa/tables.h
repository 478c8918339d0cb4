// SPDX-License-Identifier: MIT
// The table of kernels of each ISA. isa/<name>.cpp defines it; which ones exist in a build is told
// by FC_HAS_<name> (CMakeLists.txt).
#pragma once

#include "core/kernel_table.h"

namespace fastconv::scalar {
extern const KernelTable table;
}
namespace fastconv::avx2 {
extern const KernelTable table;
}
namespace fastconv::avx512 {
extern const KernelTable table;
}
namespace fastconv::neon {
extern const KernelTable table;
}
