// SPDX-License-Identifier: MIT
// How channel_lanes packs weights. The output channels of each group are cut into blocks, and the
// input channels into slices. The packed weights hold group after group, in a group block after
// block, in a block slice after slice, and in a slice [tap][input channel][output channel].
#pragma once

#include "algorithms/common/blocking.h"
#include "algorithms/dense/channel_lanes_layout.h"
#include "core/exec.h"

namespace fastconv::dense {

class ChannelLanesWeights {
 public:
  // A pure function of the problem, the ISA and the caches: the number of threads must not count,
  // since slices decide in which order a sum is added.
  template <class T>
  static ChannelLanesWeights of(const Correlation& r, const ChannelLanesLayout& layout,
                                const Exec& exec);

  index_t blocks() const { return ceil_div(m_, most_rows_); }  // of output channels
  Range rows(index_t block) const {
    return {block * most_rows_, std::min(m_, (block + 1) * most_rows_)};
  }
  index_t most_rows() const { return most_rows_; }  // output channels of a block
  // How far apart neighbouring input channels of a block lie: its output channels, as whole
  // vectors.
  index_t ld(Range rows) const { return ceil_div(rows.size(), lanes_) * lanes_; }

  index_t slices() const { return slices_; }
  Range channels(index_t slice) const { return part(c_, slices_, slice); }
  // A slice is cut into so many parts: a tile adds the terms of one part in one go.
  index_t parts() const { return parts_; }

  // How far apart neighbouring taps of a slice lie. A cache line is left free between them, because
  // taps that lie a power of two apart share a set of L1.
  index_t slot_step(index_t channels, index_t ld) const { return channels * ld + line_; }
  index_t slice_size(index_t channels, index_t ld) const { return taps_ * slot_step(channels, ld); }
  index_t most_slice() const { return slice_size(ceil_div(c_, slices_), most_rows_); }
  index_t size() const { return groups_ * group_size(); }
  // Where a slice begins among the packed weights.
  index_t at(index_t g, Range rows, index_t slice) const {
    return g * group_size() + rows.begin / most_rows_ * block_size(most_rows_) +
           taps_ * (channels(slice).begin * ld(rows) + slice * line_);
  }

 private:
  index_t block_size(index_t ld) const { return taps_ * (c_ * ld + slices_ * line_); }
  index_t group_size() const {
    const index_t last = blocks() - 1;
    return last * block_size(most_rows_) + block_size(ld(rows(last)));
  }
  index_t groups_, m_, c_;
  index_t taps_;          // those that read the image for any output
  index_t lanes_, line_;  // elements of a vector and of a cache line
  index_t most_rows_, slices_, parts_;
};

// Packs the slice `channels` of the block `rows` of group g to dst.
template <class T>
void pack_slice(const Correlation& r, const ChannelLanesLayout& layout,
                const ChannelLanesWeights& weights, const T* w, index_t g, Range rows,
                Range channels, T* dst, const Exec& exec) noexcept;

// Packs all weights, which become weights.size() elements.
template <class T>
void pack_slices(const Correlation& r, const ChannelLanesLayout& layout,
                 const ChannelLanesWeights& weights, const T* w, T* packed,
                 const Exec& exec) noexcept;

}  // namespace fastconv::dense
