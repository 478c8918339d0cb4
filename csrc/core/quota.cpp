// SPDX-License-Identifier: MIT
#include "core/quota.h"

#include <fstream>

namespace fastconv {
namespace {

// The number of CPUs that the quota of a cgroup of version 2 allows, from a line "quota period", or
// 0 if there is no limit: then quota is "max", which is not a number.
double quota_v2(const std::string& folder) {
  std::ifstream file(folder + "/cpu.max");
  double quota = 0, period = 0;
  return file >> quota >> period && period > 0 ? quota / period : 0;
}

// The same for version 1, which has a file for each of the two.
double quota_v1(const std::string& folder) {
  std::ifstream quota_file(folder + "/cpu.cfs_quota_us");
  std::ifstream period_file(folder + "/cpu.cfs_period_us");
  double quota = 0, period = 0;
  return quota_file >> quota && period_file >> period && quota > 0 && period > 0 ? quota / period
                                                                                 : 0;
}

// The smallest quota from this process's cgroup up to the root, or 0 if there is none: the limit of
// a parent holds for its children, too.
double quota_upwards(const std::string& root, std::string path,
                     double (*read)(const std::string&)) {
  double tightest = 0;
  for (;;) {
    const double here = read(root + path);
    if (here > 0 && (tightest == 0 || here < tightest)) tightest = here;
    const auto slash = path.rfind('/');
    if (path.empty() || slash == std::string::npos) return tightest;
    path.resize(slash);
  }
}

}  // namespace

double cgroup_cpus(const std::string& groups, const std::string& root) {
  std::ifstream file(groups);
  double tightest = 0;
  for (std::string line; std::getline(file, line);) {
    const auto first = line.find(':'), second = line.find(':', first + 1);
    if (first == std::string::npos || second == std::string::npos) continue;
    const std::string controllers = line.substr(first + 1, second - first - 1);
    std::string path = line.substr(second + 1);
    if (path == "/") path.clear();
    double here = 0;
    if (controllers.empty())
      here = quota_upwards(root, path, quota_v2);
    else if (("," + controllers + ",").find(",cpu,") != std::string::npos)
      here = quota_upwards(root + "/cpu", path, quota_v1);
    if (here > 0 && (tightest == 0 || here < tightest)) tightest = here;
  }
  return tightest;
}

}  // namespace fastconv
