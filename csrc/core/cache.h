// SPDX-License-Identifier: MIT
// The sizes of the caches, asked for once. Algorithms compute the sizes of their blocks from them,
// so that they are clamped to sizes which real CPUs have.
#pragma once

#include "core/types.h"

namespace fastconv {

struct CacheSizes {
  index_t l1, l2, l3;  // bytes; l1 and l2 of one core, l3 of all that share it
};

const CacheSizes& cache_sizes() noexcept;

// The bytes of L3 that a process may count on where others use a larger one as well.
inline double shared_l3() noexcept {
  constexpr index_t kMost = 32'000'000;
  return double(cache_sizes().l3 < kMost ? cache_sizes().l3 : kMost);
}

}  // namespace fastconv
