// SPDX-License-Identifier: MIT
// Pools and gradients of sums whose lanes are channels, block by block inside the caches: of images
// in pixels as they lie, and of planes by transposing 16 of them at a time.
#pragma once

#include "algorithms/pool/problem.h"
#include "core/exec.h"

namespace fastconv::pool {

inline constexpr index_t kPlanes = 16;  // transposed together: a cache line of floats

template <class T>
struct ChannelLanes {
  static constexpr const char* kName = "channel_lanes";
  static constexpr bool kReadsPixels = true;
  static bool suits(const Problem& problem);
  static ChannelLanes prepare(const Problem& problem);

  index_t scratch(int threads) const { return shared_bytes + thread_bytes * threads; }
  void run(const Problem& problem, const Arrays<T>& arrays, const Exec& exec,
           std::byte* scratch) const noexcept;

  const char* refusal = nullptr;
  index_t oh_block = 1, ow_block = 1;  // outputs of a block
  // Elements of a thread's scratch: the packed input, joined rows of row_size elements each, the
  // ends of long windows, and the results.
  index_t region = 0, rows = 0, row_size = 0, ends = 0, outputs = 0;
  index_t shared_bytes = 0, thread_bytes = 0;
  double work = 0;  // of a block
};

}  // namespace fastconv::pool
