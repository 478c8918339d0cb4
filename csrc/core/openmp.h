// SPDX-License-Identifier: MIT
// parallel_for by OpenMP. One file knows of it, so that all others are compiled alike with and
// without OpenMP.
#pragma once

#include "core/types.h"
#include "core/workers.h"

namespace fastconv {

// Calls body(task, thread) for each task in 0..tasks on a team of OpenMP, thread < threads.
void run_on_openmp(index_t tasks, int threads, const Body& body) noexcept;

}  // namespace fastconv
