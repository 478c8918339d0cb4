// SPDX-License-Identifier: MIT
// Which outputs each weight of a kernel reaches within the image, for channel_lanes: the phases of
// an adjoint together.
#pragma once

#include <vector>

#include "algorithms/correlation/correlation.h"

namespace fastconv::dense {

class ChannelLanesLayout {
 public:
  // Of all phases of one convolution. May allocate: made before the parallel region.
  explicit ChannelLanesLayout(const std::vector<Correlation>& phases);

  struct Line {  // outputs of one axis, evenly spaced, and what a tap reads for them
    index_t out, out_step, in, in_step, count;
  };
  struct Patch {  // outputs that the weights in `slot` reach within the image
    index_t slot;
    Line h, w;
    index_t pixels() const { return h.count * w.count; }
  };
  const std::vector<Patch>& patches() const { return patches_; }
  // For each weight of a kernel its place among those that reach the image, or -1.
  const std::vector<index_t>& slots() const { return slots_; }
  index_t live() const { return live_; }  // how many do
  double fmas(const Correlation& r) const;

 private:
  std::vector<Patch> patches_;
  std::vector<index_t> slots_;
  index_t live_ = 0;
};

}  // namespace fastconv::dense
