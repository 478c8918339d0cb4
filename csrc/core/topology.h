// SPDX-License-Identifier: MIT
// Which CPUs are threads of one core.
#pragma once

#include <string>

namespace fastconv {

// A number for the core of `cpu`, which its other threads have as well.
int core_of(int cpu) noexcept;

// Reads, once, how CPUs are numbered. Until then each is a core of its own.
void read_topology();

// By how much the numbers of a core's threads differ, from Linux's list of those of CPU 0, such as
// "0,64" or "0-1": 0 where a core has one thread.
int sibling_distance(const std::string& siblings) noexcept;
int core_of(int cpu, int distance) noexcept;

}  // namespace fastconv
