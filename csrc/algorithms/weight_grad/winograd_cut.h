// SPDX-License-Identifier: MIT
// How the gradient of the weights by Winograd's algorithm is blocked, and where its parts lie in
// scratch memory.
#pragma once

#include "algorithms/common/blocking.h"
#include "algorithms/winograd/grid.h"
#include "core/exec.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv::weight_grad {

// Lanes are channels on both sides, a unit of them at a time: of the image, too, since rows of
// tiles are short (7x7 has two in a row), and a task transforms the image again.
struct Side {
  index_t unit, units;  // channels
  index_t nv;           // vectors of a unit
};
inline Side side_of(index_t channels, index_t vector) {
  const index_t nv = std::min<index_t>(kChannelLanesNv, ceil_div(channels, vector));
  return {nv * vector, ceil_div(channels, nv * vector), nv};
}

// Tasks are (group, some units of input channels, some units of output channels): each walks all
// blocks of tiles in order, whatever the threads.
struct WinogradCut {
  Side x, dy;
  index_t x_units, x_tasks, dy_units, dy_tasks;  // units of a task
  index_t tiles, lanes, blocks, most_blocks;     // tiles in all and of a block; added in T
  // Elements. Planes start a cache line apart in their set, as those of winograd/cut.h.
  index_t v_plane, w_plane, u_plane;

  bool in_double() const { return blocks > most_blocks; }
  // With one block a unit is finished before the next one starts.
  index_t live_units() const { return blocks == 1 ? 1 : dy_units; }
};

// Tiles of a block: with 64, 256@56 takes 15.1 ms on one thread, with 96 12.4, with 128 12.3 and
// more elsewhere.
inline constexpr index_t kBlockTiles = 96;
// Terms of a sum in float, which then errs by 1.2e-6 of its norm; by 2e-6 with 512.
inline constexpr index_t kMostTiles = 192;

template <class T>
WinogradCut winograd_cut(const Correlation& r, const winograd::TileGrid& grid, const Exec& exec) {
  constexpr index_t item = sizeof(T), line = 64 / item;
  const index_t vector = exec.kernels<T>().conv.gemm.lanes, places = grid.alphas();
  WinogradCut cut{};
  cut.x = side_of(r.c, vector), cut.dy = side_of(r.m, vector);
  cut.tiles = r.batch * grid.per_image();
  cut.blocks = ceil_div(cut.tiles, kBlockTiles);
  cut.lanes = ceil_div(cut.tiles, cut.blocks);
  cut.most_blocks = sizeof(T) == sizeof(double) ? cut.blocks : kMostTiles / kBlockTiles;

  // L2 for the transformed image of a task, and as much for its sums: they are read in order, and
  // smaller tasks transform more often. Twice as much: 256@56 8 % faster on one thread, 1 % on two,
  // 512@28 4 % slower.
  const index_t most = cache_sizes().l2 / (places * item);
  cut.x_units = std::clamp(most / (cut.lanes * cut.x.unit), index_t{1}, cut.x.units);
  cut.dy_units = cut.dy.units;
  if (cut.blocks > 1)
    cut.dy_units =
        std::clamp(most / (cut.x_units * cut.x.unit * cut.dy.unit), index_t{1}, cut.dy.units);
  const index_t threads = useful_threads(exec.threads, r.fmas() / 4, exec.threads);
  const index_t few = 4 * threads;
  const auto tasks = [&] {
    return r.groups * ceil_div(cut.x.units, cut.x_units) * ceil_div(cut.dy.units, cut.dy_units);
  };
  while (tasks() < few && tasks() % threads != 0 && cut.dy_units > 1)
    cut.dy_units = ceil_div(cut.dy_units, 2);
  while (tasks() < few && tasks() % threads != 0 && cut.x_units > 1)
    cut.x_units = ceil_div(cut.x_units, 2);
  cut.x_tasks = ceil_div(cut.x.units, cut.x_units);
  cut.dy_tasks = ceil_div(cut.dy.units, cut.dy_units);
  cut.v_plane = cut.lanes * cut.x.unit + line;
  cut.w_plane = cut.lanes * cut.dy.unit + line;
  cut.u_plane = cut.x_units * cut.x.unit * cut.dy.unit + line;
  return cut;
}

struct WinogradSizes {
  // Bytes of each thread.
  index_t v, w, pixels, lines, products, halves, sums, totals, runs, offsets;
  index_t each() const {
    return v + w + pixels + lines + products + halves + sums + totals + runs + offsets;
  }
};

template <class T>
WinogradSizes winograd_sizes(const Correlation& r, const winograd::TileGrid& grid,
                             const WinogradCut& cut) {
  constexpr index_t item = sizeof(T);
  const WinogradScheme &h = grid.h.scheme(), &w = grid.w.scheme();
  const index_t most = std::max(cut.x.unit, cut.dy.unit);
  const index_t sums = cut.x_units * cut.x.unit * r.taps() * cut.dy.unit;
  const index_t totals = cut.in_double() ? cut.live_units() * sums * index_t{sizeof(double)} : 0;
  return {.v = cache_lines(cut.x_units * grid.alphas() * cut.v_plane * item),
          .w = cache_lines(grid.alphas() * cut.w_plane * item),
          .pixels = cache_lines(((cut.lanes - 1) * w.m + w.alpha) * most * item),
          .lines = cache_lines(h.alpha * w.alpha * cut.lanes * most * item),
          .products = cut.live_units() * cache_lines(grid.alphas() * cut.u_plane * item),
          .halves = cache_lines(h.r * w.alpha * cut.u_plane * item),
          .sums = cache_lines(sums * item),
          .totals = cache_lines(totals),
          .runs = cache_lines(cut.lanes * index_t{sizeof(winograd::TileRun)}),
          .offsets = cache_lines(2 * cut.x_units * cut.x.unit * index_t{sizeof(index_t)})};
}

}  // namespace fastconv::weight_grad
