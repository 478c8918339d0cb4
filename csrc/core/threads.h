// SPDX-License-Identifier: MIT
// How many threads a call uses by default, and what lets OpenMP work after a fork.
#pragma once

#include <string>

namespace fastconv {

inline constexpr int kMaxThreads = 1024;  // the most that anybody may ask for

// The number of CPUs that affinity and the cgroup's quota allowed when it was first asked for.
int available_cpus() noexcept;

// The most threads that one call is cut for: as many as there are CPUs, since more share the work
// out worse and run no sooner (128@56 3x3 s2 cut for 16 threads takes 1.6 times as long on two CPUs
// as cut for two). OpenMP may have twice as many, and at least 8. Never more than thread_limit(); 1
// where threading is "off".
int most_threads() noexcept;

// For tests: as if there were so many CPUs, so that cuts for many threads can be tried on few.
// Returns how many there were as if before, or 0.
int pretend_cpus(int cpus) noexcept;

// The number of threads that calls use which do not say: what set_default_threads was told last, or
// init_threads_from_environment found. Setting it lifts a limit on threads; outside 1..kMaxThreads
// it throws std::invalid_argument.
int default_threads() noexcept;
void set_default_threads(int threads);

// Sets the default to FASTCONV_NUM_THREADS, else to OMP_NUM_THREADS, else to available_cpus().
// Returns a sentence if FASTCONV_NUM_THREADS is not a positive number, else an empty string. Called
// once, at import.
std::string init_threads_from_environment();

// How calls meet threads: "pool", "openmp" where the build has it, or "off". A wrong name is
// std::invalid_argument, which lists the right ones.
void set_threading(const std::string& name);
std::string threading_name();
// Sets it as FASTCONV_THREADING says. Returns a sentence if that names none of this build, else an
// empty string. Called once, at import.
std::string init_threading_from_environment();

// Without these, the child of a fork would wait forever if its parent had run parallel code: it
// waits for threads that do not exist in the child.
void install_fork_handlers();

std::string openmp_runtime();  // its name, or "none"

}  // namespace fastconv
