// SPDX-License-Identifier: MIT
// Wide windows that hardly overlap: the rows of each row of windows are joined into one row, and
// then the windows of that row, each along itself. Every element is read once, as it lies.
//
//     plane  [ a a a a b b b b ]  \  rows joined    [ A A A A B B B B ]  -->  [ A B ]
//            [ a a a a b b b b ]  /  column by column                windows, each to one element
#pragma once

#include "algorithms/pool/problem.h"
#include "core/exec.h"

namespace fastconv::pool {

template <class T>
struct WideWindows {
  static constexpr const char* kName = "wide_windows";
  static constexpr bool kReadsPixels = false;
  static bool suits(const Problem& problem);
  static WideWindows prepare(const Problem& problem);

  index_t scratch(int threads) const { return shared_bytes + thread_bytes * threads; }
  void run(const Problem& problem, const Arrays<T>& arrays, const Exec& exec,
           std::byte* scratch) const noexcept;

  const char* refusal = nullptr;
  index_t oh_block = 1;                   // rows of results that are joined by one call
  index_t row_size = 0, joined_rows = 0;  // elements of a thread's scratch
  index_t shared_bytes = 0, thread_bytes = 0;
};

}  // namespace fastconv::pool
