// SPDX-License-Identifier: MIT
// How Winograd's algorithm is blocked, and where the parts of a block lie in scratch memory.
#pragma once

#include "algorithms/blocking.h"
#include "algorithms/winograd_grid.h"
#include "core/exec.h"
#include "core/memory.h"

namespace fastconv {

// A block is `lanes` tiles. Where there are enough blocks, each is one thread's from its image to
// its outputs; else (`shared`) threads share out the channels of a block, then its outputs.
struct WinogradCut {
  Tile tile;
  index_t kc;
  index_t tiles, lanes, blocks;  // tiles in all; of a block, whole vectors
  index_t chunk;                 // output channels that are multiplied before they are stored
  bool shared;
  // Elements. Neighbouring planes start a cache line apart in their set: 64 planes a power of two
  // apart would all fall into the same few lines of L1.
  index_t v_plane, m_plane;
};

template <class T>
WinogradCut winograd_cut(const Correlation& r, const TileGrid& grid, bool fused, const Exec& exec) {
  constexpr index_t item = sizeof(T), line = 64 / item;
  const auto& gemm = exec.kernels<T>().conv.gemm;
  const index_t alphas = grid.alphas(), vector = gemm.lanes;
  WinogradCut cut{};
  cut.tile = choose_tile(gemm, r.m);
  cut.kc = choose_kc<T>(r.c);
  cut.tiles = r.batch * grid.per_image();
  // The image's side of a block takes half of L2, its products a fifth; the weights stream by.
  const index_t most = cache_sizes().l2 / 2 / (alphas * r.c * item);
  const index_t panels = std::clamp<index_t>(most / cut.tile.nr, 1, 8);
  index_t blocks = std::max<index_t>(ceil_div(cut.tiles, panels * cut.tile.nr), 1);
  if (r.groups * blocks >= exec.threads && r.groups * blocks < 4 * exec.threads)
    blocks = ceil_div(blocks, index_t{exec.threads}) * exec.threads;
  cut.lanes = std::max<index_t>(ceil_div(ceil_div(cut.tiles, blocks), vector), 1) * vector;
  cut.blocks = ceil_div(cut.tiles, cut.lanes);
  cut.shared = r.groups * cut.blocks < exec.threads || (r.groups * cut.blocks) % exec.threads != 0;
  if (r.groups * cut.blocks >= 4 * exec.threads) cut.shared = false;
  const index_t rows = cache_sizes().l2 / 5 / (alphas * cut.lanes * item);
  index_t chunk_panels = std::max<index_t>(rows / cut.tile.mr, 1);
  if (fused) {  // the weights of a chunk take a quarter
    const index_t few = cache_sizes().l2 / 4 / (alphas * r.c * item);
    chunk_panels = std::clamp<index_t>(few / cut.tile.mr, 1, chunk_panels);
  }
  const index_t m_panels = ceil_div(r.m, cut.tile.mr);
  if (cut.shared)
    chunk_panels = std::min(chunk_panels, ceil_div(m_panels, index_t{2} * exec.threads));
  cut.chunk = std::min(chunk_panels, m_panels) * cut.tile.mr;
  cut.v_plane = r.c * cut.lanes + line;
  cut.m_plane = cut.chunk * cut.lanes + line;
  return cut;
}

// Bytes of scratch, each part whole cache lines: v once if shared, all others per thread.
struct WinogradSizes {
  index_t u, v, m, columns, lines, pixels, tile_runs, tile_rows, pixel_runs;
  index_t own(bool shared) const {
    return u + (shared ? 0 : v) + m + columns + lines + pixels + tile_runs + tile_rows + pixel_runs;
  }
};

template <class T>
WinogradSizes winograd_sizes(const Correlation& r, const TileGrid& grid, const WinogradCut& cut,
                             bool fused) {
  constexpr index_t item = sizeof(T);
  const WinogradScheme &h = grid.h.scheme(), &w = grid.w.scheme();
  const index_t alphas = grid.alphas();
  return {.u = cache_lines(fused ? alphas * r.c * cut.chunk * item : 0),
          .v = cache_lines(alphas * cut.v_plane * item),
          .m = cache_lines(alphas * cut.m_plane * item),
          .columns = cache_lines(alphas * cut.lanes * item),
          .lines = cache_lines(h.m * w.alpha * cut.lanes * item),
          .pixels = cache_lines(h.m * w.m * cut.lanes * item),
          .tile_runs = cache_lines(cut.lanes * index_t{sizeof(TileRun)}),
          .tile_rows = cache_lines(cut.lanes * h.alpha * index_t{sizeof(TileRow)}),
          .pixel_runs = cache_lines(cut.lanes * h.m * index_t{sizeof(PixelRun)})};
}

}  // namespace fastconv
