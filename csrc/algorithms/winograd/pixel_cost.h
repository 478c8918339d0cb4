// SPDX-License-Identifier: MIT
// What Winograd's algorithm costs where images lie as pixels, in cycles of one core.
#pragma once

#include <algorithm>
#include <cmath>

#include "algorithms/correlation/offer.h"
#include "algorithms/winograd/pixel_cut.h"
#include "core/platform.h"

namespace fastconv::winograd {

class PixelCost {
 public:
  template <class T>
  static PixelCost of(const Correlation& r, Form form, const Exec& exec) {
    // As on one thread: a choice that follows the threads would change bits with them.
    const Exec one{exec.table, 1};
    const TileGrid grid(r, form);
    return {r, grid, pixel_cut<T>(r, grid, one), exec.kernels<T>().conv.pixel_tile.max_pixels,
            sizeof(T)};
  }
  PixelCost(const Correlation& r, const TileGrid& grid, const PixelCut& cut, const int* max_pixels,
            index_t item)
      : r_(r), grid_(grid), cut_(cut), max_pixels_(max_pixels), item_(item) {
    places_ = double(grid.alphas()), tiles_ = double(cut.tiles);
  }

  // Without the transformation of weights.
  double cycles(bool prepacked) const {
    // For each vector of channels of a tile and each place: to transform an input, with its copy of
    // rows at the border, and to transform products back; and to store a vector of pixels.
    constexpr double kInput = 8, kOutput = 6, kStored = 14;
    const double in = double(cut_.units) * double(cut_.unit / cut_.out.lanes);
    const double out = double(cut_.out.vectors);
    const double pixels = double(grid_.h.scheme().m * grid_.w.scheme().m);
    const double transforms =
        tiles_ * (in * places_ * kInput + out * (places_ * kOutput + pixels * kStored));
    return double(r_.groups) *
           (std::max(product(), weight_stream(prepacked)) + cache_misses() + transforms);
  }
  // Transforming the weights, as Cost::weight_transform says.
  double weight_transform() const {
    constexpr double kTap = 2.2, kPlace = 0.55;
    const double pairs = double(r_.groups * r_.c * cut_.out.padded());
    return pairs * (double(r_.taps()) * kTap + places_ * kPlace);
  }
  double weight_bytes() const { return double(r_.groups) * group_bytes(); }

 private:
  double group_bytes() const { return places_ * double(r_.c) * double(cut_.out.padded() * item_); }
  double product() const {
    // To call a tile, and to store a vector; an FMA's latency.
    constexpr double kTile = 40, kStored = 2, kLatency = 4, kLoad = 0.08;
    const double rate = fmas_per_cycle(cut_.out.lanes * item_);
    const auto block_cycles = [&](index_t nv) {
      const double calls = double(ceil_div(cut_.most, index_t{max_pixels_[nv - 1]}));
      const double vectors = double(cut_.most * nv) / calls;
      const double each = std::max(vectors * (1 / rate + kLoad), kLatency);
      return calls * (double(r_.c) * each + kTile + kStored * vectors);
    };
    const index_t last = cut_.out.blocks - 1;  // all blocks before it have two vectors
    const double sum = double(last) * block_cycles(2) + block_cycles(cut_.out.nv(last));
    return places_ * sum * tiles_ / double(cut_.most);
  }
  // As Cost::weight_stream: each block of tiles reads all weights, and for each block of outputs
  // its own transformed tiles, where these do not fit L2.
  double weight_stream(bool prepacked) const {
    constexpr double kNear = 5.5, kBeyond = 2;  // bytes in a cycle from L3, and from beyond
    const double tiles = places_ * double(cut_.v_tile * item_) * double(cut_.most);
    const double again = tiles > double(cache_sizes().l2) ? double(cut_.out.blocks) : 0;
    const double weights = group_bytes(), rate = weights > shared_l3() ? kBeyond : kNear;
    const double first = prepacked ? cycles_from_memory(weights) - weights / rate : 0;
    return double(cut_.blocks) * (weights + tiles * again) / rate + first;
  }
  double cache_misses() const {
    constexpr double kByte = 0.12;  // cycles for each byte beyond L2
    const double images =
        double(r_.batch) * double((r_.c * r_.in_plane() + r_.m * r_.out_plane()) * item_);
    return kByte * std::max(0.0, images - double(cache_sizes().l2));
  }

  const Correlation& r_;
  TileGrid grid_;
  PixelCut cut_;
  const int* max_pixels_;
  index_t item_;
  double places_, tiles_;  // of a transformed tile; of all images
};

}  // namespace fastconv::winograd
