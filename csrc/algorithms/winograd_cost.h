// SPDX-License-Identifier: MIT
// What Winograd's algorithm costs, in cycles of one core, as cost.h has it for the plain sums.
#pragma once

#include "algorithms/blocking.h"
#include "algorithms/winograd_grid.h"

namespace fastconv {

struct WinogradChoice {
  WinogradForm form;
  double cycles;
};

inline double winograd_cycles(const Correlation& r, WinogradForm form, const Tile& tile,
                              index_t lanes, index_t item, bool packed_ahead) {
  constexpr double kFeeding = 1.12;     // a tile's loads beside its FMAs
  constexpr double kInputPlace = 2.6;   // a value of a transformed input tile, per vector
  constexpr double kOutputPlace = 2.2;  // a product, and a pixel that it becomes, per vector
  constexpr double kRow = 25;           // a row of a tile that is cut out of the image
  constexpr double kGathered = 2;       // an element, where it is read one by one
  constexpr double kWeight = 0.5;       // a transformed weight, where no plan has kept it
  constexpr double kStream = 6;         // bytes of transformed weights per cycle from L3
  const TileGrid grid(r, form);
  const WinogradScheme &h = grid.h.scheme(), &w = grid.w.scheme();
  const double images = double(r.batch), groups = double(r.groups);
  const double tiles = images * double(grid.per_image());
  const double vectors = double(ceil_div(r.batch * grid.per_image(), lanes));
  const double places = double(h.alpha * w.alpha), pairs = double(r.m) * double(r.c);
  const double product = places * pairs * vectors / 2 * kFeeding;
  const double blocks = std::max(1.0, vectors * double(lanes) / double(4 * tile.nr));
  const double stream = places * pairs * double(item) / kStream * blocks;
  const double tile_rows =
      images * double(grid.h.tiles()) * double(ceil_div(grid.w.tiles(), lanes)) * double(h.m);
  const bool vectorised = grid.w.step() == 1 && r.mode == PadMode::zeros && w.m != 3;
  const double input = vectors * places * kInputPlace + tile_rows * kRow +
                       (vectorised ? 0 : tiles * double(h.m * w.alpha) * kGathered);
  const double output = vectors * (places + double(h.m * w.m)) * kOutputPlace + tile_rows * kRow;
  const double weights = packed_ahead ? 0 : places * pairs * kWeight;
  return groups *
         (std::max(product, stream) + double(r.c) * input + double(r.m) * output + weights);
}

}  // namespace fastconv
