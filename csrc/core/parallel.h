// SPDX-License-Identifier: MIT
// The only way in which fastconv runs on several threads. No two tasks may write the same memory,
// and none may depend on the thread that runs it: then no bit of a result depends on the number of
// threads.
#pragma once

#ifdef _OPENMP
#include <omp.h>
#endif

#include <algorithm>
#include <cmath>

#include "core/types.h"
#include "core/workers.h"

namespace fastconv {

// Waking a thread takes a few microseconds, in which a core does about this many FMAs (or moves
// about as many elements).
inline constexpr double kWaking = 500e3;

// The number of threads, at most `threads`, that are worth using for `tasks` tasks that are `work`
// FMAs or elements together. n threads, woken one by one, take work / n + waking * n / 2, which is
// least at sqrt(2 * work / waking): 2 from 1e6 FMAs on, 64 from 1e9.
inline int useful_threads(index_t tasks, double work, int threads) noexcept {
  if (threads <= 1 || tasks <= 1 || work < 2 * kWaking) return 1;
  return static_cast<int>(
      std::min<double>({double(threads), double(tasks), std::sqrt(2 * work / kWaking)}));
}

// Calls body(task, thread) for every task in 0..tasks, thread < threads. Within another
// parallel_for it runs on the thread that calls it.
template <class B>
void parallel_for(index_t tasks, int threads, const B& body) noexcept {
  threads = std::min(threads, thread_limit());
  const Threading layer = threading();
  if (threads <= 1 || tasks <= 1 || layer == Threading::off) {
    for (index_t task = 0; task < tasks; ++task) body(task, 0);
    return;
  }
#ifdef _OPENMP
  if (layer == Threading::openmp) {
#pragma omp parallel num_threads(threads)
    {
      const int thread = omp_get_thread_num();
#pragma omp for schedule(dynamic)
      for (index_t task = 0; task < tasks; ++task) body(task, thread);
    }
    return;
  }
#endif
  const auto call = [](const void* object, index_t task, int thread) noexcept {
    (*static_cast<const B*>(object))(task, thread);
  };
  run_on_workers(tasks, threads, {&body, call});
}

}  // namespace fastconv
