// SPDX-License-Identifier: MIT
// Blocks of windows of one plane: the kernel's rows are joined into one row, whose columns are then
// joined for many neighbouring windows at once. Windows that overlap share the first step.
#pragma once

#include "algorithms/pool/problem.h"
#include "core/exec.h"

namespace fastconv::pool {

template <class T>
struct JoinedRows {
  static constexpr const char* kName = "joined_rows";
  static constexpr bool kReadsPixels = false;
  static bool suits(const Problem& problem);
  static JoinedRows prepare(const Problem& problem);

  index_t scratch(int threads) const { return shared_bytes + thread_bytes * threads; }
  void run(const Problem& problem, const Arrays<T>& arrays, const Exec& exec,
           std::byte* scratch) const noexcept;

  const char* refusal = nullptr;
  index_t oh_block = 1, ow_block = 1;                            // windows of a block
  index_t phase_step = 0, n_phases = 0, line = 0, row_size = 0;  // as in PoolArgs
  index_t shared_bytes = 0, thread_bytes = 0;
};

}  // namespace fastconv::pool
