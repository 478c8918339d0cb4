// SPDX-License-Identifier: MIT
// Transformed weights: per group, panels of rows (as those of pack_weights.h), in each the places
// xi of a transformed tile, in each the channels: panel[(xi * c + channel) * rows + row].
#pragma once

#include "algorithms/winograd/grid.h"
#include "core/exec.h"

namespace fastconv::winograd {

inline index_t transformed_size(const Correlation& r, const TileGrid& grid) {
  return r.groups * r.m * r.c * grid.alphas();
}

// The panel of mr rows that begins with output channel `row` of group g.
template <class T>
void transform_weights(const Correlation& r, const TileGrid& grid, index_t mr, const T* weights,
                       index_t g, index_t row, T* panel, const Exec& exec) noexcept;

}  // namespace fastconv::winograd
