// SPDX-License-Identifier: MIT
// What Winograd's algorithm costs, in cycles of one core, as correlation/cost.h has it for plain
// sums: each part with its formula. bench/NOTES.md says how the constants were measured.
#pragma once

#include <algorithm>
#include <cmath>

#include "algorithms/winograd/cut.h"

namespace fastconv::winograd {

class Cost {
 public:
  Cost(const Correlation& r, Form form, const Tile& tile, index_t lanes, index_t item)
      : r_(r), grid_(r, form), tile_(tile), lanes_(lanes), item_(item) {
    const index_t tiles = r.batch * grid_.per_image();
    places_ = double(grid_.alphas()), tiles_ = double(tiles);
    vectors_ = double(ceil_div(tiles, lanes)), pairs_ = double(r.m) * double(r.c);
    block_ = double(block_vectors(r, grid_, tile.nv, lanes, item));
  }

  double cycles(bool prepacked) const {
    const double group = std::max(product(), weight_stream()) + cache_misses() +
                         double(r_.c) * input_transform() + double(r_.m) * output_transform() +
                         (prepacked ? 0 : weight_transform());
    return double(r_.groups) * group;
  }

 private:
  // At each place a product of m x c weights with c x tiles values: two FMAs a cycle, 12 % more for
  // a tile's loads beside its FMAs, and what starting a tile takes.
  double product() const {
    constexpr double kFeeding = 1.12, kTile = 40;
    const double calls = double(ceil_div(r_.m, tile_.mr)) * std::ceil(vectors_ / double(tile_.nv));
    return places_ * (pairs_ * vectors_ / 2 * kFeeding + calls * kTile);
  }
  // Each block reads the transformed weights again, and its own side of the product once for each
  // kFarRows output channels where that has left L2. Bytes of a cycle: from L3, or from beyond it,
  // when both cores read, for more than the share of an L3 that others use, too.
  double weight_stream() const {
    constexpr double kNear = 5.5, kBeyond = 2, kShare = 32e6;
    const double image = places_ * double(r_.c * lanes_ * item_) * std::min(vectors_, block_);
    const double again = image > double(cache_sizes().l2) ? std::ceil(double(r_.m) / kFarRows) : 0;
    const double weights = places_ * pairs_ * double(item_);
    const double rate = weights > kShare ? kBeyond : kNear;
    return std::ceil(vectors_ / block_) * (weights + image * again) / rate;
  }
  // Of a channel: 5 cycles for each vector of each place, and the rows that are cut out of an
  // image.
  double input_transform() const {
    constexpr double kInput = 5;
    return vectors_ * places_ * kInput + rows();
  }
  // Of an output channel: 5 cycles for a vector of products, and for one of the pixels that they
  // become, and the rows that are put back.
  double output_transform() const {
    constexpr double kOutput = 5;
    const WinogradScheme &h = grid_.h.scheme(), &w = grid_.w.scheme();
    return vectors_ * (places_ + double(h.m * w.m)) * kOutput + rows();
  }
  // A function transforms its weights: cycles of a pair of channels, for each tap and each place.
  double weight_transform() const {
    constexpr double kTap = 2.2, kPlace = 0.55;
    return pairs_ * (double(r_.taps()) * kTap + places_ * kPlace);
  }
  // A byte of the images beyond L2 costs 0.12 cycles: nothing hides its miss (16@570 -> 16 is
  // better off with direct).
  double cache_misses() const {
    constexpr double kByte = 0.12;
    const double images =
        double(r_.batch) * double((r_.c * r_.in_plane() + r_.m * r_.out_plane()) * item_);
    return kByte * std::max(0.0, images - double(cache_sizes().l2));
  }
  // A row of tiles, cut out of an image or put back, and its elements where they are read one by
  // one (padding modes other than zeros) or lie apart (dilated rows).
  double rows() const {
    constexpr double kRow = 40, kGathered = 8, kApart = 2;
    const WinogradScheme &h = grid_.h.scheme(), &w = grid_.w.scheme();
    const double runs = double(r_.batch) * double(grid_.h.tiles()) *
                        double(ceil_div(grid_.w.tiles(), lanes_)) * double(h.m);
    const double element = r_.mode != PadMode::zeros ? kGathered : grid_.w.step() != 1 ? kApart : 0;
    return runs * kRow + tiles_ * double(h.m * w.alpha) * element;
  }

  const Correlation& r_;
  TileGrid grid_;
  Tile tile_;
  index_t lanes_, item_;
  double places_, tiles_, vectors_, pairs_, block_;
};

}  // namespace fastconv::winograd
