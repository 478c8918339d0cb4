// SPDX-License-Identifier: MIT
// The gradient of a depthwise layer's input at a stride of two, and transposed depthwise layers:
// both phases of a row together, so that rows are written as they lie (144@56 3x3: 521 -> 146 us on
// one thread).
#pragma once

#include <vector>

#include "algorithms/correlation/job.h"

namespace fastconv {

// All phases with the same rows.
struct PairsLayout {
  Correlation r;                     // of the first kind; its h axis is that of both
  std::vector<index_t> row, start;   // of the taps of both kinds
  std::vector<index_t> kernel;       // their weights, raw
  std::vector<index_t> packed;       // and packed, from the first group and output on
  std::vector<index_t> packed_step;  // elements of a filter in that kind's packed weights
  int taps[2];
  index_t first_row, rows;  // of the image, that an output row reads
};

bool takes_pairs(const std::vector<Correlation>& phases);
std::vector<PairsLayout> pairs_layout(const std::vector<Correlation>& phases);
index_t pairs_scratch(const std::vector<PairsLayout>& layouts, index_t item);

// `packed` tells whether the job's weights are; else they are read where they lie.
template <class T>
void depthwise_pairs(const Job<T>& job, const std::vector<PairsLayout>& layouts, bool packed,
                     const Exec& exec, std::byte* scratch) noexcept;

}  // namespace fastconv
