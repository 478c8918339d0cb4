// SPDX-License-Identifier: MIT
#include "core/platform.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <new>
#include <thread>

#if defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(__x86_64__)
#include <cpuid.h>
#endif

#if defined(_WIN32)
#define NOMINMAX
#include <windows.h>

#include <vector>
#else
#include <pthread.h>
#include <signal.h>
#include <unistd.h>
#endif

#if defined(__linux__)
#include <sched.h>

#include <fstream>
#include <string>
#endif

namespace fastconv {
namespace {

#if defined(__APPLE__)
// The number of that name, or 0 where there is none. It has 4 or 8 bytes; either is read right,
// because macOS is little-endian.
index_t asked(const char* name) noexcept {
  std::int64_t value = 0;
  std::size_t size = sizeof value;
  return sysctlbyname(name, &value, &size, nullptr, 0) == 0 ? static_cast<index_t>(value) : 0;
}
#elif defined(__x86_64__)
struct Registers {
  unsigned a = 0, b = 0, c = 0, d = 0;
};
Registers cpuid(unsigned leaf) noexcept {
  Registers r;
  __get_cpuid_count(leaf, 0, &r.a, &r.b, &r.c, &r.d);  // r stays 0 where there is no such leaf
  return r;
}

// Whether FMAs of 64 bytes begin at half of the rate of those of 32: the CPU computes one in two
// halves (Zen 4, and Zen 5 where it is made for laptops), or has a single unit for it (client CPUs
// of Intel). A CPU is known by its maker, family and model.
bool has_half_rate_of_64_bytes() noexcept {
  const Registers maker = cpuid(0), id = cpuid(1);
  const unsigned base = id.a >> 8 & 0xF, family = base == 0xF ? base + (id.a >> 20 & 0xFF) : base;
  const unsigned model = (id.a >> 12 & 0xF0) | (id.a >> 4 & 0xF);
  constexpr unsigned kAmd = 0x68747541, kIntel = 0x756E6547;  // how the makers' names begin
  if (maker.b == kAmd) {
    const bool laptop = (model >= 0x20 && model < 0x40) || (model >= 0x60 && model < 0x80);
    return family == 0x19 || (family == 0x1A && laptop);
  }
  constexpr unsigned kClients[] = {0x66, 0x7D, 0x7E, 0x8C, 0x8D, 0xA7};
  return maker.b == kIntel && family == 6 &&
         std::ranges::find(kClients, model) != std::end(kClients);
}

// Which registers the operating system saves: bits 1 and 2 are those of AVX; AVX-512 needs bits 5
// to 7, too.
unsigned saved_registers() noexcept {
  unsigned low, high;
  __asm__("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  return low;
}
#endif

#if defined(__linux__)
// The kernel's own listing: for where sysconf knows nothing, as on Arm, and for what a core shares
// with others, since sysconf adds up the L3 of a whole socket (384 MiB where these CPUs share 32).
index_t cache_in_sys(int level) {
  for (int i = 0; i < 8; ++i) {
    const std::string folder = "/sys/devices/system/cpu/cpu0/cache/index" + std::to_string(i);
    int its_level = 0;
    index_t kibibytes = 0;
    std::string type;
    std::ifstream(folder + "/level") >> its_level;
    std::ifstream(folder + "/type") >> type;
    std::ifstream(folder + "/size") >> kibibytes;
    if (its_level == level && type != "Instruction") return kibibytes << 10;
  }
  return 0;
}
#endif

}  // namespace

CpuFeatures cpu_features() noexcept {
#if defined(__APPLE__)
  // The system is asked, not cpuid: macOS saves the registers of AVX-512 only from their first use
  // on.
  return {.avx2 = asked("hw.optional.avx2_0") != 0,
          .fma = asked("hw.optional.fma") != 0,
          .avx512f = asked("hw.optional.avx512f") != 0,
          .avx512vl = asked("hw.optional.avx512vl") != 0,
          .avx512bw = asked("hw.optional.avx512bw") != 0,
          .avx512dq = asked("hw.optional.avx512dq") != 0};
#elif defined(__x86_64__)
  const Registers basic = cpuid(1), extended = cpuid(7);
  const bool asks = (basic.c >> 27 & 1) != 0;  // whether the instruction xgetbv may be used
  const unsigned saved = asks ? saved_registers() : 0;
  const bool ymm = (saved & 0x06) == 0x06, zmm = (saved & 0xE6) == 0xE6;
  const auto bit = [](unsigned word, int i) { return (word >> i & 1) != 0; };
  return {.avx2 = ymm && bit(extended.b, 5),
          .fma = ymm && bit(basic.c, 12),
          .avx512f = zmm && bit(extended.b, 16),
          .avx512vl = zmm && bit(extended.b, 31),
          .avx512bw = zmm && bit(extended.b, 30),
          .avx512dq = zmm && bit(extended.b, 17)};
#else
  return {};
#endif
}

double fmas_per_cycle([[maybe_unused]] index_t vector_bytes) noexcept {
#if defined(__x86_64__) && !defined(__APPLE__)
  static const bool half_rate = has_half_rate_of_64_bytes();
  if (half_rate && vector_bytes == 64) return 1;
#endif
  return 2;
}

index_t cache_bytes([[maybe_unused]] int level) noexcept {
#if defined(__APPLE__)
  constexpr const char* kNames[][2] = {{"hw.perflevel0.l1dcachesize", "hw.l1dcachesize"},
                                       {"hw.perflevel0.l2cachesize", "hw.l2cachesize"},
                                       {"hw.perflevel0.l3cachesize", "hw.l3cachesize"}};
  const index_t fast_cores = asked(kNames[level - 1][0]);
  return fast_cores > 0 ? fast_cores : asked(kNames[level - 1][1]);
#elif defined(_WIN32)
  DWORD bytes = 0;
  GetLogicalProcessorInformation(nullptr, &bytes);
  std::vector<SYSTEM_LOGICAL_PROCESSOR_INFORMATION> parts(bytes / sizeof parts[0]);
  if (!GetLogicalProcessorInformation(parts.data(), &bytes)) return 0;
  for (const auto& part : parts)
    if (part.Relationship == RelationCache && part.Cache.Level == level &&
        part.Cache.Type != CacheInstruction)
      return static_cast<index_t>(part.Cache.Size);
  return 0;
#else
#if defined(__linux__)
  if (const index_t bytes = level == 3 ? cache_in_sys(level) : 0; bytes > 0) return bytes;
#endif
#if defined(_SC_LEVEL1_DCACHE_SIZE)  // glibc
  constexpr int kNames[] = {_SC_LEVEL1_DCACHE_SIZE, _SC_LEVEL2_CACHE_SIZE, _SC_LEVEL3_CACHE_SIZE};
  const long bytes = sysconf(kNames[level - 1]);
  if (bytes > 0) return bytes;
#endif
#if defined(__linux__)
  return cache_in_sys(level);
#else
  return 0;
#endif
#endif
}

int usable_cpus() noexcept {
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) == 0) return std::max(1, CPU_COUNT(&set));
#endif
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
}

int CpuSet::at(int rank) const noexcept {
  for (int word = 0; word < kMost / 64; ++word) {
    const int here = std::popcount(bits[word]);
    if (rank >= here) {
      rank -= here;
      continue;
    }
    std::uint64_t rest = bits[word];
    for (; rank > 0; --rank) rest &= rest - 1;
    return word * 64 + std::countr_zero(rest);
  }
  return -1;
}

int CpuSet::rank(int cpu) const noexcept {
  if (!has(cpu)) return -1;
  int before = std::popcount(bits[cpu / 64] & ((std::uint64_t{1} << cpu % 64) - 1));
  for (int word = 0; word < cpu / 64; ++word) before += std::popcount(bits[word]);
  return before;
}

CpuSet allowed_cpus() noexcept {
  CpuSet cpus;
#if defined(__linux__)
  cpu_set_t set;
  static_assert(sizeof set == sizeof cpus.bits);
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return cpus;
  std::memcpy(cpus.bits, &set, sizeof set);
  cpus.count = CPU_COUNT(&set);
#endif
  return cpus;
}

int current_cpu() noexcept {
#if defined(__linux__)
  return sched_getcpu();
#else
  return -1;
#endif
}

bool start_thread(void (*run)(void*) noexcept, void* argument, [[maybe_unused]] int cpu) noexcept {
#if defined(_WIN32)
  try {
    std::thread(run, argument).detach();
    return true;
  } catch (...) {
    return false;
  }
#else
  struct Start {
    void (*run)(void*) noexcept;
    void* argument;
  };
  auto* start = new (std::nothrow) Start{run, argument};
  if (start == nullptr) return false;
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setdetachstate(&attributes, PTHREAD_CREATE_DETACHED);
  // musl's threads have 128 KiB; transforming Winograd's weights in double takes as much.
  constexpr std::size_t kStack = 1 << 21;
  std::size_t stack = 0;
  if (pthread_attr_getstacksize(&attributes, &stack) == 0 && stack < kStack)
    pthread_attr_setstacksize(&attributes, kStack);
#if defined(__linux__) && defined(__GLIBC__)
  if (cpu >= 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<unsigned>(cpu), &set);
    pthread_attr_setaffinity_np(&attributes, sizeof set, &set);
  }
#endif
  // Signals belong to the threads of the program.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  pthread_t thread;
  const int failed = pthread_create(
      &thread, &attributes,
      [](void* p) -> void* {
        const Start mine = *static_cast<Start*>(p);
        delete static_cast<Start*>(p);
        mine.run(mine.argument);
        return nullptr;
      },
      start);
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  pthread_attr_destroy(&attributes);
  if (failed != 0) delete start;
#if defined(__linux__)
  if (failed == 0) pthread_setname_np(thread, "fastconv");
#endif
  return failed == 0;
#endif
}

void around_fork([[maybe_unused]] void (*before)(), [[maybe_unused]] void (*in_parent)(),
                 [[maybe_unused]] void (*in_child)()) noexcept {
#if !defined(_WIN32)
  pthread_atfork(before, in_parent, in_child);
#endif
}

}  // namespace fastconv
