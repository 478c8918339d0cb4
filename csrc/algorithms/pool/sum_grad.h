// SPDX-License-Identifier: MIT
// Gradients of sums and averages on planes: each element of dy, divided if it is of an average, is
// added to all of its window. channel_lanes.h does most of them.
#pragma once

#include "algorithms/pool/problem.h"
#include "core/exec.h"

namespace fastconv::pool {

// Each plane is one window: it is filled with one number.
template <class T>
struct SumGradWholePlanes {
  static constexpr const char* kName = "whole_planes";
  static constexpr bool kReadsPixels = false;
  static bool suits(const Problem&) { return true; }
  static SumGradWholePlanes prepare(const Problem& problem) {
    if (is_whole(problem.d)) return {};
    return {.refusal = "the window is not the whole plane"};
  }

  index_t scratch(int) const { return 0; }
  void run(const Problem& problem, const Arrays<T>& arrays, const Exec& exec,
           std::byte* scratch) const noexcept;

  const char* refusal = nullptr;
};

// Each row of dy is first added to the columns of its windows, in a row of scratch; that row is
// then added to each row of dx that these windows hold.
template <class T>
struct SumGradRows {
  static constexpr const char* kName = "rows";
  static constexpr bool kReadsPixels = false;
  static bool suits(const Problem& problem);
  static SumGradRows prepare(const Problem& problem);

  index_t scratch(int threads) const { return thread_bytes * threads; }
  void run(const Problem& problem, const Arrays<T>& arrays, const Exec& exec,
           std::byte* scratch) const noexcept;

  const char* refusal = nullptr;
  index_t row_block = 1, column_block = 1;  // elements of dx in a block
  index_t thread_bytes = 0;                 // of the row of scratch
};

// Any windows, tap by tap.
template <class T>
struct SumGradTaps {
  static constexpr const char* kName = "taps";
  static constexpr bool kReadsPixels = false;
  static bool suits(const Problem&) { return true; }
  static SumGradTaps prepare(const Problem&) { return {}; }

  index_t scratch(int) const { return 0; }
  void run(const Problem& problem, const Arrays<T>& arrays, const Exec& exec,
           std::byte* scratch) const noexcept;

  const char* refusal = nullptr;
};

}  // namespace fastconv::pool
