// SPDX-License-Identifier: MIT
// What Winograd's algorithm costs, in cycles of one core, as cost.h has it for the plain sums.
#pragma once

#include <algorithm>
#include <cmath>

#include "algorithms/common/blocking.h"
#include "algorithms/winograd/cut.h"

namespace fastconv {

struct WinogradChoice {
  WinogradForm form;
  double cycles;
};

inline double winograd_cycles(const Correlation& r, WinogradForm form, const Tile& tile,
                              index_t lanes, index_t item, bool prepacked) {
  constexpr double kFeeding = 1.12;        // a tile's loads beside its FMAs
  constexpr double kTile = 40;             // calling a tile, starting and storing it
  constexpr double kNear = 5.5, kFar = 2;  // bytes per cycle from L3, and beyond, all cores reading
  constexpr double kShare = 32e6;          // bytes of an L3 that others use, too
  constexpr double kInput = 5;             // per vector: a value of a transformed tile of the image
  constexpr double kOutput = 5;            // per vector: a product, and a pixel that it becomes
  constexpr double kMemory = 0.12;         // a byte of the images beyond L2: nothing hides its miss
  constexpr double kRow = 40;              // a row of tiles cut out of the image, or put back
  constexpr double kGathered = 8, kApart = 2;   // an element, read or written one by one, or apart
  constexpr double kTap = 2.2, kWeight = 0.55;  // of a pair of channels and each place, unless kept
  const TileGrid grid(r, form);
  const WinogradScheme &h = grid.h.scheme(), &w = grid.w.scheme();
  const double pairs = double(r.m) * double(r.c), places = double(grid.alphas());
  const double tiles = double(r.batch * grid.per_image());
  const double vectors = double(ceil_div(r.batch * grid.per_image(), lanes));
  const double calls = double(ceil_div(r.m, tile.mr)) * std::ceil(vectors / double(tile.nv));
  const double product = places * (pairs * vectors / 2 * kFeeding + calls * kTile);
  const double most = double(block_vectors(r, grid, tile.nv, lanes, item));
  const double image = places * double(r.c * lanes * item) * std::min(vectors, most);
  const double again = image > double(cache_sizes().l2) ? std::ceil(double(r.m) / kFarRows) : 0;
  const double kept = places * pairs * double(item), rate = kept > kShare ? kFar : kNear;
  const double stream = std::ceil(vectors / most) * (kept + image * again) / rate;
  const double rows = double(r.batch) * double(grid.h.tiles()) *
                      double(ceil_div(grid.w.tiles(), lanes)) * double(h.m) * kRow;
  const double element = r.mode != PadMode::zeros ? kGathered : grid.w.step() != 1 ? kApart : 0;
  const double gathered = tiles * double(h.m * w.alpha) * element;
  const double input = vectors * places * kInput + rows + gathered;
  const double output = vectors * (places + double(h.m * w.m)) * kOutput + rows + gathered;
  const double weights = prepacked ? 0 : pairs * (double(r.taps()) * kTap + places * kWeight);
  const double images = double(r.batch) * double((r.c * r.in_plane() + r.m * r.out_plane()) * item);
  const double missed = kMemory * std::max(0.0, images - double(cache_sizes().l2));
  return double(r.groups) * (std::max(product, stream) + missed + double(r.c) * input +
                             double(r.m) * output + weights);
}

}  // namespace fastconv
