// SPDX-License-Identifier: MIT
// One thread of the pool: how it is asked to help with a call, and how it is had.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>

#include "core/platform.h"

namespace fastconv {

using Clock = std::chrono::steady_clock;

// What a worker is asked to do, in one word, so that a caller can take it back: 0 while it is idle,
// the address of the Call from when it is asked, and the address + 1 from when it has begun.
using Word = std::uintptr_t;
inline constexpr Word kReserved = 1;  // a caller is about to ask it

inline constexpr auto kShortestShun = std::chrono::milliseconds(20);
inline constexpr auto kLongestShun = std::chrono::milliseconds(80);
inline constexpr auto kMostSaved = std::chrono::milliseconds(200);

// Lives as long as the process, since nobody knows when a thread has looked at it for the last
// time.
struct Worker {
  int thread = 0;  // its number in the call that it is asked for
  std::atomic<Word> asked{0};
  std::atomic<std::uint32_t> bell{0};                // rung when it is asked
  std::atomic<bool> sleeps{true};                    // whether it would have to be woken
  std::atomic<std::uint32_t> left{0};                // counts the calls that it has left
  std::atomic<Clock::time_point> shunned_until{};    // until then it is not asked
  std::atomic<Clock::duration> shun{kShortestShun};  // for how long, the next time that it is late
  std::atomic<Clock::duration> saved{};              // callers' time, by calls that it left in time
};

// Whether this thread computes a task: what it calls then stays on it.
extern thread_local bool in_call;
extern std::atomic<int> callers;  // threads of the process that run a call now
extern std::atomic<int> awake;    // workers that need not be woken

// The worker of CPU `slot`, or just the one of that number where `cpu` is -1; null if there is none
// to be had. It is made when it is first wanted.
Worker* worker_of(int slot, int cpu) noexcept;

// Who waits spins for so long before it sleeps: it bridges the gap between two layers of a network,
// and is far below the 2 ms after which somebody would miss the core.
inline constexpr auto kSpin = std::chrono::microseconds(50);

template <class Done>
bool spin_until(const Done& done) noexcept {
  const auto start = Clock::now();
  for (;;) {
    for (int i = 0; i < 64; ++i) {
      if (done()) return true;
      relax_cpu();
    }
    if (Clock::now() - start > kSpin) return false;
  }
}

}  // namespace fastconv
