// SPDX-License-Identifier: MIT
// Maxima, minima and sums of integers; sums wrap.
#pragma once

#include "algorithms/pool/costs.h"
#include "algorithms/pool/problem.h"
#include "core/exec.h"
#include "core/memory.h"

namespace fastconv::pool {

template <class T>
struct Integers {
  static constexpr const char* kName = "integers";
  static constexpr bool kReadsPixels = false;
  static bool suits(const Problem& problem) {
    return problem.d.w.kernel == 0 || problem.d.h.kernel == 0 ||
           cost_by_rows(problem.d) <= cost_of_sliding(problem.d);
  }
  static Integers prepare(const Problem& problem) {
    return {.thread_bytes = cache_lines(problem.d.w.in * static_cast<index_t>(sizeof(T)))};
  }

  index_t scratch(int threads) const { return thread_bytes * threads; }
  void run(const Problem& problem, const Arrays<T>& arrays, const Exec& exec,
           std::byte* scratch) const noexcept;

  const char* refusal = nullptr;
  index_t thread_bytes = 0;  // of a joined row
};

}  // namespace fastconv::pool
