// SPDX-License-Identifier: MIT
#include "core/openmp.h"

#ifdef _OPENMP
#include <omp.h>

namespace fastconv {

void run_on_openmp(index_t tasks, int threads, const Body& body) noexcept {
#pragma omp parallel num_threads(threads)
  {
    const int thread = omp_get_thread_num();
#pragma omp for schedule(dynamic)
    for (index_t task = 0; task < tasks; ++task) body(task, thread);
  }
}

}  // namespace fastconv

#else

namespace fastconv {

// Threading::openmp is no layer of such a build (core/threads.cpp); the caller would do all.
void run_on_openmp(index_t tasks, int, const Body& body) noexcept {
  for (index_t task = 0; task < tasks; ++task) body(task, 0);
}

}  // namespace fastconv

#endif
