// SPDX-License-Identifier: MIT
// The only way in which fastconv runs on several threads. No two tasks may write the same memory,
// and none may depend on the thread that runs it: then no bit of a result depends on the number of
// threads.
#pragma once

#include <algorithm>
#include <cmath>

#include "core/openmp.h"
#include "core/simulation.h"
#include "core/types.h"
#include "core/workers.h"

namespace fastconv {

// What it takes to ask one more thread, in FMAs that a core does meanwhile (or elements that it
// moves): a few microseconds for one that sleeps, a fraction of one for one that still spins.
inline constexpr double kWaking = 500e3, kRinging = 12e3;
// Less work than this is done by the caller alone: to share it takes two threads longer.
inline constexpr double kLeastShared = 300e3;

// The team that is worth having for `tasks` tasks that are `work` FMAs or elements together, of at
// most `threads` threads. n threads, asked one by one, take work / n + asking * n / 2, which is
// least at sqrt(2 * work / asking). So 2 are woken from 1e6 FMAs on, 64 from 1e9; 64 that spin are
// asked from 25e6 on.
inline Team useful_threads(index_t tasks, double work, int threads) noexcept {
  if (threads <= 1 || tasks <= 1 || work < kLeastShared) return 1;
  const auto best = [&](double asking) {
    return static_cast<int>(
        std::min<double>({double(threads), double(tasks), std::sqrt(2 * work / asking)}));
  };
  return {std::max(best(kRinging), 1), best(kWaking)};
}

// Calls body(task, thread) for every task in 0..tasks, thread < team.threads. Within another
// parallel_for it runs on the thread that calls it.
template <class B>
void parallel_for(index_t tasks, Team team, const B& body) noexcept {
  const int threads = team.threads = std::min(team.threads, thread_limit());
  // Alone, a call does not ask for the layer: that reads what belongs to the thread, whose first
  // use allocates memory, and a stream's blocks allocate none.
  const Threading layer = threads <= 1 || tasks <= 1 ? Threading::off : threading();
  if (layer == Threading::off) {
    for (index_t task = 0; task < tasks; ++task) body(task, 0);
    return;
  }
  const auto call = [](const void* object, index_t task, int thread) noexcept {
    (*static_cast<const B*>(object))(task, thread);
  };
  if (layer == Threading::openmp) return run_on_openmp(tasks, threads, {&body, call});
  if (layer == Threading::simulated) return simulate(tasks, threads, {&body, call});
  run_on_workers(tasks, team, {&body, call});
}

}  // namespace fastconv
