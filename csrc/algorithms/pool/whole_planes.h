// SPDX-License-Identifier: MIT
// Pools whose window is the whole plane: each plane is joined in one run over its elements.
#pragma once

#include "algorithms/pool/problem.h"
#include "core/exec.h"

namespace fastconv::pool {

template <class T>
struct WholePlanes {
  static constexpr const char* kName = "whole_planes";
  static constexpr bool kReadsPixels = false;
  static bool suits(const Problem&) { return true; }
  static WholePlanes prepare(const Problem& problem);

  index_t scratch(int threads) const { return thread_bytes * threads; }
  void run(const Problem& problem, const Arrays<T>& arrays, const Exec& exec,
           std::byte* scratch) const noexcept;

  const char* refusal = nullptr;
  index_t planes = 1;        // of a unit
  index_t thread_bytes = 0;  // of their powers, if they are to be taken

 private:
  void run_parts(const Problem& problem, const T* x, T* y, const Exec& exec,
                 T* powers) const noexcept;
};

}  // namespace fastconv::pool
