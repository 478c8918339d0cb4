// SPDX-License-Identifier: MIT
// How much of the machine Linux's cgroups give to a process.
#pragma once

#include <string>

namespace fastconv {

// The number of CPUs that the quotas of all of a process's cgroups allow, or 0 where there is no
// limit: `groups` lists them as /proc/self/cgroup does, and their files are below `root`.
double cgroup_cpus(const std::string& groups, const std::string& root);

}  // namespace fastconv
