// SPDX-License-Identifier: MIT
// What the gradient by Winograd's adjoint costs.
#pragma once

#include <cmath>

#include "algorithms/weight_grad/winograd_cut.h"

namespace fastconv::weight_grad {

// Cycles of one core, as winograd/cost.h has them for the forward sums.
template <class T>
double winograd_cycles(const Correlation& r, winograd::Form form, const Exec& exec) {
  const winograd::TileGrid grid(r, form);
  constexpr double kTile = 60;             // calling a tile, loading and storing its sums
  constexpr double kTileFeeding = 1.1;     // its loads beside its FMAs
  constexpr double kTransposed = 4;        // a vector of pixels
  constexpr double kPlace = 4;             // a vector of a transformed tile, both passes
  constexpr double kRun = 60;              // a row of a run of tiles
  constexpr double kSum = 4, kTotal = 20;  // a vector of products, and of the sums they become
  const WinogradCut cut = winograd_cut<T>(r, grid, exec);
  const WinogradScheme &h = grid.h.scheme(), &w = grid.w.scheme();
  const double places = double(grid.alphas()), tiles = double(cut.tiles), c = double(r.c);
  const double vectors = double(cut.dy.units * cut.dy.nv);
  const double parts = std::ceil(double(cut.x_units * cut.x.unit) /
                                 double(exec.kernels<T>().conv.channel_lanes.max_pixels));
  const double calls = places * double(cut.blocks * cut.dy.units * cut.x_tasks) * parts;
  const double product = places * tiles * c * vectors / 2 * kTileFeeding + calls * kTile;
  const double runs = double(r.batch * grid.h.tiles()) + double(cut.blocks);
  const auto side = [&](const Side& s, index_t rows, index_t columns) {
    const double tile = double(rows * columns) * kTransposed + places * kPlace;
    return double(s.units) * (tiles * double(s.nv) * tile + runs * double(rows) * kRun);
  };
  const double image = double(cut.dy_tasks) * side(cut.x, h.alpha, w.m);
  const double gradient = double(cut.x_tasks) * side(cut.dy, h.m, w.m);
  const double flushes = double(ceil_div(cut.blocks, cut.most_blocks));
  const double sums = flushes * c * vectors * (places * kSum + double(r.taps()) * kTotal);
  return double(r.groups) * (product + image + gradient + sums);
}

}  // namespace fastconv::weight_grad
