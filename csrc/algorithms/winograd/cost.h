// SPDX-License-Identifier: MIT
// What Winograd's algorithm costs for one phase, in cycles of one core: each part has its formula
// and its constants. bench/NOTES.md says how the constants were measured.
#pragma once

#include <algorithm>
#include <cmath>

#include "algorithms/correlation/offer.h"
#include "algorithms/winograd/cut.h"
#include "core/platform.h"

namespace fastconv::winograd {

class Cost {
 public:
  // An element has `item` bytes, a vector `lanes` of them.
  Cost(const Correlation& r, Form form, const Tile& tile, index_t lanes, index_t item)
      : r_(r), grid_(r, form), tile_(tile), lanes_(lanes), item_(item) {
    const index_t tiles = r.batch * grid_.per_image();
    places_ = double(grid_.alphas()), tiles_ = double(tiles);
    vectors_ = double(ceil_div(tiles, lanes)), pairs_ = double(r.m) * double(r.c);
    block_ = double(block_vectors(r, grid_, tile.nv, lanes, item));
  }

  // Without the transformation of weights.
  double cycles(bool prepacked) const {
    const double group = std::max(product(), weight_stream(prepacked)) + cache_misses() +
                         double(r_.c) * input_transform() + double(r_.m) * output_transform();
    return double(r_.groups) * group;
  }
  // Transforming the weights, which a call pays unless they are prepacked. Each pair of an output
  // and an input channel takes kTap cycles for each tap and kPlace for each place, and kPassed for
  // each byte of a tap that belongs to other phases (transposed 4x4 s2 256@8 -> 128: 43 cycles in
  // float64, 22 in float32).
  double weight_transform() const {
    constexpr double kTap = 2.2, kPlace = 0.55, kPassed = 0.2;
    const double others = double(std::min(r_.w_m, r_.w_c)) - double(r_.taps());
    return double(r_.groups) * pairs_ *
           (double(r_.taps()) * kTap + places_ * kPlace + others * kPassed * double(item_));
  }
  double weight_bytes() const { return double(r_.groups) * group_bytes(); }

 private:
  // The products of one group: at each place m x c weights are multiplied by c x tiles values. An
  // FMA of vectors also waits kLoad cycles for the loads beside it, and calling each gemm tile
  // takes kTile cycles.
  double product() const {
    constexpr double kLoad = 0.06, kTile = 40;
    const double each = 1 / fmas_per_cycle(lanes_ * item_) + kLoad;
    const double calls = double(ceil_div(r_.m, tile_.mr)) * std::ceil(vectors_ / double(tile_.nv));
    return places_ * (pairs_ * vectors_ * each + calls * kTile);
  }
  // What a group's products read from beyond L2. Each block reads all transformed weights again,
  // and it reads its own transformed tiles once for each kFarRows output channels where these do
  // not fit L2. Prepacked weights come from memory when they are read first. The rates were
  // measured while both cores read.
  double weight_stream(bool prepacked) const {
    constexpr double kNear = 5.5;  // bytes in a cycle from L3
    constexpr double kBeyond = 2;  // bytes in a cycle from beyond L3
    const double again =
        values() > double(cache_sizes().l2) ? std::ceil(double(r_.m) / kFarRows) : 0;
    const double weights = group_bytes(), rate = weights > shared_l3() ? kBeyond : kNear;
    const double first = prepacked ? cycles_from_memory(weights) - weights / rate : 0;
    return blocks() * (weights + values() * again) / rate + first;
  }
  double group_bytes() const { return places_ * pairs_ * double(item_); }
  // Transforming an input channel of all tiles, and cutting its rows out of the images.
  double input_transform() const {
    constexpr double kInput = 5;  // cycles for each vector of each place
    return vectors_ * places_ * kInput + rows_in();
  }
  // Transforming an output channel of all tiles back, and copying its rows to the outputs.
  double output_transform() const {
    constexpr double kOutput = 5;  // cycles for each vector of products, and for each of pixels
    constexpr double kScattered = 1.5;  // for each pixel that is stored apart from its neighbours
    const WinogradScheme &h = grid_.h.scheme(), &w = grid_.w.scheme();
    const double apart = r_.w.out_step != 1 ? tiles_ * double(h.m * w.m) * kScattered : 0;
    return vectors_ * (places_ + double(h.m * w.m)) * kOutput + rows_out() + apart;
  }
  // Reading and writing the images of a group where they do not fit L2, and writing the transformed
  // tiles of a block where those do not: nothing hides these misses (16@570 -> 16 is better off
  // with direct; with 2048@33 the tiles' values take 0.3 to 0.4 cycles a byte).
  double cache_misses() const {
    constexpr double kByte = 0.12, kValue = 0.35;  // cycles for each byte beyond L2
    const double images =
        double(r_.batch) * double((r_.c * r_.in_plane() + r_.m * r_.out_plane()) * item_);
    const auto beyond = [](double bytes) {
      return std::max(0.0, bytes - double(cache_sizes().l2));
    };
    return kByte * beyond(images) + kValue * blocks() * beyond(values());
  }
  double blocks() const { return std::ceil(vectors_ / block_); }
  // The bytes of the transformed tiles of a block.
  double values() const {
    return places_ * double(r_.c * lanes_ * item_) * std::min(vectors_, block_);
  }
  // Cutting the rows of one channel's tiles out of the images. The elements of a dilated row are
  // copied one by one before whole vectors of them are read, which waits for these stores (64@33 to
  // 2048@33 at dilations from 2 to 6: 105 to 250 cycles for a row of 6 to 38 elements); and a block
  // reads rows again that end the one before, where few rows make a phase.
  double rows_in() const {
    constexpr double kRow = 130, kApart = 1.5;
    if (grid_.w.step() == 1) return rows_out();
    const WinogradScheme& h = grid_.h.scheme();
    return rows(kRow, kApart, (blocks() - 1) * double(h.alpha - h.m));
  }
  // Copying them to the outputs.
  double rows_out() const {
    constexpr double kRow = 40, kDilated = 20;  // cycles for a row of the tiles that fill a vector
    constexpr double kApart = 0.7;  // for an element of a dilated row, where neighbours lie apart
    return grid_.w.step() == 1 ? rows(kRow, 0, 0) : rows(kDilated, kApart, 0);
  }
  // `each` cycles for a row of the tiles that fill a vector, `more` of which are added to those of
  // the images, and `element` for each element.
  double rows(double each, double element, double more) const {
    constexpr double kOneByOne = 8;  // for an element, in padding modes other than zeros
    const WinogradScheme &h = grid_.h.scheme(), &w = grid_.w.scheme();
    const index_t lines = std::min(grid_.h.tiles() * h.m, r_.h.count + h.m - 1);
    // Each phase has rows of its own.
    const index_t phases = std::min(grid_.w.step(), r_.w.count);
    const index_t tiles = ceil_div(ceil_div(r_.w.count, phases), w.m);
    const double runs = double(phases * ceil_div(tiles, lanes_));
    if (r_.mode != PadMode::zeros) element = kOneByOne;
    return runs * (double(r_.batch * lines) + more) * each +
           tiles_ * double(h.m * w.alpha) * element;
  }

  const Correlation& r_;
  TileGrid grid_;
  Tile tile_;
  index_t lanes_, item_;
  double places_;           // of a transformed tile
  double tiles_, vectors_;  // the tiles of all images, and the vectors that they fill
  double pairs_;            // of an output and an input channel of a group
  double block_;            // the vectors of tiles in a block
};

}  // namespace fastconv::winograd
