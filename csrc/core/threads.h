// SPDX-License-Identifier: MIT
// How many threads a call uses by default, and what keeps OpenMP alive across fork.
#pragma once

#include <string>

namespace fastconv {

inline constexpr int kMaxThreads = 1024;

int available_cpus() noexcept;  // what affinity and the cgroup's quota allowed at import

// The most threads that one call starts: more than a few for each CPU never help, and would each
// need memory. 1 without OpenMP.
int most_threads() noexcept;

int default_threads() noexcept;         // set_num_threads, else the environment, else the CPUs
void set_default_threads(int threads);  // std::invalid_argument outside 1..kMaxThreads

// FASTCONV_NUM_THREADS, else OMP_NUM_THREADS, else what affinity and the cgroup's quota allow.
// Returns a sentence if a variable is not a positive number, else empty. Called once, at import.
std::string init_threads_from_environment();

// Makes the child of a fork work after the parent ran parallel code: libgomp's workers do not exist
// in the child, which would wait for them forever.
void install_fork_handlers();

std::string openmp_runtime();  // "none" where every call runs on one thread

}  // namespace fastconv
