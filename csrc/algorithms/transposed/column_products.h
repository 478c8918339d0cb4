// SPDX-License-Identifier: MIT
// Few outputs from many channels: first, for each row of the kernel, the products of all its
// weights with each pixel, which is a matrix product on the planes as they lie; then these columns
// are added, each shifted to its outputs. A pixel is read once for all taps of a row, where a sum
// of its own for each output would load it for each of its few FMAs (1@16000 -> 512 k10 s5, input
// gradient, two threads: 814 -> 349 us).
#pragma once

#include <vector>

#include "algorithms/common/blocking.h"
#include "algorithms/common/pixel_blocks.h"
#include "algorithms/correlation/job.h"

namespace fastconv {

struct PhaseColumns {
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
  std::size_t phases = 0;
  index_t rows = 0;  // products with a pixel: outputs by taps
  Tile tile{};
  index_t kc = 0;                                         // channels of a slice of the sum
  index_t first = 0, last = 0;                            // the offsets along a row, at most
  index_t block_rows = 1, block_columns = 1, pixels = 0;  // of outputs; of products, at most

  index_t packed(index_t channels) const {
    return static_cast<index_t>(kernel_rows.size()) * rows * channels;
  }
};

bool prefers_columns(const std::vector<Correlation>& phases);
template <class T>
PhaseColumns columns_layout(const std::vector<Correlation>& phases, const Exec& exec);

template <class T>
void pack_columns(const Correlation& r, const PhaseColumns& layout, const T* weights, T* packed,
                  const Exec& exec) noexcept;

// Outputs of a block: phase i's channel m at c + (i * r.m + m) * ld, rows `pitch` apart. `products`
// has layout.rows * layout.pixels elements.
template <class T>
void sum_columns(const Job<T>& job, const PhaseColumns& layout, const Exec& exec, index_t n,
                 index_t g, const PixelBlock& block, T* products, T* c, index_t ld,
                 index_t pitch) noexcept;

}  // namespace fastconv
