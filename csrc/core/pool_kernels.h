// SPDX-License-Identifier: MIT
// Signatures of the pooling kernels of one ISA and dtype.
#pragma once

#include "core/types.h"

namespace fastconv {

template <class T>
struct PoolKernels {};

}  // namespace fastconv
