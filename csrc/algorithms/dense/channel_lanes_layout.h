// SPDX-License-Identifier: MIT
// For channel_lanes: which outputs each weight of a kernel reaches, and what it reads for them
// within the image. One layout holds all phases of an adjoint.
#pragma once

#include <vector>

#include "algorithms/correlation/correlation.h"

namespace fastconv::dense {

// The phases of a problem in one dimension, upright: their axis as h, so that tasks, which compute
// some rows of outputs, can share out a long line. Others as they are.
std::vector<Correlation> upright(const std::vector<Correlation>& phases);

class ChannelLanesLayout {
 public:
  // The layout for all phases of a problem. The constructor allocates, so that it has to run before
  // the parallel region.
  explicit ChannelLanesLayout(const std::vector<Correlation>& phases);

  // `count` outputs along one axis, out_step apart from `out` on, for which a tap reads elements
  // that are in_step apart from `in` on.
  struct Line {
    index_t out, out_step, in, in_step, count;
  };
  // A rectangle of outputs for which one weight of the kernel, number `slot`, reads the image.
  struct Patch {
    index_t slot;
    Line h, w;
    index_t pixels() const { return h.count * w.count; }
  };
  const std::vector<Patch>& patches() const { return patches_; }
  // For each weight of a kernel its number among those that read the image for any output, or -1.
  const std::vector<index_t>& slots() const { return slots_; }
  index_t live() const { return live_; }  // how many weights of a kernel read the image
  double fmas(const Correlation& r) const;

 private:
  std::vector<Patch> patches_;
  std::vector<index_t> slots_;
  index_t live_ = 0;
};

}  // namespace fastconv::dense
