// SPDX-License-Identifier: MIT
// What each algorithm costs, in cycles of one core: FMAs of whole vectors, and what is copied to
// feed them. The constants are measured (bench/NOTES.md says how); they need to be right only where
// two algorithms are close.
#pragma once

#include "algorithms/blocking.h"
#include "algorithms/correlation.h"

namespace fastconv {

class CostModel {
 public:
  CostModel(const Correlation& r, const Tile& tile, index_t lanes)
      : r_(r), tile_(tile), lanes_(lanes) {}

  double im2col() const {
    return images() * (product(pixel_vectors(), pixel_tiles()) + panels_packed());
  }
  double pointwise() const {
    return images() * product(pixel_vectors(), pixel_tiles()) * kUnpacked;
  }
  double direct() const {
    const double tiles = double(r_.h.count) * double(ceil_div(r_.w.count, tile_.nr));
    return images() * (product(row_vectors(), tiles) + double(r_.c) * rows_gathered());
  }
  double depthwise() const {
    const double per_vector = double(r_.k()) * kDepthwiseTap + kTile / 8;
    return images() * (double(r_.m) * row_vectors() * per_vector + rows_gathered());
  }
  double broadcast(bool) const { return 1e30; }

 private:
  // Two FMAs a cycle; a tile of few rows waits for its loads.
  double product(double vectors, double tiles) const {
    const double feeding = 1 + kLoadsPerRow / double(tile_.mr);
    const double panels = double(ceil_div(r_.m, tile_.mr));
    return double(r_.k()) * double(r_.m) * vectors / 2 * feeding + panels * tiles * kTile;
  }
  double images() const { return double(r_.batch) * double(r_.groups); }
  double pixel_tiles() const { return double(ceil_div(r_.pixels(), tile_.nr)); }
  double pixel_vectors() const { return double(ceil_div(r_.pixels(), lanes_)); }
  double row_vectors() const { return double(r_.h.count) * double(ceil_div(r_.w.count, lanes_)); }

  // A panel's row of im2col is one or more pieces of image rows.
  double panels_packed() const {
    const double pieces = pixel_tiles() * (1 + double(tile_.nr) / double(r_.w.count));
    return double(r_.k()) * (pieces * kPiece + copies(double(r_.pixels())));
  }
  // A strip's row is gathered once for each output row that it serves, less what blocks share.
  double rows_gathered() const {
    const double taps = double(r_.h.n_taps());
    const double rows = double(r_.h.count) * std::min(taps, double(r_.h.in_step) + taps / kShared);
    const double runs = double(std::min(r_.w.in_step, r_.w.n_taps()));
    return rows * (runs * kPiece + copies(runs * double(r_.w.count)));
  }
  double copies(double elements) const {
    return elements * (r_.w.in_step == 1 ? kVectorCopy / double(lanes_) : kGather);
  }

  static constexpr double kPiece = 12;       // clipping a piece of a row and calling its copy
  static constexpr double kVectorCopy = 2;   // a load and a store
  static constexpr double kGather = 1;       // one element at a stride
  static constexpr double kUnpacked = 1.05;  // rows of a panel in different pages
  static constexpr double kLoadsPerRow = 0.8;
  static constexpr double kTile = 30;           // calling a tile, starting and storing it
  static constexpr double kShared = 4;          // rows of a block that share what they gather
  static constexpr double kDepthwiseTap = 0.6;  // bound by one unaligned load per FMA

  const Correlation& r_;
  Tile tile_;
  index_t lanes_;
};

}  // namespace fastconv
