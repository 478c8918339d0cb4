// SPDX-License-Identifier: MIT
// A pool of threads that wait for the tasks of parallel_for, one for each CPU that the process may
// use, pinned to it. A caller takes tasks from the first moment on and waits only for tasks that a
// worker has begun: a worker that is late, because its CPU is busy or slow to wake, costs nothing.
#pragma once

#include "core/types.h"

namespace fastconv {

// How the tasks of parallel_for meet threads. openmp exists where the build has it; simulated is
// for studies (core/simulation.h).
enum class Threading : int { off, pool, openmp, simulated };

Threading threading() noexcept;
void set_threading(Threading layer) noexcept;

// The most threads that any call may have, whatever it or its plan asks for. It is what others
// limit from outside (threadpoolctl); where nobody does, it is above what any call has.
int thread_limit() noexcept;
void limit_threads(int most) noexcept;

// A body of parallel_for, of whatever type.
struct Body {
  const void* object;
  void (*call)(const void* object, index_t task, int thread) noexcept;
  void operator()(index_t task, int thread) const noexcept { call(object, task, thread); }
};

// The threads of a call, at most: the caller and those that it asks. One that sleeps is woken only
// while the team has fewer than `woken` threads.
struct Team {
  int threads, woken;
  Team(int all) noexcept : Team(all, all) {}
  Team(int all, int woken_) noexcept : threads(all), woken(woken_) {}
};

// Calls body(task, thread) for each task in 0..tasks on a team, thread < team.threads.
// There are as many shares of tasks as threads that are free: each belongs to the CPU that had it
// in the last call, whose L2 may still hold what it reads; who is done takes from the others'
// shares.
void run_on_workers(index_t tasks, const Team& team, const Body& body) noexcept;

// Around a fork: no worker may be in the making; the child has none and makes its own.
void lock_workers_for_fork() noexcept;
void unlock_workers_in_parent() noexcept;
void forget_workers_in_child() noexcept;

}  // namespace fastconv
