// SPDX-License-Identifier: MIT
// What Winograd's algorithm on split taps costs for one phase, in cycles of one core.
// bench/NOTES.md says how the constants were measured.
#pragma once

#include <algorithm>
#include <cmath>

#include "algorithms/correlation/offer.h"
#include "algorithms/winograd/split_cut.h"
#include "core/platform.h"

namespace fastconv::winograd {

class SplitCost {
 public:
  // An element has `item` bytes, a vector `lanes` of them; tiles have up to `most` pixels.
  SplitCost(const Correlation& r, index_t m, index_t lanes, index_t item, index_t most)
      : r_(r), grid_(r, m), panels_{r.m, r.c, lanes}, item_(item), most_(most) {
    rows_ = double(r.batch * grid_.h.tiles());
    const double most_rows = double(split_block(r, grid_, item, lanes));
    blocks_ = std::ceil(rows_ / most_rows);
    c_vectors_ = double(ceil_div(r.c, lanes)), m_vectors_ = double(panels_.vectors());
  }

  // Without the transformation of weights.
  double cycles() const {
    const double group = std::max(product(), weight_stream()) + input() + output();
    return double(r_.groups) * group;
  }
  double weight_transform() const {
    // Cycles for each vector of taps, which are gathered, and of places (six layers, 3x3 to 7x7).
    constexpr double kTap = 17, kPlace = 5.5;
    return double(r_.groups) * m_vectors_ * double(r_.c) *
           (double(r_.taps()) * kTap + double(grid_.places()) * kPlace);
  }
  double weight_bytes() const {
    return double(r_.groups * grid_.places() * panels_.plane() * item_);
  }

 private:
  // An FMA of vectors also waits kLoad cycles for the loads beside it, and calling a tile takes
  // kTile cycles and kStored for each of its vectors.
  double product() const {
    constexpr double kLoad = 0.06, kTile = 40, kStored = 2, kLatency = 4;
    const double each = 1 / fmas_per_cycle(panels_.lanes * item_) + kLoad;
    double sum = 0;
    for (const AxisPart& a : grid_.h.parts())
      for (const AxisPart& b : grid_.w.parts()) {
        const bool apart = a.plain() && b.plain();  // rows of their own
        const double lines = a.plain() ? double(r_.batch * r_.h.count) : rows_;
        const double n = (apart ? 1 : lines / blocks_) * double(grid_.columns(b));
        const double runs = apart ? lines : blocks_;
        const double tiles = std::ceil(n / double(most_));
        const double vectors = n / tiles * 2;  // of a tile, in the mean
        const double calls = runs * tiles * double(SplitGrid::places(a, b)) * m_vectors_ / 2;
        sum +=
            calls * (double(r_.c) * std::max(vectors * each, kLatency) + kTile + kStored * vectors);
      }
    return sum;
  }
  // Each block reads all transformed weights again, from L3 or from beyond it.
  double weight_stream() const {
    constexpr double kNear = 5.5, kBeyond = 2;  // bytes in a cycle
    const double bytes = weight_bytes() / double(r_.groups);
    if (bytes <= double(cache_sizes().l2) / 2) return 0;
    return blocks_ * bytes / (bytes > shared_l3() ? kBeyond : kNear);
  }
  // Copying what the tiles read, and transforming it.
  double input() const {
    constexpr double kCopied = 5, kValue = 2.5, kRow = 200;  // cycles for a vector; for a row
    const double lines = rows_ * double(grid_.lines());
    const double values =
        rows_ * double(grid_.h.m() * grid_.row()) * grid_.h.values() * grid_.w.values();
    return lines * kRow + c_vectors_ * (lines * double(grid_.pixels()) * kCopied + values * kValue);
  }
  // Transforming products back, and storing outputs.
  double output() const {
    constexpr double kValue = 6, kStored = 20;  // of 3 to 256 input channels, within 15 %
    const double pixels = rows_ * double(grid_.h.m() * grid_.row());
    return m_vectors_ * pixels * (grid_.h.values() * grid_.w.values() * kValue + kStored);
  }

  const Correlation& r_;
  SplitGrid grid_;
  SplitPanels panels_;
  index_t item_, most_;
  double rows_, blocks_;  // of tiles, and how many blocks these are
  double c_vectors_, m_vectors_;
};

}  // namespace fastconv::winograd
