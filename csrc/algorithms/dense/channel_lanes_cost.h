// SPDX-License-Identifier: MIT
// What channel_lanes costs for one phase, in cycles of one core. Lanes are output channels, so only
// the pixels that a tap reaches within the image count.
#pragma once

#include <cmath>

#include "algorithms/correlation/correlation.h"
#include "core/cache.h"

namespace fastconv::dense {

class ChannelLanesCost {
 public:
  // Tiles of `most_pixels` by two vectors of `lanes` elements of `item` bytes.
  ChannelLanesCost(const Correlation& r, index_t most_pixels, index_t lanes, index_t item)
      : r_(r),
        item_(item),
        vectors_(double(ceil_div(r.m, lanes))),
        reads_(reached(r.h) * reached(r.w)) {
    const double taps = double(r.taps());
    tiles_ = taps * std::ceil(reads_ / taps / double(most_pixels));
  }

  double cycles() const {
    return double(r_.batch) * double(r_.groups) * (sums() + calls() + stored()) +
           double(r_.groups) * images_again();
  }
  // What a function pays to pack its weights.
  double packed_lanes() const {
    constexpr double kPackedLanes = 0.6;  // an element
    return double(r_.groups) * double(r_.m) * double(r_.k()) * kPackedLanes;
  }

 private:
  // Two FMAs a cycle, if enough of them are under way, and one load for every two of them, most of
  // them scattered.
  double sums() const {
    constexpr double kInFlight = 8;  // FMAs under way that keep both units busy
    const double wide = std::min(vectors_, 2.0);
    const double idle = std::max(1.0, kInFlight * tiles_ / (std::max(reads_, 1.0) * wide));
    return double(r_.c) * reads_ * vectors_ / 2 * idle * far();
  }
  double calls() const {
    constexpr double kTerms = 128;  // of one tile's sum
    constexpr double kTile = 110;   // finding its pixels, loading and storing its sums
    return tiles_ * std::ceil(vectors_ / 2) * std::ceil(double(r_.c) / kTerms) * kTile;
  }
  double stored() const {
    constexpr double kStored = 4;  // a vector of sums, transposed and stored
    return vectors_ * double(r_.pixels()) * kStored;
  }
  // Pixels 4 bytes apart, so that cache lines hold few of them, and channels up to pages apart:
  // those far apart are not prefetched; a multiple of a page apart they share a set of L1. Measured
  // against the peak on 28 layers, within 7 %.
  double far() const {
    constexpr double kNear = 1.12, kFar = 1.15, kFarther = 1.3;
    constexpr double kAliased = 1.4, kAliasedApart = 1.95;
    const index_t bytes = r_.in_plane() * item_;
    if (bytes % 4096 == 0) return r_.w.in_step == 1 ? kAliased : kAliasedApart;
    return bytes > 8192 ? kFarther : bytes > 2048 ? kFar : kNear;
  }
  // Each block of output channels reads all images again, from L3 if they are too many for L2.
  double images_again() const {
    constexpr double kImageRate = 7;  // bytes a cycle, fetched ahead
    const double all = double(r_.batch) * double(r_.c) * double(r_.in_plane() * item_);
    const double beyond = std::max(0.0, all - double(cache_sizes().l2) / 2);
    return beyond * std::ceil(vectors_ / 2) / kImageRate;
  }
  // Pairs of output and tap along an axis that lie within the image, or are copied from it.
  double reached(const TapAxis& axis) const {
    if (r_.mode != PadMode::zeros) return double(axis.count) * double(axis.n_taps());
    index_t n = 0;
    for (const Tap& tap : axis.taps) {
      const index_t first = ceil_div(std::max<index_t>(0, -tap.offset), axis.in_step);
      const index_t end = ceil_div(std::max<index_t>(0, axis.in - tap.offset), axis.in_step);
      n += std::max<index_t>(0, std::min(end, axis.count) - first);
    }
    return double(n);
  }

  const Correlation& r_;
  index_t item_;
  double vectors_, reads_, tiles_;
};

}  // namespace fastconv::dense
