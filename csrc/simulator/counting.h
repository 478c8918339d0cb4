// SPDX-License-Identifier: MIT
// Kernels that compute nothing and count the cycles that the real ones would take, so that the loop
// nests of a layer run in a moment on any number of cores (core/simulation.h).
#pragma once

#include "core/kernel_table.h"

namespace fastconv {

// A copy of `isa`, with tiles of the same shapes, whose convolution kernels count cycles. It lives
// as long as the process. What they would have written stays as it is.
const KernelTable& counting_table(const KernelTable& isa);

}  // namespace fastconv
