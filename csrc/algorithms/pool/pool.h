// SPDX-License-Identifier: MIT
// Pooling of planes, forward. Results do not depend on the number of threads: every output is
// computed whole, in an order that only its window decides.
#pragma once

#include <cstdint>

#include "core/exec.h"
#include "core/memory.h"
#include "core/pool_desc.h"

namespace fastconv {

// What becomes of a window.
struct Pooling {
  PoolOp op = PoolOp::max;
  double power = 1;  // of PoolOp::powers
  bool average = false;
  bool include_pad = true;  // of an average
  index_t divisor = 0;      // of an average; 0: the number of elements

  // The divisor of window (oh, ow) is rows(oh) * columns(ow).
  double rows(const PoolDesc& d, index_t oh) const {
    return static_cast<double>(divisor != 0 ? divisor : counted(d.h, oh, include_pad));
  }
  double columns(const PoolDesc& d, index_t ow) const {
    return divisor != 0 ? 1 : static_cast<double>(counted(d.w, ow, include_pad));
  }
};

// How a pool of pixels runs (pool_pixels.h).
struct PixelPlan {
  bool fits = false;
  bool last = false;  // channels are neighbours in memory
  index_t oh_block = 1, ow_block = 1;
  index_t region = 0, rows = 0, row_size = 0, ends = 0, outputs = 0;  // elements a thread
  index_t shared_bytes = 0, thread_bytes = 0;
  double work = 0;  // of a block
};
inline index_t pixel_scratch(const PixelPlan& plan, int threads) {
  return plan.shared_bytes + plan.thread_bytes * threads;
}

// How a pool runs: `separable` pools join the rows of a block of windows with vector kernels, the
// others go window by window, as pixels, or plane by plane.
struct PoolPlan {
  bool whole = false;  // each plane is a window
  bool separable = false;
  PixelPlan pixels;
  index_t oh_block = 1, ow_block = 1;
  index_t phase_step = 0, n_phases = 0, line = 0, row_size = 0;  // as in PoolArgs
  index_t shared_bytes = 0, thread_bytes = 0;
};
template <class T>
PoolPlan plan_pool(const PoolDesc& d, const Pooling& pooling);
inline index_t pool_scratch(const PoolPlan& plan, int threads) {
  if (plan.pixels.fits) return pixel_scratch(plan.pixels, threads);
  return plan.shared_bytes + plan.thread_bytes * threads;
}

template <class T>
void pool(const PoolDesc& d, const Pooling& pooling, const PoolPlan& plan, const T* x, T* y,
          const Exec& exec, std::byte* scratch) noexcept;

// max, min or sum of integers; sums wrap. Its scratch: a row for each thread.
template <class T>
index_t integer_pool_scratch(const PoolDesc& d, int threads) {
  return cache_lines(d.w.in * static_cast<index_t>(sizeof(T))) * threads;
}
template <class T>
void pool_integers(const PoolDesc& d, PoolOp op, const T* x, T* y, const Exec& exec,
                   std::byte* scratch) noexcept;

// The largest or smallest of each window and its place h * W + w in the plane; no window is empty.
template <class T>
void pool_with_indices(const PoolDesc& d, bool smallest, const T* x, T* y, std::int64_t* indices,
                       int threads) noexcept;

}  // namespace fastconv
