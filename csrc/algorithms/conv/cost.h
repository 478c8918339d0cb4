// SPDX-License-Identifier: MIT
// What each algorithm costs, in cycles of one core: FMAs of whole vectors, and what is copied to
// feed them. The constants are measured (bench/NOTES.md says how); they need to be right only where
// two algorithms are close.
#pragma once

#include <algorithm>
#include <cmath>

#include "algorithms/common/blocking.h"
#include "algorithms/correlation/correlation.h"

namespace fastconv {

class CostModel {
 public:
  CostModel(const Correlation& r, const Tile& tile, index_t lanes, index_t item)
      : r_(r), tile_(tile), lanes_(lanes), item_(item) {}

  double im2col() const { return std::min(apart(true), merged()); }
  double pointwise() const { return std::min(apart(false), merged()); }
  // Whether panels of pixels better hold several images.
  bool merges(bool packs) const { return r_.batch > 1 && merged() < apart(packs); }
  double direct() const {
    return images() * ((packs_strip() ? packed_strip() : plain_strip()) + scattered(row_vectors()));
  }
  // Whether a strip better has a copy of its rows for each tap of the width: then no lane is lost
  // at the end of a row of outputs.
  bool packs_strip() const {
    return r_.w.count <= kMostColumns && r_.h.count > 1 && packed_strip() < plain_strip();
  }
  static constexpr index_t kMostColumns = 512;  // beyond, a slice of 384 terms leaves L2
  double depthwise() const {
    const double per_vector = double(r_.k()) * kDepthwiseTap + kTile / 8;
    return images() * (double(r_.m) * row_vectors() * per_vector +
                       rows_gathered(double(std::min(r_.w.in_step, r_.w.n_taps()))));
  }
  // Lanes are output channels, so only the pixels that a tap reaches within the image count. Tiles
  // of `most_pixels` by two vectors; `item` is the size of an element.
  double channel_lanes(index_t most_pixels) const {
    const double vectors = double(ceil_div(r_.m, lanes_)), wide = std::min(vectors, 2.0);
    const double taps = double(r_.taps()), reads = reached(r_.h) * reached(r_.w);
    const double tiles = taps * std::ceil(reads / taps / double(most_pixels));
    const double idle = std::max(1.0, kInFlight * tiles / (std::max(reads, 1.0) * wide));
    const double sums = double(r_.c) * reads * vectors / 2 * idle * far();
    const double calls = tiles * std::ceil(vectors / 2) * std::ceil(double(r_.c) / kTerms);
    const double stored = vectors * double(r_.pixels()) * kStored;
    return images() * (sums + calls * kBroadcastTile + stored) +
           double(r_.groups) * read_again(vectors);
  }
  // What each call pays to pack weights that are not kept.
  double packed_panels() const {
    return weights() * (r_.w_m > r_.w_c ? kTransposed : kPackedPanel);
  }
  double packed_lanes() const { return weights() * kPackedLanes; }

 private:
  // Two FMAs a cycle; a tile of few rows waits for its loads.
  double product(double vectors, double tiles) const {
    const double feeding = 1 + kLoadsPerRow / double(tile_.mr);
    const double panels = double(ceil_div(r_.m, tile_.mr));
    return double(r_.k()) * double(r_.m) * vectors / 2 * feeding + panels * tiles * kTile;
  }
  double weights() const { return double(r_.groups) * double(r_.m) * double(r_.k()); }
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
  // Channels far apart are not prefetched; a multiple of a page apart they share a set of L1.
  double far() const {
    const index_t bytes = r_.in_plane() * item_;
    if (bytes % 4096 == 0) return r_.w.in_step == 1 ? kAliased : kAliasedApart;
    return bytes > 8192 ? kFarther : bytes > 2048 ? kFar : kBroadcast;
  }
  // Each block of output channels reads all images again, from L3 if they are too many for L2.
  double read_again(double vectors) const {
    const double all = double(r_.batch) * double(r_.c) * double(r_.in_plane() * item_);
    const double beyond = std::max(0.0, all - double(cache_sizes().l2) / 2);
    return beyond * std::ceil(vectors / 2) / kImageRate;
  }
  double images() const { return double(r_.batch) * double(r_.groups); }
  double row_vectors() const { return double(r_.h.count) * double(ceil_div(r_.w.count, lanes_)); }

  // Images one by one; each reads the weights again, from L3 if they are too many for L2.
  double apart(bool packs) const {
    const double bytes = double(r_.m) * double(r_.k()) * double(item_);
    const double again = bytes > double(cache_sizes().l2) / 2 ? bytes / kWeightRate : 0;
    const double vectors = double(ceil_div(r_.pixels(), lanes_));
    const double once =
        images() * (block(r_.pixels()) * (packs ? 1 : kUnpacked) + scattered(vectors));
    return once + double(r_.groups) * double(r_.batch - 1) * again +
           (packs ? images() * panels_packed(r_.pixels()) : 0);
  }
  // What outputs that are not neighbours take to their places.
  double scattered(double vectors) const {
    return r_.plain_output() ? 0 : double(r_.m) * vectors * kScattered;
  }
  double merged() const {
    const index_t pixels = r_.batch * r_.pixels();
    const double moved = double(r_.m) * double(pixels) / double(lanes_) * kMoved;
    return double(r_.groups) * (block(pixels) + panels_packed(pixels) + moved);
  }
  double block(index_t pixels) const {
    return product(double(ceil_div(pixels, lanes_)), double(ceil_div(pixels, tile_.nr)));
  }
  // A panel's row of im2col is one or more pieces of image rows.
  double panels_packed(index_t pixels) const {
    const double pieces =
        double(ceil_div(pixels, tile_.nr)) * (1 + double(tile_.nr) / double(r_.w.count));
    const double calls = double(r_.taps()) * double(ceil_div(r_.c, 64));  // of copies
    return pieces * (calls * kCall + double(r_.k()) * kPiece) +
           double(r_.k()) * copies(double(pixels));
  }
  double plain_strip() const {
    const double tiles = double(r_.h.count) * double(ceil_div(r_.w.count, tile_.nr));
    const index_t runs = std::min(r_.w.in_step, r_.w.n_taps());
    return product(row_vectors(), tiles) + double(r_.c) * rows_gathered(double(runs));
  }
  double packed_strip() const {
    return block(r_.pixels()) + double(r_.c) * rows_gathered(double(r_.w.n_taps()));
  }
  // A strip's row is gathered once for each output row that it serves, less what blocks share, in
  // `runs` pieces.
  double rows_gathered(double runs) const {
    const double taps = double(r_.h.n_taps());
    const double rows = double(r_.h.count) * std::min(taps, double(r_.h.in_step) + taps / kShared);
    return rows * (runs * kRow + copies(runs * double(r_.w.count)));
  }
  double copies(double elements) const {
    const index_t step = r_.w.in_step;
    return elements * (step == 1                ? kVectorCopy / double(lanes_)
                       : step == 2 || step == 4 ? kUnzipped
                                                : kGather);
  }

  static constexpr double kCall = 40;        // clipping a piece of a row
  static constexpr double kRow = 5;          // a row of a strip
  static constexpr double kPiece = 12;       // copying it, for a channel
  static constexpr double kVectorCopy = 2;   // a load and a store
  static constexpr double kUnzipped = 0.5;   // an element of vectors that are taken apart
  static constexpr double kGather = 1;       // one element at a stride
  static constexpr double kUnpacked = 1.02;  // rows of a panel in different pages
  static constexpr double kScattered = 20;   // the same, between the outputs of other phases
  static constexpr double kMoved = 10;       // a vector of outputs, from a buffer to its image
  static constexpr double kWeightRate = 6;   // bytes a cycle from L3
  static constexpr double kLoadsPerRow = 0.8;
  static constexpr double kTile = 30;           // calling a tile, starting and storing it
  static constexpr double kShared = 4;          // rows of a block that share what they gather
  static constexpr double kDepthwiseTap = 0.6;  // bound by one unaligned load per FMA

  static constexpr double kTerms = 128;          // of one tile's sum in channel_lanes
  static constexpr double kBroadcastTile = 110;  // finding its pixels, loading and storing sums
  static constexpr double kInFlight = 8;         // FMAs under way that keep both units busy
  // One load for every two FMAs, most of them scattered: pixels 4 bytes apart, so that lines have
  // few of them, and channels up to pages apart.
  static constexpr double kBroadcast = 1.12, kFar = 1.15, kFarther = 1.3;
  static constexpr double kAliased = 1.4, kAliasedApart = 1.95;
  static constexpr double kImageRate = 7;  // bytes a cycle, fetched ahead
  static constexpr double kStored = 4;     // a vector of sums, turned and stored
  static constexpr double kTransposed = 0.85, kPackedPanel = 1.5, kPackedLanes = 0.6;  // an element

  const Correlation& r_;
  Tile tile_;
  index_t lanes_, item_;
};

}  // namespace fastconv
