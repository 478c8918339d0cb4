// SPDX-License-Identifier: MIT
#include "core/topology.h"

#include <cstdio>
#include <fstream>

namespace fastconv {
namespace {

int distance = 0;

}  // namespace

int sibling_distance(const std::string& siblings) noexcept {
  int first = 0, second = 0;
  char between = 0;
  const int found = std::sscanf(siblings.c_str(), "%d%c%d", &first, &between, &second);
  return found == 3 && (between == ',' || between == '-') && second > first ? second - first : 0;
}

// Either a core's threads are neighbours, or all first threads come before all second ones.
int core_of(int cpu, int distance) noexcept {
  if (cpu < 0 || distance <= 0) return cpu;
  return distance == 1 ? cpu / 2 : cpu % distance;
}

int core_of(int cpu) noexcept { return core_of(cpu, distance); }

void read_topology() {
  std::ifstream file("/sys/devices/system/cpu/cpu0/topology/thread_siblings_list");
  std::string siblings;
  if (file >> siblings) distance = sibling_distance(siblings);
}

}  // namespace fastconv
