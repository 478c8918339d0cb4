// SPDX-License-Identifier: MIT
// Transformed weights. The output channels of each group are cut into panels, as in pack_weights.h.
// A panel holds one place xi of the transformed tile after another, at each place one input channel
// after another, and for each channel the weights of all rows:
//
//     panel[(xi * c + channel) * rows + row]
#pragma once

#include "algorithms/winograd/grid.h"
#include "core/exec.h"

namespace fastconv::winograd {

// How many elements the transformed weights have.
inline index_t transformed_size(const Correlation& r, const TileGrid& grid) {
  return r.groups * r.m * r.c * grid.alphas();
}

// Transforms the weights of the panel of mr rows that begins with output channel `row` of group g.
template <class T>
void transform_weights(const Correlation& r, const TileGrid& grid, index_t mr, const T* weights,
                       index_t g, index_t row, T* panel, const Exec& exec) noexcept;

}  // namespace fastconv::winograd
