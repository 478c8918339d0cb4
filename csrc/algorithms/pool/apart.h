// SPDX-License-Identifier: MIT
// Small windows that lie apart, or have one element: only what they hold is read. With one element
// it is a strided copy.
#pragma once

#include "algorithms/pool/problem.h"
#include "core/exec.h"

namespace fastconv::pool {

template <class T>
struct Apart {
  static constexpr const char* kName = "apart";
  static constexpr bool kReadsPixels = true;
  static bool suits(const Problem& problem);
  static Apart prepare(const Problem& problem);

  index_t scratch(int) const { return shared_bytes; }
  void run(const Problem& problem, const Arrays<T>& arrays, const Exec& exec,
           std::byte* scratch) const noexcept;

  const char* refusal = nullptr;
  index_t shared_bytes = 0;  // of the windows along both axes
};

}  // namespace fastconv::pool
