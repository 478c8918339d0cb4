// SPDX-License-Identifier: MIT
// Cache sizes, read once. Blocking is computed from them, so they are clamped to sane values.
#pragma once

#include "core/types.h"

namespace fastconv {

struct CacheSizes {
  index_t l1, l2, l3;  // bytes, per core for l1 and l2
};

const CacheSizes& cache_sizes() noexcept;

}  // namespace fastconv
