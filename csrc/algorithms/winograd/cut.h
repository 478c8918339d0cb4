// SPDX-License-Identifier: MIT
// How Winograd's algorithm is blocked, and where the parts of a block lie in scratch memory.
#pragma once

#include "algorithms/common/blocking.h"
#include "algorithms/winograd/grid.h"
#include "core/exec.h"
#include "core/memory.h"

namespace fastconv::winograd {

// A block is up to `lanes` tiles. Where there are enough blocks, each is one thread's from its
// image to its outputs; else (`shared`) threads share out the channels of a block, then its
// outputs.
struct Cut {
  Tile tile;
  index_t kc;
  index_t tiles, vectors, blocks, lanes;  // tiles in all and their vectors; lanes of a block
  index_t chunks, chunk;                  // output channels that are multiplied, then stored
  bool shared;
  // Elements. Neighbouring planes start a cache line apart in their set: 64 planes a power of two
  // apart would all fall into the same few lines of L1.
  index_t v_plane, m_plane;
};

// Vectors of tiles in a block. What is transformed takes half of L2 while the weights stream by,
// once a block. Where these outgrow L2, larger blocks pay, though their image's side then streams
// too, once for each kFarRows output channels (512@28: 12.4 -> 5 ms on two threads).
inline constexpr index_t kFarRows = 96;
inline index_t block_vectors(const Correlation& r, const TileGrid& grid, index_t nv, index_t lanes,
                             index_t item) {
  const index_t l2 = cache_sizes().l2, each = grid.alphas() * r.c * item;
  const index_t least = each * r.m > l2 ? 2 * nv : nv;
  return std::clamp(l2 / 2 / (each * lanes), least, 8 * nv);
}

// `in_block`: a block transforms the weights that it uses, a chunk at a time.
template <class T>
Cut cut_for(const Correlation& r, const TileGrid& grid, bool in_block, const Exec& exec) {
  constexpr index_t item = sizeof(T), line = 64 / item;
  const auto& gemm = exec.kernels<T>().conv.gemm;
  const index_t alphas = grid.alphas(), lanes = gemm.lanes, threads = exec.threads;
  const index_t l2 = cache_sizes().l2, weights = alphas * r.c * r.m * item;
  Cut cut{};
  cut.tile = choose_tile(gemm, r.m);
  cut.kc = choose_kc<T>(r.c);
  cut.tiles = r.batch * grid.per_image();
  cut.vectors = std::max<index_t>(ceil_div(cut.tiles, lanes), 1);
  cut.blocks = ceil_div(cut.vectors, block_vectors(r, grid, cut.tile.nv, lanes, item));
  // Weights of a few MB may be read by each thread, rather than wait for each other twice a block.
  if (weights <= 2 * l2 && cut.vectors >= threads) cut.blocks = std::max(cut.blocks, threads);
  const index_t all = r.groups * cut.blocks;
  if (all >= threads && all < 4 * threads)
    cut.blocks = std::min(cut.vectors, ceil_div(cut.blocks, threads) * threads);
  cut.shared = all < threads;
  cut.lanes = ceil_div(cut.vectors, cut.blocks) * lanes;
  index_t rows = l2 / 5 / (alphas * cut.lanes * item);
  if (alphas * r.c * cut.lanes * item > l2) rows = std::max(rows, kFarRows);
  if (in_block) rows = std::min(rows, l2 / 4 / (alphas * r.c * item));  // of the chunk's weights
  const index_t panels = ceil_div(r.m, cut.tile.mr);
  cut.chunks = ceil_div(panels, std::clamp<index_t>(rows / cut.tile.mr, 1, panels));
  if (cut.shared) cut.chunks = std::min(panels, ceil_div(cut.chunks, threads) * threads);
  cut.chunk = ceil_div(panels, cut.chunks) * cut.tile.mr;
  cut.v_plane = r.c * cut.lanes + line;
  cut.m_plane = cut.chunk * cut.lanes + line;
  return cut;
}

// Bytes of scratch, each part whole cache lines: v once if shared, all others per thread.
struct Sizes {
  index_t u, v, m, columns, lines, pixels, tile_runs, tile_rows, pixel_runs;
  index_t own(bool shared) const {
    return u + (shared ? 0 : v) + m + columns + lines + pixels + tile_runs + tile_rows + pixel_runs;
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
