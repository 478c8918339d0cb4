// SPDX-License-Identifier: MIT
// How dense_pixels packs weights. The output channels of each group are cut into blocks of one to
// three vectors, and the input channels into slices. The packed weights hold group after group, in
// a group block after block, in a block slice after slice, and in a slice [tap of h][tap of
// w][input channel][output channel], as whole vectors.
#pragma once

#include <vector>

#include "algorithms/common/blocking.h"
#include "algorithms/correlation/correlation.h"
#include "core/exec.h"

namespace fastconv::dense {

class PixelsWeights {
 public:
  // A pure function of the problem, the ISA and the caches: slices decide in which order a sum is
  // added.
  template <class T>
  static PixelsWeights of(const Correlation& r, const Exec& exec);

  index_t blocks() const { return blocks_; }
  // The vectors of a block. Two are wide enough for the loads of a tile to be half of its FMAs; an
  // odd number of them ends in a block of three.
  index_t nv(index_t block) const { return block + 1 < blocks_ ? 2 : vectors_ - 2 * (blocks_ - 1); }
  index_t first_row(index_t block) const { return 2 * block * lanes_; }
  index_t rows(index_t block) const { return std::min(m_ - first_row(block), nv(block) * lanes_); }
  index_t lanes() const { return lanes_; }
  index_t slices() const { return slices_; }
  Range channels(index_t slice) const { return part(c_, slices_, slice); }
  index_t size() const { return groups_ * group_size(); }
  index_t slice_size(index_t block, index_t slice) const {
    return taps_ * channels(slice).size() * nv(block) * lanes_;
  }
  // Where a slice begins among the packed weights.
  index_t at(index_t g, index_t block, index_t slice) const {
    return g * group_size() + taps_ * (2 * block * c_ + channels(slice).begin * nv(block)) * lanes_;
  }

 private:
  index_t group_size() const { return taps_ * c_ * vectors_ * lanes_; }
  index_t groups_, m_, c_, taps_, lanes_, vectors_, blocks_, slices_;
};

// Packs all weights, which become weights.size() elements. `slots` is what weight_slots(r) says.
template <class T>
void pack_pixels_weights(const Correlation& r, const PixelsWeights& weights,
                         const std::vector<index_t>& slots, const T* w, T* packed,
                         const Exec& exec) noexcept;

}  // namespace fastconv::dense
