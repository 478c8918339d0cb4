// SPDX-License-Identifier: MIT
// Transformed weights whose lanes are output channels: group after group, in a group block after
// block of output channels, in a block place after place, and there [input channel][output
// channel], as whole vectors. So what a block multiplies is read from its beginning to its end.
#pragma once

#include <vector>

#include "algorithms/winograd/pixel_cut.h"

namespace fastconv::winograd {

// Where the weights of a block begin at place xi.
inline index_t pixel_weights_at(const Correlation& r, const TileGrid& grid,
                                const ChannelBlocks& out, index_t g, index_t block, index_t xi) {
  return r.c *
         (grid.alphas() * (g * out.padded() + out.first(block)) + xi * out.nv(block) * out.lanes);
}
inline index_t pixel_weights_size(const Correlation& r, const TileGrid& grid,
                                  const ChannelBlocks& out) {
  return r.groups * r.c * grid.alphas() * out.padded();
}

// Transforms the weights of one block of output channels of group g.
template <class T>
void pack_pixel_block(const Correlation& r, const TileGrid& grid, const ChannelBlocks& out,
                      const T* weights, index_t g, index_t block, T* to, const Exec& exec) noexcept;
// The same for all groups and blocks.
template <class T>
void pack_pixel_weights(const Correlation& r, const TileGrid& grid, const ChannelBlocks& out,
                        const T* weights, T* packed, const Exec& exec) noexcept;

}  // namespace fastconv::winograd
