// SPDX-License-Identifier: MIT
// How Winograd's algorithm is blocked where images lie as pixels and lanes are channels, and where
// the parts of a block lie in scratch memory.
#pragma once

#include <algorithm>

#include "algorithms/common/blocking.h"
#include "algorithms/winograd/grid.h"
#include "core/exec.h"
#include "core/memory.h"

namespace fastconv::winograd {

// The output channels of a group as blocks of whole vectors, as dense_pixels cuts them: two vectors
// each, and the last one what is left, which may be three.
struct ChannelBlocks {
  index_t m = 1, lanes = 1, vectors = 1, blocks = 1;
  ChannelBlocks() = default;
  ChannelBlocks(index_t rows, index_t vector)
      : m(rows),
        lanes(vector),
        vectors(ceil_div(rows, vector)),
        blocks(std::max<index_t>(vectors / 2, 1)) {}
  index_t nv(index_t block) const { return block + 1 < blocks ? 2 : vectors - 2 * (blocks - 1); }
  index_t first(index_t block) const { return 2 * block * lanes; }
  index_t rows(index_t block) const { return std::min(m - first(block), nv(block) * lanes); }
  index_t padded() const { return vectors * lanes; }
};

// The tiles of all images are cut into blocks. The channels of a block are transformed, and then
// each block of output channels is multiplied, transformed back and stored.
struct PixelCut {
  ChannelBlocks out;
  index_t unit, units;  // input channels that are transformed together; how many units there are
  index_t tiles;        // of all images
  index_t blocks;       // into which they are cut
  index_t most;         // tiles of a block, at most
  index_t batch;        // tiles that are transformed together
  bool shared;          // whether all threads work on one block after another
  // How far apart neighbouring tiles and places of the transformed tiles (v) lie, and neighbouring
  // places of the products (m). Tiles are an odd number of cache lines apart, and places a line
  // more than they take, since what lies a power of two apart shares a few lines of L1.
  index_t v_tile, v_plane, m_plane;
  // The lanes of the widest block of outputs.
  index_t out_unit() const { return std::max(out.nv(0), out.nv(out.blocks - 1)) * out.lanes; }
};

template <class T>
PixelCut pixel_cut(const Correlation& r, const TileGrid& grid, const Exec& exec) {
  constexpr index_t item = sizeof(T), line = 64 / item;
  const index_t lanes = exec.kernels<T>().conv.gemm.lanes, threads = exec.threads;
  const index_t alphas = grid.alphas(), l1 = cache_sizes().l1, l2 = cache_sizes().l2;
  PixelCut cut{};
  cut.out = ChannelBlocks(r.m, lanes);
  cut.unit = r.c > lanes ? 2 * lanes : lanes;
  cut.units = ceil_div(r.c, cut.unit);
  // A batch takes a little more than L1: with half of it 32@112 -> 64 takes 7 % longer.
  cut.batch = std::clamp(l1 * 5 / 4 / (alphas * cut.unit * item), index_t{1}, index_t{12});
  cut.tiles = r.batch * grid.per_image();
  const index_t padded = ceil_div(r.c, line) * line;
  cut.v_tile = padded / line % 2 == 0 ? padded + line : padded;
  // Transformed tiles take at most half of L2, but where the weights outgrow it larger blocks read
  // them less often.
  constexpr index_t kLeast = 12, kFar = 48, kMost = 96;
  const index_t each = alphas * cut.v_tile * item, weights = alphas * r.c * r.m * item;
  const index_t least = weights > l2 ? kFar : kLeast;
  const index_t most = std::clamp(l2 / 2 / each, least, kMost);
  cut.blocks = std::max<index_t>(ceil_div(cut.tiles, most), 1);
  // Weights that come from memory are read once if all tiles make one block (512@28 3x3 on
  // two threads: 8.2 -> 6.3 ms).
  if (double(weights) > shared_l3() && cut.tiles <= kMost) cut.blocks = 1;
  const index_t all = r.groups * cut.blocks;
  if (all < 4 * threads && all % threads != 0) {
    // Each thread has blocks of its own where the weights are few, or the tiles many.
    const index_t even = ceil_div(cut.blocks, threads) * threads;
    if (r.groups % threads != 0 && (weights <= 2 * l2 || cut.tiles >= even * kFar) &&
        cut.tiles >= even * kLeast)
      cut.blocks = even;
    // Five blocks would take two threads as long as six (256@56 3x3: 6.0 -> 5.5 ms).
    else if (const index_t fewer = even - threads;
             r.groups == 1 && fewer > 0 && ceil_div(cut.tiles, fewer) <= kMost)
      cut.blocks = fewer;
  }
  cut.shared = r.groups * cut.blocks < threads;
  cut.most = ceil_div(cut.tiles, cut.blocks);
  cut.v_plane = cut.most * cut.v_tile + line;
  cut.m_plane = cut.most * cut.out_unit() + line;
  return cut;
}

// The parts of scratch memory, in bytes and whole cache lines. Each thread has all of them, but for
// v, which there is once if blocks are shared.
struct PixelSizes {
  index_t u;       // the transformed weights of a block of output channels, if it transforms them
  index_t v;       // the transformed tiles of a block: places by tiles by channels
  index_t m;       // the products of a block of output channels: places by tiles by channels
  index_t lines;   // the tiles of a batch, transformed along one axis
  index_t pixels;  // rows of pixels of a batch
  index_t runs;    // the block's tiles
  index_t own(const PixelCut& cut) const {
    return (cut.shared ? 0 : v) + u + m + lines + pixels + runs;
  }
  index_t common(const PixelCut& cut) const { return cut.shared ? v : 0; }
};

template <class T>
PixelSizes pixel_sizes(const Correlation& r, const TileGrid& grid, const PixelCut& cut,
                       bool in_block) {
  constexpr index_t item = sizeof(T);
  const WinogradScheme &h = grid.h.scheme(), &w = grid.w.scheme();
  const index_t in = (cut.batch * w.m + w.alpha) * cut.unit;
  const index_t u = in_block ? grid.alphas() * r.c * cut.out_unit() : 0;
  return {
      .u = cache_lines(u * item),
      .v = cache_lines(grid.alphas() * cut.v_plane * item),
      .m = cache_lines(grid.alphas() * cut.m_plane * item),
      .lines = cache_lines(grid.alphas() * cut.batch * std::max(cut.unit, cut.out_unit()) * item),
      .pixels = cache_lines(std::max(in, h.m * cut.batch * w.m * cut.out_unit()) * item),
      .runs = cache_lines(cut.most * index_t{sizeof(TileRun)})};
}

}  // namespace fastconv::winograd
