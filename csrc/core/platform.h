// SPDX-License-Identifier: MIT
// What has to be asked of the CPU or the operating system in a way of its own: nothing else, but
// core/pages for large blocks, knows on which it runs.
#pragma once

#include "core/types.h"

namespace fastconv {

// What the CPU can execute and whose registers the operating system saves.
struct CpuFeatures {
  bool avx2 = false, fma = false;
  bool avx512f = false, avx512vl = false, avx512bw = false, avx512dq = false;
};
CpuFeatures cpu_features() noexcept;

index_t cache_bytes(int level) noexcept;  // of data, level 1 to 3; 0 where nobody says

int usable_cpus() noexcept;  // those that this process's affinity allows

// Calls `before` in each process that forks, and `after` in parent and child.
void around_fork(void (*before)(), void (*after)()) noexcept;

}  // namespace fastconv
