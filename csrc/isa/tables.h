// SPDX-License-Identifier: MIT
// Declarations of the tables; defined in isa/<name>.cpp.
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
