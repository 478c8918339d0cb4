// SPDX-License-Identifier: MIT
// What channel_lanes costs for one phase, in cycles of one core. Its lanes are output channels, so
// that taps which read the zero padding cost nothing.
#pragma once

#include <cmath>

#include "algorithms/correlation/cost.h"
#include "algorithms/correlation/pack_weights.h"
#include "core/cache.h"
#include "core/platform.h"

namespace fastconv::dense {

class ChannelLanesCost {
 public:
  // A tile has up to `most_pixels` pixels by two vectors of `lanes` elements of `item` bytes.
  ChannelLanesCost(const Correlation& r, index_t most_pixels, index_t lanes, index_t item)
      : r_(r),
        lanes_(lanes),
        item_(item),
        rate_(fmas_per_cycle(lanes * item)),
        vectors_(double(ceil_div(r.m, lanes))),
        reads_(reached(r.h) * reached(r.w)) {
    const double taps = double(r.taps());
    tiles_ = taps * std::ceil(reads_ / taps / double(most_pixels));
  }

  double cycles() const {
    return double(r_.batch) * double(r_.groups) * (sums() + calls() + stored()) +
           double(r_.groups) * images_again();
  }
  // Storing the outputs that no phase writes, which a block holds, too: a stride of 8 has 7 of them
  // for each that a tap of 3x3 reaches, more than the caches keep.
  double stored_between(index_t written) const {
    constexpr double kBetween = 10;  // cycles for a vector
    return double(r_.batch * r_.groups) * vectors_ * double(r_.out_plane() - written) * kBetween;
  }
  double weight_bytes() const { return double(packed_size(r_)) * double(item_); }
  // Packing the weights of all groups, which a call pays unless they are prepacked: cycles for each
  // weight of whole vectors, and for passing over a tap that no output reads, in a vector of
  // kernels (13x25 of which 9 taps are read, 3 kernels a group: 800 for a vector). Of several
  // phases all are packed in one pass.
  double packed_lanes(std::size_t phases) const {
    constexpr double kPackedLanes = 0.6, kLeftOut = 2.4, kLeftOutOfPhase = 0.8;
    const double kernel = double(std::min(r_.w_m, r_.w_c)), taps = double(r_.taps());
    const double left_out = phases == 1 ? (kernel - taps) * kLeftOut : kernel * kLeftOutOfPhase;
    return double(r_.groups * r_.c) * vectors_ * (taps * double(lanes_) * kPackedLanes + left_out);
  }

 private:
  // The FMAs of one image and group. They begin at the core's rate if 4 times as many are under way
  // at any time; a tile of fewer sums waits. Two FMAs need one load of a pixel, and pixels lie
  // scattered: far() says how many cycles that takes for each FMA at least.
  double sums() const {
    constexpr double kLatency = 4, kFeeding = 1.05;
    const double wide = std::min(vectors_, 2.0), in_flight = kLatency * rate_;
    const double idle = std::max(1.0, in_flight * tiles_ / (std::max(reads_, 1.0) * wide));
    return double(r_.c) * reads_ * vectors_ * idle * std::max(kFeeding / rate_, far());
  }
  // Calling the tiles of one image and group.
  double calls() const {
    constexpr double kTerms = 128;  // the terms that a tile adds in one go
    constexpr double kTile = 110;   // cycles to find a tile's pixels, load its sums and store them
    return tiles_ * std::ceil(vectors_ / 2) * std::ceil(double(r_.c) / kTerms) * kTile;
  }
  // Storing the results of one image and group as planes.
  double stored() const {
    constexpr double kStored = 4;  // cycles to transpose and store a vector of sums
    return vectors_ * double(r_.pixels()) * kStored;
  }
  // The cycles that an FMA takes because of where the pixels lie. A tile reads its few pixels of
  // one channel after another, so that it uses a small part of each cache line. Channels that lie
  // far apart are not prefetched; channels that lie a multiple of a page apart share a set of L1,
  // and strided pixels then take still longer. Measured where a core begins two FMAs in a cycle, on
  // 28 layers, and right within 7 %.
  double far() const {
    constexpr double kNear = 0.56, kFar = 0.575, kFarther = 0.65;
    constexpr double kAliased = 0.7, kAliasedApart = 0.975;
    const index_t bytes = r_.in_plane() * item_;
    if (bytes % 4096 == 0) return r_.w.in_step == 1 ? kAliased : kAliasedApart;
    return bytes > 8192 ? kFarther : bytes > 2048 ? kFar : kNear;
  }
  // Reading a group's images from L3, where they are too many for L2: each block of output channels
  // reads them all again, but for the rows and cache lines that no tap reads.
  double images_again() const {
    constexpr double kImageRate = 7;  // bytes in a cycle, since they are fetched ahead
    const double all = double(r_.batch) * double(r_.c) * bytes_read(r_, item_);
    const double beyond = std::max(0.0, all - double(cache_sizes().l2) / 2);
    return beyond * std::ceil(vectors_ / 2) / kImageRate;
  }
  // How many pairs of an output and a tap along an axis read an element of the image. All do in
  // padding modes other than zeros, whose padding is copied from the image.
  double reached(const TapAxis& axis) const {
    if (r_.mode != PadMode::zeros) return double(axis.count) * double(axis.n_taps());
    double n = 0;
    for (const Tap& tap : axis.taps) n += double(outputs_within(axis, tap));
    return n;
  }

  const Correlation& r_;
  index_t lanes_, item_;
  double rate_;     // of FMAs in a cycle
  double vectors_;  // of a group's output channels
  double reads_;    // pairs of an output and a tap that read an element of the image
  double tiles_;    // that the pixels of all taps fill
};

}  // namespace fastconv::dense
