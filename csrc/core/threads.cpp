// SPDX-License-Identifier: MIT
#include "core/threads.h"

#ifdef _OPENMP
#include <omp.h>
#endif

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstdlib>
#include <mutex>

#include "core/memory.h"
#include "core/platform.h"
#include "core/quota.h"
#include "core/require.h"
#include "core/topology.h"
#include "core/workers.h"

namespace fastconv {
namespace {

std::atomic<int> chosen{1};     // the default number of threads
std::atomic<int> pretended{0};  // CPUs, in tests

int count_cpus() {
  const int cpus = usable_cpus();
  const double quota = cgroup_cpus("/proc/self/cgroup", "/sys/fs/cgroup");
  return quota > 0 ? std::clamp(static_cast<int>(std::ceil(quota)), 1, cpus) : cpus;
}

// The number in an environment variable: 0 if it is not set, -1 if it is not a positive number. Of
// a list, as OMP_NUM_THREADS may be one, the first number counts.
int threads_from(const char* variable) {
  const char* text = std::getenv(variable);
  if (text == nullptr || *text == '\0') return 0;
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  const bool number = end != text && (*end == '\0' || *end == ',');
  return number && value >= 1 ? static_cast<int>(std::min<long>(value, kMaxThreads)) : -1;
}

// A child of a fork has the forking thread alone: its workers are made anew.
void before_fork() noexcept {
  lock_memory_for_fork();
  lock_workers_for_fork();
#ifdef _OPENMP
  // Ends the idle threads of OpenMP. They are started again where they are next needed, in the
  // parent or the child.
  omp_pause_resource_all(omp_pause_soft);
#endif
}

void in_parent() noexcept {
  unlock_workers_in_parent();
  unlock_memory_after_fork();
}

void in_child() noexcept {
  forget_workers_in_child();
  unlock_memory_after_fork();
}

struct Layer {
  const char* name;
  Threading threading;
};
constexpr Layer kLayers[] = {
    {"pool", Threading::pool},
#ifdef _OPENMP
    {"openmp", Threading::openmp},
#endif
    {"off", Threading::off},
};

std::string layer_names() {
  std::string names;
  for (const Layer& layer : kLayers)
    names += sentence(names.empty() ? "'" : ", '", layer.name, "'");
  return names;
}

const Layer* find_layer(const std::string& name) {
  const auto found = std::ranges::find(kLayers, name, &Layer::name);
  return found == std::end(kLayers) ? nullptr : found;
}

}  // namespace

int available_cpus() noexcept {
  static const int cpus = count_cpus();
  return cpus;
}

int pretend_cpus(int cpus) noexcept { return pretended.exchange(cpus, std::memory_order_relaxed); }

int most_threads() noexcept {
  if (threading() == Threading::off) return 1;
  int cpus = std::max(available_cpus(), pretended.load(std::memory_order_relaxed));
  // Where OMP_PROC_BIND is set, the thread that loads OpenMP's runtime is left with one CPU.
  if (threading() == Threading::openmp) cpus = std::max(8, 2 * cpus);
  return std::min(cpus, thread_limit());
}

int default_threads() noexcept { return chosen.load(std::memory_order_relaxed); }

void set_default_threads(int threads) {
  require(threads >= 1 && threads <= kMaxThreads, "threads must be from 1 to ", kMaxThreads,
          ", got ", threads);
  chosen.store(threads, std::memory_order_relaxed);
  limit_threads(kMaxThreads);
}

std::string init_threads_from_environment() {
  read_topology();
  std::string complaint;
  for (const char* variable : {"FASTCONV_NUM_THREADS", "OMP_NUM_THREADS"}) {
    const int threads = threads_from(variable);
    if (threads > 0) {
      set_default_threads(threads);
      return complaint;
    }
    // If OMP_NUM_THREADS is wrong, OpenMP itself complains.
    if (threads < 0 && complaint.empty() && variable[0] == 'F')
      complaint = sentence(variable, "='", std::getenv(variable),
                           "' is not a positive number; it is ignored");
  }
  set_default_threads(std::min({available_cpus(), most_threads(), kMaxThreads}));
  return complaint;
}

void set_threading(const std::string& name) {
  const Layer* layer = find_layer(name);
  require(layer != nullptr, "name must be one of ", layer_names(), " in this build, got '", name,
          "'");
  set_threading(layer->threading);
}

std::string threading_name() {
  return std::ranges::find(kLayers, threading(), &Layer::threading)->name;
}

std::string init_threading_from_environment() {
  const char* asked = std::getenv("FASTCONV_THREADING");
  if (asked == nullptr || *asked == '\0') return {};
  if (const Layer* layer = find_layer(asked)) {
    set_threading(layer->threading);
    return {};
  }
  return sentence("FASTCONV_THREADING='", asked,
                  "' is unknown or not in this build; legal here: ", layer_names(), "; using '",
                  threading_name(), "'");
}

void install_fork_handlers() {
  static std::once_flag once;  // a second interpreter imports the module anew
  std::call_once(once, [] { around_fork(before_fork, in_parent, in_child); });
}

std::string openmp_runtime() {
#if !defined(_OPENMP)
  return "none";
#else
#if defined(__clang__)
  const char* name = "libomp";
#else
  const char* name = "libgomp";
#endif
  return sentence(name, " (OpenMP ", _OPENMP / 100, "-", _OPENMP % 100, ")");
#endif
}

}  // namespace fastconv
