// SPDX-License-Identifier: MIT
// Questions to the CPU and the operating system, each of which is asked in a way of its own on
// Linux, macOS and Windows. No other code knows on which of them it runs, but core/pages.
#pragma once

#include "core/types.h"

namespace fastconv {

// Instruction sets that the CPU can execute and whose registers the operating system saves.
struct CpuFeatures {
  bool avx2 = false, fma = false;
  bool avx512f = false, avx512vl = false, avx512bw = false, avx512dq = false;
};
CpuFeatures cpu_features() noexcept;

// The size of the data cache of a level from 1 to 3, in bytes; 0 where the system does not say.
index_t cache_bytes(int level) noexcept;

int usable_cpus() noexcept;  // the number of CPUs that this process's affinity allows

// From now on calls `before` when the process forks, and then `after` in the parent and in the
// child.
void around_fork(void (*before)(), void (*after)()) noexcept;

}  // namespace fastconv
