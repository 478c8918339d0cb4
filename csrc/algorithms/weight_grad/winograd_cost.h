// SPDX-License-Identifier: MIT
// What the gradient by Winograd's adjoint costs, in cycles of one core.
#pragma once

#include <cmath>

#include "algorithms/weight_grad/winograd_cut.h"
#include "core/platform.h"

namespace fastconv::weight_grad {

// The sum of four parts: the products at each place, the transforms of the image and of the
// gradient, and those of the sums. bench/NOTES.md has what was measured.
template <class T>
double winograd_cycles(const Correlation& r, winograd::Form form, const Layouts& layouts,
                       const Exec& exec) {
  const winograd::TileGrid grid(r, form);
  constexpr double kTile = 60;           // to call a tile, load its sums and store them
  constexpr double kTileFeeding = 0.05;  // for each FMA of vectors, for the loads beside it
  constexpr double kTransposed = 4;      // to transpose a vector of pixels
  constexpr double kCopied = 1.5;        // to copy one that is a vector already
  constexpr double kPlace = 4;  // for each vector of a transformed tile, both passes together
  // To begin a row of a run of tiles: 10,000 signals of 16 elements and 8 channels, which are a run
  // each, take twice as long as with 60, by which longer runs were fitted.
  constexpr double kRun = 130;
  constexpr double kSum = 4;     // for each vector of products that is transformed back
  constexpr double kTotal = 20;  // for each vector of the sums that these become
  // As on one thread: a choice that follows the threads would change bits with them.
  const WinogradCut cut = winograd_cut<T>(r, grid, {exec.table, 1});
  const WinogradScheme &h = grid.h.scheme(), &w = grid.w.scheme();
  const double places = double(grid.alphas()), tiles = double(cut.tiles), c = double(r.c);
  const double vectors = double(cut.dy.units * cut.dy.nv);
  const double parts = std::ceil(double(cut.x_units * cut.x.unit) /
                                 double(exec.kernels<T>().conv.channel_lanes.max_pixels));
  const double calls = places * double(cut.blocks * cut.dy.units * cut.x_tasks) * parts;
  const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
  const double fma = 1 / fmas_per_cycle(lanes * index_t{sizeof(T)}) + kTileFeeding;
  const double product = places * tiles * c * vectors * fma + calls * kTile;
  const double runs = double(r.batch * grid.h.tiles()) + double(cut.blocks);
  const auto side = [&](const Side& s, bool pixels, index_t rows, index_t columns) {
    const double vector = pixels ? kCopied : kTransposed;
    const double tile = double(rows * columns) * vector + places * kPlace;
    return double(s.units) * (tiles * double(s.nv) * tile + runs * double(rows) * kRun);
  };
  const double image = double(cut.dy_tasks) * side(cut.x, layouts.x_pixels, h.alpha, w.m);
  const double gradient = double(cut.x_tasks) * side(cut.dy, layouts.y_pixels, h.m, w.m);
  const double flushes = double(ceil_div(cut.blocks, cut.most_blocks));
  const double sums = flushes * c * vectors * (places * kSum + double(r.taps()) * kTotal);
  return double(r.groups) * (product + image + gradient + sums);
}

}  // namespace fastconv::weight_grad
