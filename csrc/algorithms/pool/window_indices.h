// SPDX-License-Identifier: MIT
// Maxima and minima with their places, one window after the other: of integers, and where the
// channel lanes refuse.
#pragma once

#include "algorithms/pool/costs.h"
#include "algorithms/pool/problem.h"
#include "core/exec.h"

namespace fastconv::pool {

template <class T>
struct WindowIndices {
  static constexpr const char* kName = "window_by_window";
  static constexpr bool kReadsPixels = false;
  static bool suits(const Problem&) { return true; }
  static WindowIndices prepare(const Problem&) { return {}; }

  index_t scratch(int) const { return 0; }
  void run(const Problem& problem, const Arrays<T>& arrays, const Exec& exec,
           std::byte* scratch) const noexcept;

  const char* refusal = nullptr;
};

// The same for windows that lie apart: only what they hold is read.
template <class T>
struct ApartIndices : WindowIndices<T> {
  static constexpr const char* kName = "apart";
  static bool suits(const Problem& problem) {
    return problem.layout == Layout::planes && lie_apart(problem.d);
  }
  static ApartIndices prepare(const Problem& problem) {
    ApartIndices layout;
    if (problem.d.h.kernel == 0 || problem.d.w.kernel == 0)
      layout.refusal = "the windows are adaptive";
    return layout;
  }
};

}  // namespace fastconv::pool
