// SPDX-License-Identifier: MIT
// The windows of channel_lanes.h along one axis.
#pragma once

#include "core/pool_desc.h"

namespace fastconv::pool {

// Those of a gradient of sums hold, for each element of the pool's input, the outputs that it is
// part of: what is read is then the pool's output.
struct LaneWindows {
  Axis axis;
  bool gradient;

  index_t in() const { return gradient ? axis.out : axis.in; }
  index_t out() const { return gradient ? axis.in : axis.out; }
  index_t step() const;            // between taps
  index_t longest() const;         // taps of a window at most
  index_t reach(index_t n) const;  // elements of the input from the first to the last of n windows
  // For each element: by the kernels of places, which know no long windows, or by the others.
  index_t joins(bool places) const;
  index_t long_window() const;  // 0, or their length if they are to be joined as long ones
  Span operator()(index_t o) const;
};

}  // namespace fastconv::pool
