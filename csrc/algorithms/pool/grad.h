// SPDX-License-Identifier: MIT
// Gradients of pools, and unpooling: planes in, planes out. A plane of a scattered result belongs
// to one thread, so that duplicates are added, or overwritten, in the order of the outputs.
#pragma once

#include <cstdint>

#include "algorithms/pool/pool.h"

namespace fastconv {

struct Planes {
  index_t count, n, places;  // planes of n elements each, whose indices are within 0..places
};

// The position of the first index outside 0..places, or -1.
index_t first_outside(const Planes& planes, const std::int64_t* indices, int threads) noexcept;

// y gets each x at its index: added, or the last one kept; else 0. These three return what
// first_outside does; they read and write nothing there.
template <class T>
index_t scatter_add(const Planes& planes, const T* x, const std::int64_t* indices, T* y,
                    int threads) noexcept;
template <class T>
index_t scatter(const Planes& planes, const T* x, const std::int64_t* indices, T* y,
                int threads) noexcept;

// y[i] = x[indices[i]].
template <class T>
index_t gather(const Planes& planes, const T* x, const std::int64_t* indices, T* y,
               int threads) noexcept;

// Gradient of sums and averages. dx need not be zero beforehand.
struct SpreadPlan {
  PixelPlan pixels;
  bool by_rows = false;  // spread each row of dy once, then add it to rows of dx
  index_t row_block = 1, column_block = 1, row_size = 0;
  index_t shared_bytes = 0, thread_bytes = 0;
};
template <class T>
SpreadPlan plan_spread(const PoolDesc& d, const Pooling& pooling);
inline index_t spread_scratch(const SpreadPlan& plan, int threads) {
  return plan.shared_bytes + plan.thread_bytes * threads;
}
template <class T>
void spread(const PoolDesc& d, const Pooling& pooling, const SpreadPlan& plan, const T* dy, T* dx,
            const Exec& exec, std::byte* scratch) noexcept;

// Gradient of a p-norm with output y. For p = 1 and 2 it is the gradient of a sum between two
// elementwise steps: from dy and y, then with x to dx.
template <class T>
index_t norm_grad_scratch(const PoolDesc& d, double power, const Exec& exec);
template <class T>
void norm_grad(const PoolDesc& d, double power, const T* x, const T* y, const T* dy, T* dx,
               const Exec& exec, std::byte* scratch) noexcept;

}  // namespace fastconv
