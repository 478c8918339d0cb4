// SPDX-License-Identifier: MIT
#include "core/cache.h"

#include <algorithm>

#include "core/platform.h"

namespace fastconv {
namespace {

index_t size_of(int level, index_t fallback, index_t least, index_t most) noexcept {
  const index_t bytes = cache_bytes(level);
  return std::clamp<index_t>(bytes > 0 ? bytes : fallback, least, most);
}

}  // namespace

const CacheSizes& cache_sizes() noexcept {
  // A virtual machine may report 0 or nonsense. The fallbacks are the smallest sizes that CPUs of
  // the last ten years had.
  static const CacheSizes sizes = {
      .l1 = size_of(1, 32 << 10, 16 << 10, 192 << 10),
      .l2 = size_of(2, 256 << 10, 128 << 10, 4 << 20),
      .l3 = size_of(3, 4 << 20, 1 << 20, 512 << 20),
  };
  return sizes;
}

}  // namespace fastconv
