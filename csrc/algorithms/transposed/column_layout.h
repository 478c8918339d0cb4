// SPDX-License-Identifier: MIT
// How column_products computes a problem: which weights form the rows of its matrix products, and
// how outputs are cut into blocks. For each row of the kernel there is one matrix product. Its rows
// are pairs of an output channel and a tap, of all phases to which that row of the kernel belongs;
// its columns are pixels of the image. The elements of its result are called products.
#pragma once

#include <vector>

#include "algorithms/common/blocking.h"
#include "algorithms/transposed/phase_block.h"

namespace fastconv::transposed {

inline constexpr index_t kMostTaps = 256;  // that one phase may have in a row of the kernel
// Products that a pixel may have for a row of the kernel: those of 64 pixels then take half of L2.
inline constexpr index_t kMostProducts = 4096;

struct ColumnLayout {
  // The taps that one phase has in a row of the kernel.
  struct Taps {
    std::size_t phase;
    std::vector<index_t> offset;  // of each tap, along w
    index_t row;                  // the row of the matrix with the first tap of output channel 0
    index_t count;                // how many outputs the phase has in a row
  };
  struct KernelRow {
    index_t offset;                // of its tap along h
    std::vector<Taps> taps;        // of every phase
    std::vector<index_t> weights;  // for each row of the matrix, where its weight lies in a channel
  };
  std::vector<KernelRow> kernel_rows;
  index_t rows = 0;  // of each matrix: output channels times taps
  Tile tile{};
  index_t kc = 0;               // input channels of a slice of the sum
  index_t first = 0, last = 0;  // the least and the greatest offset along w, or 0
  BlockSize block;              // of outputs
  index_t pixels = 0;           // whose products a block needs at a time, at most

  // The elements of a group's packed weights, for so many input channels.
  index_t packed(index_t channels) const {
    return static_cast<index_t>(kernel_rows.size()) * rows * channels;
  }
};

// Why column_products cannot take these phases, or null.
const char* why_no_columns(const std::vector<Correlation>& phases);

template <class T>
ColumnLayout column_layout(const std::vector<Correlation>& phases, const Exec& exec);

// Packs the weights of all groups, each as layout.packed(r.c) elements; r may be any of the phases.
template <class T>
void pack_columns(const Correlation& r, const ColumnLayout& layout, const T* weights, T* packed,
                  const Exec& exec) noexcept;

}  // namespace fastconv::transposed
