// SPDX-License-Identifier: MIT
#include "core/simulation.h"

#include <algorithm>

#include "core/shares.h"
#include "core/worker.h"

namespace fastconv {

Simulation& simulation() noexcept {
  static thread_local Simulation mine;
  return mine;
}

void count_serial() noexcept {
  Simulation& s = simulation();
  s.elapsed += s.counted, s.busy += s.counted;
  s.counted = 0;
}

void simulate(index_t tasks, int threads, const Body& body) noexcept {
  if (in_call) {
    for (index_t task = 0; task < tasks; ++task) body(task, 0);
    return;
  }
  count_serial();
  in_call = true;
  Simulation& s = simulation();
  Call call(tasks, threads, body);
  double time[Call::kMostShares] = {};
  for (index_t done = 0; done < tasks; ++done) {
    const auto thread = static_cast<int>(std::min_element(time, time + call.shares) - time);
    call.take(thread, [&](index_t task) { body(task, thread); });
    time[thread] += s.counted, s.busy += s.counted;
    s.counted = 0;
  }
  s.elapsed += *std::max_element(time, time + call.shares);
  in_call = false;
}

}  // namespace fastconv
