// SPDX-License-Identifier: MIT
// Gradients of pools, and unpooling: planes in, planes out. A plane of a scattered result belongs
// to one thread, so that duplicates are added, or overwritten, in the order of the outputs.
#pragma once

#include <cstdint>

#include "algorithms/pool.h"

namespace fastconv {

struct Planes {
  index_t count, n, places;  // planes of n elements each, whose indices are within 0..places
};

// The position of the first index outside 0..places, or -1.
index_t first_outside(const Planes& planes, const std::int64_t* indices, int threads) noexcept;

// y, zero beforehand, gets each x at its index: added, or the last one kept.
template <class T>
void scatter_add(const Planes& planes, const T* x, const std::int64_t* indices, T* y,
                 int threads) noexcept;
template <class T>
void scatter(const Planes& planes, const T* x, const std::int64_t* indices, T* y,
             int threads) noexcept;

// y[i] = x[indices[i]].
template <class T>
void gather(const Planes& planes, const T* x, const std::int64_t* indices, T* y,
            int threads) noexcept;

// Gradient of sums and averages. dx need not be zero beforehand.
struct SpreadPlan {
  bool by_rows = false;  // spread each row of dy once, then add it to rows of dx
  index_t row_block = 1, column_block = 1, row_size = 0, thread_bytes = 0;
};
template <class T>
SpreadPlan plan_spread(const PoolDesc& d);
template <class T>
void spread(const PoolDesc& d, const Pooling& pooling, const SpreadPlan& plan, const T* dy, T* dx,
            int threads, std::byte* scratch) noexcept;

// Gradient of a p-norm with output y.
template <class T>
void spread_norm(const PoolDesc& d, double power, const T* x, const T* y, const T* dy, T* dx,
                 int threads) noexcept;

}  // namespace fastconv
