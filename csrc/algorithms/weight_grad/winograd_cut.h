// SPDX-License-Identifier: MIT
// How the gradient of the weights by Winograd's adjoint is cut into tasks and blocks, and how large
// the parts of its scratch memory are.
#pragma once

#include "algorithms/common/blocking.h"
#include "algorithms/winograd/grid.h"
#include "core/exec.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv::weight_grad {

// The image is one side of the product, the gradient of the outputs the other one. Lanes are
// channels on both sides, a unit of them at a time. They could be tiles on the image's side, as
// they are in the forward pass; but rows of tiles are short (7x7 has two in a row), which costs
// more here, since each task transforms the image again.
struct Side {
  index_t unit;   // the channels of a unit
  index_t units;  // how many units the side's channels fill
  index_t nv;     // the vectors of a unit
};
inline Side side_of(index_t channels, index_t vector) {
  const index_t nv = std::min<index_t>(kChannelLanesNv, ceil_div(channels, vector));
  return {nv * vector, ceil_div(channels, nv * vector), nv};
}

// A task computes some units of input channels by some units of output channels of one group. It
// goes through all blocks of tiles in order, whatever the number of threads.
struct WinogradCut {
  Side x, dy;
  // How many units of each side a task has at most, and into how many tasks the units are cut.
  index_t x_units, x_tasks, dy_units, dy_tasks;
  index_t tiles;        // of all images together
  index_t lanes;        // tiles of a block, at most
  index_t blocks;       // into which the tiles are cut
  index_t most_blocks;  // whose products are added in T before a sum goes on in double
  // How far apart neighbouring places of the image's tiles (v), of the gradient's tiles (w) and of
  // the products (u) lie. A cache line is left free between them, as in winograd/cut.h.
  index_t v_plane, w_plane, u_plane;

  bool in_double() const { return blocks > most_blocks; }
  // How many units of output channels have unfinished sums at a time. If there is one block, a unit
  // is finished before the next one begins.
  index_t live_units() const { return blocks == 1 ? 1 : dy_units; }
};

// The most tiles of a block. With 64, 256@56 takes 15.1 ms on one thread; with 96 it takes 12.4 ms;
// with 128 it takes 12.3, and other layers take longer.
inline constexpr index_t kBlockTiles = 96;
// How many tiles a sum in float adds. It then errs by 1.2e-6 of its norm; with 512, by 2e-6.
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

  // The transformed image of a task may take as much memory as L2 has, and its products as much
  // again: they are read in order, and smaller tasks would transform more often. With twice as much
  // for each, 256@56 is 8 % faster on one thread and 1 % on two, but 512@28 is 4 % slower.
  const index_t most = cache_sizes().l2 / (places * item);
  cut.x_units = std::clamp(most / (cut.lanes * cut.x.unit), index_t{1}, cut.x.units);
  cut.dy_units = cut.dy.units;
  if (cut.blocks > 1)
    cut.dy_units =
        std::clamp(most / (cut.x_units * cut.x.unit * cut.dy.unit), index_t{1}, cut.dy.units);
  const index_t threads = useful_threads(exec.threads, r.fmas() / 4, exec.threads).threads;
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

// The parts of one thread's scratch memory, in bytes.
struct WinogradSizes {
  index_t v;         // the transformed tiles of the image, of all input channels of the task
  index_t w;         // the transformed tiles of the gradient, of one unit of output channels
  index_t pixels;    // one row of a run of tiles, transposed to vectors of channels
  index_t lines;     // the tiles of a unit, transformed along w
  index_t products;  // the products of all live units
  index_t halves;    // the products of one unit, transformed back along h
  index_t sums;      // the sums of one unit, transformed back along both axes
  index_t totals;    // the same of all live units in double, if sums go on in it
  index_t runs;      // the tiles of a block
  index_t offsets;   // where each input channel lies among the transformed tiles and products
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
