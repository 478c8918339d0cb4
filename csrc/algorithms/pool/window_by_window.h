// SPDX-License-Identifier: MIT
// Any pool of floating point numbers, one window after the other, where neighbouring windows share
// no work: long windows, adaptive ones, and what the faster algorithms refuse.
#pragma once

#include "algorithms/pool/problem.h"
#include "core/exec.h"

namespace fastconv::pool {

template <class T>
struct WindowByWindow {
  static constexpr const char* kName = "window_by_window";
  static constexpr bool kReadsPixels = false;
  static bool suits(const Problem&) { return true; }
  static WindowByWindow prepare(const Problem&) { return {}; }

  index_t scratch(int) const { return 0; }
  void run(const Problem& problem, const Arrays<T>& arrays, const Exec& exec,
           std::byte* scratch) const noexcept;

  const char* refusal = nullptr;
};

}  // namespace fastconv::pool
