// SPDX-License-Identifier: MIT
#include "core/cache.h"

#include <unistd.h>

#include <algorithm>

namespace fastconv {
namespace {

index_t size_of(int name, index_t fallback, index_t least, index_t most) noexcept {
  const long bytes = sysconf(name);
  return std::clamp<index_t>(bytes > 0 ? bytes : fallback, least, most);
}

}  // namespace

const CacheSizes& cache_sizes() noexcept {
  // Fallbacks are the smallest of the last ten years; a virtual machine may report 0 or nonsense.
  static const CacheSizes sizes = {
      .l1 = size_of(_SC_LEVEL1_DCACHE_SIZE, 32 << 10, 16 << 10, 192 << 10),
      .l2 = size_of(_SC_LEVEL2_CACHE_SIZE, 256 << 10, 128 << 10, 4 << 20),
      .l3 = size_of(_SC_LEVEL3_CACHE_SIZE, 4 << 20, 1 << 20, 512 << 20),
  };
  return sizes;
}

}  // namespace fastconv
