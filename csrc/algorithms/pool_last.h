// SPDX-License-Identifier: MIT
// Pools of float32 and float64 images with channels last, where that needs no planes.
#pragma once

#include "algorithms/pool.h"

namespace fastconv {

// `separable` where it can be done so, to the same bits as on planes; else they are needed.
template <class T>
PoolPlan plan_pool_last(const PoolDesc& d, const Pooling& pooling);

// x and y are dense (N, H, W, C). The scratch is as for pool().
template <class T>
void pool_last(const PoolDesc& d, const Pooling& pooling, const PoolPlan& plan, const T* x, T* y,
               const Exec& exec, const Scratch& scratch) noexcept;

}  // namespace fastconv
