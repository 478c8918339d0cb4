// SPDX-License-Identifier: MIT
// How the tasks of one parallel_for are shared out to the threads that run it.
#pragma once

#include <algorithm>
#include <atomic>

#include "core/platform.h"
#include "core/types.h"
#include "core/workers.h"

namespace fastconv {

// Every so many-th task, of which the first `next` are taken. Shares lie in cache lines of their
// own.
struct alignas(64) Share {
  std::atomic<index_t> next{0};
  index_t end = 0;
};

// One call of parallel_for, on the caller's stack. Share i has the tasks i, i + shares, i + 2 *
// shares and so on: where the first tasks are a little larger than the last, as they are where
// something was cut evenly, no share has all of them (256@14 3x3 on two threads: 475 us by halves,
// 411 so).
struct Call {
  static constexpr int kMostShares = 64;
  const Body& body;
  // How the caller's CPU rounds, and whether it flushes subnormals: all threads do as it does.
  const unsigned rounding = float_mode();
  const int shares;
  Share share[kMostShares];

  Call(index_t tasks, int threads, const Body& b) noexcept
      : body(b), shares(static_cast<int>(std::min<index_t>({threads, tasks, kMostShares}))) {
    for (int i = 0; i < shares; ++i) share[i].end = (tasks - i + shares - 1) / shares;
  }

  // Computes what is left of the share of `thread`, then of the others. Returns the number of tasks
  // that it computed.
  index_t work(int thread) noexcept {
    index_t done = 0;
    while (take(thread, [&](index_t task) { body(task, thread); })) ++done;
    return done;
  }

  // Calls f(task) for the next task that `thread` takes; false if none is left.
  template <class F>
  bool take(int thread, const F& f) noexcept {
    for (int i = 0; i < shares; ++i) {
      const int own = (thread + i) % shares;
      Share& s = share[own];
      if (s.next.load(std::memory_order_relaxed) >= s.end) continue;
      const index_t n = s.next.fetch_add(1, std::memory_order_relaxed);
      if (n >= s.end) continue;
      f(own + n * shares);
      return true;
    }
    return false;
  }
};

}  // namespace fastconv
