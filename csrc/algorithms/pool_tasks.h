// SPDX-License-Identifier: MIT
// How pools share out work: equal units, so many to a task that starting it costs next to nothing.
#pragma once

#include <algorithm>

#include "core/parallel.h"

namespace fastconv {

inline constexpr double kTaskWork = 32e3;  // elements; some 10 us

// Calls unit(u, thread) for u in 0..units, each about `work` elements.
template <class Unit>
void for_units(index_t units, double work, int threads, const Unit& unit) noexcept {
  const index_t even = units / (4 * static_cast<index_t>(threads)) + 1;
  const double fitting = std::max(1.0, kTaskWork / std::max(work, 1.0));
  const index_t chunk = std::min(even, static_cast<index_t>(fitting));
  const index_t tasks = (units + chunk - 1) / chunk;
  const double total = work * static_cast<double>(units);
  parallel_for(tasks, useful_threads(tasks, total, threads), [&](index_t task, int thread) {
    const index_t stop = std::min(units, (task + 1) * chunk);
    for (index_t u = task * chunk; u < stop; ++u) unit(u, thread);
  });
}

}  // namespace fastconv
