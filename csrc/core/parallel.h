// SPDX-License-Identifier: MIT
// The only way in which fastconv runs on several threads. Tasks must write disjoint results and
// must not depend on which thread runs them; then the bits of a result cannot either.
#pragma once

#ifdef _OPENMP
#include <omp.h>
#endif

#include <algorithm>

#include "core/types.h"

namespace fastconv {

// Below this many FMAs (or elements moved) a second thread costs more than it saves: waking it
// takes a few microseconds, in which one core does about this much.
inline constexpr double kWorthAThread = 500e3;

// Threads worth using for `tasks` tasks of together `work` FMAs or elements.
inline int useful_threads(index_t tasks, double work, int threads) noexcept {
  if (threads <= 1 || tasks <= 1 || work < 2 * kWorthAThread) return 1;
  return static_cast<int>(std::min<double>({double(threads), double(tasks), work / kWorthAThread}));
}

// Calls body(task, thread) for every task in 0..tasks, thread < threads. Nested in another parallel
// region, or built without OpenMP, it runs serially.
template <class Body>
void parallel_for(index_t tasks, [[maybe_unused]] int threads, const Body& body) noexcept {
#ifdef _OPENMP
  if (threads > 1 && tasks > 1) {
#pragma omp parallel num_threads(threads)
    {
      const int thread = omp_get_thread_num();
#pragma omp for schedule(dynamic)
      for (index_t task = 0; task < tasks; ++task) body(task, thread);
    }
    return;
  }
#endif
  for (index_t task = 0; task < tasks; ++task) body(task, 0);
}

}  // namespace fastconv
