// SPDX-License-Identifier: MIT
// A machine with any number of cores, on paper: kernels count cycles and compute nothing, and
// parallel_for runs one task after the other and keeps the time of each thread. What it tells is
// how well the loop nests share out their work, on machines that nobody here has.
#pragma once

#include "core/types.h"
#include "core/workers.h"

namespace fastconv {

struct Simulation {
  double counted = 0;  // cycles that kernels have counted since the last look
  double elapsed = 0;  // until the slowest thread of every parallel_for was done
  double busy = 0;     // of all threads together
};

// Of this thread, where Threading::simulated is the layer.
Simulation& simulation() noexcept;

// Adds what has been counted outside of any parallel_for.
void count_serial() noexcept;

// parallel_for on paper: shares and stealing are those of the pool (core/shares.h), and the thread
// that is done first takes the next task. Waking and memory cost nothing, so that no machine is
// better than this.
void simulate(index_t tasks, int threads, const Body& body) noexcept;

}  // namespace fastconv
