// SPDX-License-Identifier: MIT
// What the loop nests of pools share: how they cut work into equal units, so many to a task that
// starting it costs next to nothing; and the last step of a p-norm.
#pragma once

#include <algorithm>
#include <cmath>

#include "algorithms/pool/problem.h"
#include "core/exec.h"
#include "core/parallel.h"

namespace fastconv::pool {

inline constexpr double kTaskWork = 32e3;  // elements; some 10 us

// Element by element, so many planes are pooled side by side: their elements do not wait for each
// other (8 are no faster, and slower where planes are 16 KB apart).
inline constexpr index_t kTogether = 4;

// Calls unit(u, thread) for u in 0..units, each about `work` elements.
template <class Unit>
void for_units(index_t units, double work, int threads, const Unit& unit) noexcept {
  const index_t even = units / (4 * static_cast<index_t>(threads)) + 1;
  const double fitting = std::max(1.0, kTaskWork / std::max(work, 1.0));
  const index_t chunk = std::min(even, static_cast<index_t>(fitting));
  const index_t tasks = (units + chunk - 1) / chunk;
  const double total = work * static_cast<double>(units);
  // An element costs a quarter of a cycle and more, in which a thread computes 8 FMAs.
  parallel_for(tasks, useful_threads(tasks, 4 * total, threads), [&](index_t task, int thread) {
    const index_t stop = std::min(units, (task + 1) * chunk);
    for (index_t u = task * chunk; u < stop; ++u) unit(u, thread);
  });
}

// The root of a p-norm, in place.
template <class T>
void take_roots(const Exec& exec, const Pooling& pooling, T* y, index_t n) {
  if (pooling.op == PoolOp::squares)
    for (index_t i = 0; i < n; ++i) y[i] = std::sqrt(y[i]);
  else if (pooling.op == PoolOp::powers)
    exec.kernels<T>().pool.take(PoolOp::powers, 1 / pooling.power, y, n, y);
}

}  // namespace fastconv::pool
