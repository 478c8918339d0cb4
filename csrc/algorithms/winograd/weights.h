// SPDX-License-Identifier: MIT
// Transformed weights: for each place xi of the transformed tile a plane with the weights of a
// group (or of a chunk of it). The output channels are cut into panels, as in pack_weights.h. A
// plane holds one panel after another, a panel one input channel after another, and for each
// channel the weights of all rows:
//
//     plane xi:  panel[channel * rows + row]
//
// A product reads one plane after another from its beginning to its end, which the CPU's prefetcher
// follows. (Panels that held all their places lay a page or more apart for it.)
#pragma once

#include "algorithms/winograd/grid.h"
#include "core/exec.h"

namespace fastconv::winograd {

// How many elements the transformed weights have.
inline index_t transformed_size(const Correlation& r, const TileGrid& grid) {
  return r.groups * r.m * r.c * grid.alphas();
}

// Transforms the weights of the panel of mr rows that begins with output channel `row` of group g.
// `panel` is where it goes in the first plane; planes lie `plane` elements apart.
template <class T>
void transform_weights(const Correlation& r, const TileGrid& grid, index_t mr, const T* weights,
                       index_t g, index_t row, T* panel, index_t plane, const Exec& exec) noexcept;

}  // namespace fastconv::winograd
