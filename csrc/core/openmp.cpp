// SPDX-License-Identifier: MIT
#include "core/openmp.h"

#include "core/join_openmp.h"

#ifdef _OPENMP
#include <omp.h>

namespace fastconv {
namespace {

thread_local bool joins = false;

}  // namespace

JoinOpenMP::JoinOpenMP() noexcept : before_(joins) { joins = true; }
JoinOpenMP::~JoinOpenMP() { joins = before_; }
bool joins_openmp() noexcept { return joins; }

void run_on_openmp(index_t tasks, int threads, const Body& body) noexcept {
#pragma omp parallel num_threads(threads)
  {
    // A parallel_for within a task is OpenMP's, too, which runs it on the thread that calls it.
    const JoinOpenMP join;
    const int thread = omp_get_thread_num();
#pragma omp for schedule(dynamic)
    for (index_t task = 0; task < tasks; ++task) body(task, thread);
  }
}

}  // namespace fastconv

#else

namespace fastconv {

JoinOpenMP::JoinOpenMP() noexcept : before_(false) {}
JoinOpenMP::~JoinOpenMP() = default;
bool joins_openmp() noexcept { return false; }

// Threading::openmp is no layer of such a build (core/threads.cpp); the caller would do all.
void run_on_openmp(index_t tasks, int, const Body& body) noexcept {
  for (index_t task = 0; task < tasks; ++task) body(task, 0);
}

}  // namespace fastconv

#endif
