// SPDX-License-Identifier: MIT
// How column_products computes a problem: which weights form the rows of its matrix products, and
// how outputs are blocked.
#pragma once

#include <vector>

#include "algorithms/common/blocking.h"
#include "algorithms/transposed/phase_block.h"

namespace fastconv::transposed {

inline constexpr index_t kMostTaps = 256;       // of a phase in a row
inline constexpr index_t kMostProducts = 4096;  // of a pixel: 64 pixels of them take half of L2

struct ColumnLayout {
  struct Taps {  // of a phase, in a row of the kernel
    std::size_t phase;
    std::vector<index_t> offset;  // along the row
    index_t row;                  // where its products with output channel 0 start
    index_t count;                // of its outputs in a row
  };
  struct KernelRow {
    index_t offset;
    std::vector<Taps> taps;
    std::vector<index_t> weights;  // of each product, from the first of a channel
  };
  std::vector<KernelRow> kernel_rows;
  index_t rows = 0;  // products with a pixel: outputs by taps
  Tile tile{};
  index_t kc = 0;               // channels of a slice of the sum
  index_t first = 0, last = 0;  // the offsets along a row, at most
  BlockSize block;              // of outputs
  index_t pixels = 0;           // of products, at most

  // Weights of a group of so many channels.
  index_t packed(index_t channels) const {
    return static_cast<index_t>(kernel_rows.size()) * rows * channels;
  }
};

// Why it cannot take these phases, or null.
const char* why_no_columns(const std::vector<Correlation>& phases);

template <class T>
ColumnLayout column_layout(const std::vector<Correlation>& phases, const Exec& exec);

// Writes all groups' weights, layout.packed(r.c) elements each; r is any of the phases.
template <class T>
void pack_columns(const Correlation& r, const ColumnLayout& layout, const T* weights, T* packed,
                  const Exec& exec) noexcept;

}  // namespace fastconv::transposed
