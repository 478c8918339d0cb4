// SPDX-License-Identifier: MIT
// Questions to the CPU and the operating system, each of which is asked in a way of its own on
// Linux, macOS and Windows. No other code knows on which of them it runs, but core/pages.
#pragma once

#include <cstdint>

#include "core/types.h"

namespace fastconv {

// Instruction sets that the CPU can execute and whose registers the operating system saves.
struct CpuFeatures {
  bool avx2 = false, fma = false;
  bool avx512f = false, avx512vl = false, avx512bw = false, avx512dq = false;
};
CpuFeatures cpu_features() noexcept;

// How many FMAs of vectors of so many bytes one core begins in a cycle.
double fmas_per_cycle(index_t vector_bytes) noexcept;

// The size of the data cache of a level from 1 to 3, in bytes; 0 where the system does not say.
index_t cache_bytes(int level) noexcept;

int usable_cpus() noexcept;  // the number of CPUs that this process's affinity allows

// CPUs by number, in ascending order; none where the system does not let threads choose.
struct CpuSet {
  static constexpr int kMost = 1024;
  std::uint64_t bits[kMost / 64] = {};
  int count = 0;

  int at(int rank) const noexcept;   // the CPU with so many of the set before it
  int rank(int cpu) const noexcept;  // how many of the set are before it, or -1 if it is not there
  bool has(int cpu) const noexcept {
    return cpu >= 0 && cpu < kMost && (bits[cpu / 64] >> cpu % 64 & 1) != 0;
  }
  void add(int cpu) noexcept {
    if (cpu < 0 || cpu >= kMost || has(cpu)) return;
    bits[cpu / 64] |= std::uint64_t{1} << cpu % 64;
    ++count;
  }
};
CpuSet allowed_cpus() noexcept;  // what the calling thread's affinity allows now
int current_cpu() noexcept;      // where the calling thread runs now, or -1

// Starts a thread that nobody waits for, on `cpu` alone unless that is -1, which no signal is given
// to. False if the system has none to give.
bool start_thread(void (*run)(void*) noexcept, void* argument, int cpu) noexcept;

// How the calling thread's CPU rounds and whether it flushes subnormals, as its register says it,
// without the flags of what has happened.
inline unsigned float_mode() noexcept {
#if defined(__x86_64__)
  return __builtin_ia32_stmxcsr() & ~0x3Fu;
#elif defined(__aarch64__)
  std::uint64_t mode;
  __asm__ volatile("mrs %0, fpcr" : "=r"(mode));
  return static_cast<unsigned>(mode);
#else
  return 0;
#endif
}
inline void set_float_mode([[maybe_unused]] unsigned mode) noexcept {
#if defined(__x86_64__)
  __builtin_ia32_ldmxcsr(mode);
#elif defined(__aarch64__)
  __asm__ volatile("msr fpcr, %0" : : "r"(static_cast<std::uint64_t>(mode)));
#endif
}

// Tells the CPU that this thread waits in a loop.
inline void relax_cpu() noexcept {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  __asm__ volatile("yield");
#endif
}

// From now on calls `before` when the process forks, and then one of the others.
void around_fork(void (*before)(), void (*in_parent)(), void (*in_child)()) noexcept;

}  // namespace fastconv
