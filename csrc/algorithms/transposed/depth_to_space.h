// SPDX-License-Identifier: MIT
// Transposed convolutions whose outputs have one tap each, so a kernel no larger than its stride
// (2x2 stride 2, the gradient of a strided 1x1): one matrix product of all phases' weights with the
// image as it lies, whose rows are then spread over the outputs, each written once.
#pragma once

#include <vector>

#include "algorithms/common/blocking.h"
#include "algorithms/correlation/job.h"

namespace fastconv {

struct SpreadLayout {
  struct Phase {
    index_t row, column;  // of its first output
  };
  std::vector<Phase> phases;  // by row, then column
  Tile tile;
  index_t kc;             // terms of a slice of the sum
  index_t rows, columns;  // pixels of a block: whole rows, or a part of one
  index_t row_blocks, column_blocks;
  index_t chunks;  // of the output channels, where there are few blocks

  index_t pixels() const { return rows * columns; }
};

bool takes_spread(const std::vector<Correlation>& phases);
template <class T>
SpreadLayout spread_layout(const std::vector<Correlation>& phases, const Exec& exec);
template <class T>
index_t spread_scratch(const Correlation& r, const SpreadLayout& layout, const Exec& exec);

// `job` is of any phase, with the packed weights of all. Writes every output, also those that no
// tap reaches.
template <class T>
void spread(const Job<T>& job, const SpreadLayout& layout, const Exec& exec,
            std::byte* scratch) noexcept;

}  // namespace fastconv
