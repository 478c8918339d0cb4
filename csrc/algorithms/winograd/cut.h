// SPDX-License-Identifier: MIT
// How Winograd's algorithm is blocked, and where the parts of a block lie in scratch memory.
#pragma once

#include "algorithms/common/share_out.h"
#include "algorithms/winograd/grid.h"
#include "core/exec.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv::winograd {

// How the tiles of all images are cut into blocks, and the output channels into chunks. A block is
// transformed, and then each chunk of output channels is multiplied, transformed back and stored.
struct Cut {
  Tile tile;        // of the products
  index_t kc;       // input channels of a slice of a product
  index_t tiles;    // of all images together
  index_t vectors;  // that these tiles fill
  index_t blocks;   // into which the vectors are cut
  index_t lanes;    // of a block: it has at most so many tiles
  index_t chunks;   // into which the output channels are cut
  index_t chunk;    // output channels of a chunk, at most
  // If there are enough blocks, one thread computes a block from its image to its outputs. If not,
  // blocks are shared: all threads share out first the channels of a block, then its chunks.
  bool shared;
  // If the panels of a shared block are too few to be shared out evenly, its products are: all
  // threads share out the places of all blocks and then their output channels, for which both the
  // tiles and the products of all blocks are kept. Then there is one chunk.
  bool split;
  // How far apart neighbouring places of the transformed tiles (v) and of the products (m) lie. A
  // cache line is left free between them, since planes that lie a power of two apart all share a
  // few lines of L1.
  index_t v_plane, m_plane;
};

// How many vectors of tiles a block has. Its transformed tiles take half of L2, while the weights
// stream past once for each block. If the weights outgrow L2, larger blocks pay, though their
// transformed tiles then do not fit L2 either, and are read again for each kFarRows output channels
// (512@28: 12.4 -> 5 ms on two threads).
inline constexpr index_t kFarRows = 96;
inline index_t block_vectors(const Correlation& r, const TileGrid& grid, index_t nv, index_t lanes,
                             index_t item) {
  const index_t l2 = cache_sizes().l2, each = grid.alphas() * r.c * item;
  const index_t least = each * r.m > l2 ? 2 * nv : nv;
  return std::clamp(l2 / 2 / (each * lanes), least, 8 * nv);
}

// Whether the products of `all` blocks with so many panels are split. Two threads share blocks: a
// thread then finds the products that it reads in its own L2.
inline bool splits(index_t panels, index_t all, index_t threads) {
  return threads > 2 && (all > 1 || uneven(panels, threads));
}

// With `in_block` a block transforms the weights that it uses itself, a chunk at a time.
template <class T>
Cut cut_for(const Correlation& r, const TileGrid& grid, bool in_block, const Exec& exec) {
  constexpr index_t item = sizeof(T), line = 64 / item;
  const auto& gemm = exec.kernels<T>().conv.gemm;
  const index_t alphas = grid.alphas(), lanes = gemm.lanes;
  const index_t threads = useful_threads(exec.threads, r.fmas() / 4, exec.threads).threads;
  const index_t l2 = cache_sizes().l2, weights = alphas * r.c * r.m * item;
  Cut cut{};
  cut.tile = choose_tile(gemm, r.m);
  cut.kc = choose_kc<T>(r.c);
  cut.tiles = r.batch * grid.per_image();
  cut.vectors = std::max<index_t>(ceil_div(cut.tiles, lanes), 1);
  cut.blocks = ceil_div(cut.vectors, block_vectors(r, grid, cut.tile.nv, lanes, item));
  // If the weights are a few MB each thread has its own blocks and reads them all. That takes less
  // time than to share blocks, where threads wait for each other twice in each block. 13 vectors,
  // those of a 56x56 image, are no parts for 8 threads.
  const index_t own = ceil_div(threads, r.groups);
  if (weights <= 2 * l2 && cut.vectors >= own && (threads <= 2 || !uneven(cut.vectors, own)))
    cut.blocks = std::max(cut.blocks, own);
  const index_t all = r.groups * cut.blocks;
  if (all >= threads && all < 4 * threads && all % threads != 0)
    cut.blocks = std::min(cut.vectors, ceil_div(cut.blocks, threads) * threads);
  const index_t tasks = r.groups * cut.blocks, most = ceil_div(cut.vectors, cut.blocks);
  // Blocks that leave threads idle are shared, too, if what is then kept of all of them fits twice
  // the L2 of these threads.
  const index_t kept = r.groups * alphas * (r.c + r.m) * cut.vectors * lanes * item;
  cut.shared = tasks < threads || (threads > 2 && kept <= 2 * l2 * threads &&
                                   idle(tasks, most, r.groups * cut.vectors, threads));
  cut.lanes = ceil_div(cut.vectors, cut.blocks) * lanes;
  index_t rows = l2 / 5 / (alphas * cut.lanes * item);
  if (alphas * r.c * cut.lanes * item > l2) rows = std::max(rows, kFarRows);
  if (in_block) rows = std::min(rows, l2 / 4 / (alphas * r.c * item));  // their weights fit, too
  const index_t panels = ceil_div(r.m, cut.tile.mr);
  cut.chunks = ceil_div(panels, std::clamp<index_t>(rows / cut.tile.mr, 1, panels));
  if (cut.shared) cut.chunks = std::min(panels, ceil_div(cut.chunks, threads) * threads);
  cut.split = cut.shared && !in_block && splits(panels, r.groups * cut.blocks, threads);
  if (cut.split) cut.chunks = 1;
  cut.chunk = ceil_div(panels, cut.chunks) * cut.tile.mr;
  cut.v_plane = r.c * cut.lanes + line;
  cut.m_plane = cut.chunk * cut.lanes + line;
  return cut;
}

// The parts of scratch memory, in bytes and whole cache lines. Each thread has all of them, but for
// v, which there is once if blocks are shared; and but for v and m, which each block has, if their
// products are split.
struct Sizes {
  index_t u;           // a chunk's transformed weights, if the block transforms them
  index_t v;           // the transformed tiles of a block: places by channels by tiles
  index_t m;           // a chunk's products: places by output channels by tiles
  index_t columns;     // one channel's tiles, transformed along w
  index_t lines;       // one output channel's products, transformed back along h
  index_t pixels;      // one output channel's finished outputs
  index_t tile_runs;   // the block's tiles
  index_t tile_rows;   // the rows of the image that they read
  index_t pixel_runs;  // where their outputs belong
  // What each thread has.
  index_t own(const Cut& cut) const {
    return u + (cut.shared ? 0 : v) + (cut.split ? 0 : m) + columns + lines + pixels + tile_runs +
           tile_rows + pixel_runs;
  }
  // What all threads share.
  index_t common(const Cut& cut, index_t groups) const {
    return cut.split ? groups * cut.blocks * (v + m) : cut.shared ? v : 0;
  }
};

template <class T>
Sizes sizes_for(const Correlation& r, const TileGrid& grid, const Cut& cut, bool in_block) {
  constexpr index_t item = sizeof(T);
  const WinogradScheme &h = grid.h.scheme(), &w = grid.w.scheme();
  const index_t alphas = grid.alphas();
  return {.u = cache_lines(in_block ? alphas * r.c * cut.chunk * item : 0),
          .v = cache_lines(alphas * cut.v_plane * item),
          .m = cache_lines(alphas * cut.m_plane * item),
          .columns = cache_lines(alphas * cut.lanes * item),
          .lines = cache_lines(h.m * w.alpha * cut.lanes * item),
          .pixels = cache_lines(h.m * w.m * cut.lanes * item),
          .tile_runs = cache_lines(cut.lanes * index_t{sizeof(TileRun)}),
          .tile_rows = cache_lines(cut.lanes * h.alpha * index_t{sizeof(TileRow)}),
          .pixel_runs = cache_lines(cut.lanes * h.m * index_t{sizeof(PixelRun)})};
}

}  // namespace fastconv::winograd
