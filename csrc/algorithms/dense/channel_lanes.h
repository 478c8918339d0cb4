// SPDX-License-Identifier: MIT
// Convolution with output channels as lanes: each weight vector meets pixels one by one, so few
// pixels leave no lane empty, taps in the zero padding cost nothing, and all phases of an adjoint
// are one task. Weights are read once, in the order in which they are packed.
#pragma once

#include <vector>

#include "algorithms/correlation/job.h"

namespace fastconv {

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

// Elements of the packed weights.
template <class T>
index_t channel_lanes_packed(const Correlation& r, const ChannelLanesLayout& layout,
                             const Exec& exec);
template <class T>
void channel_lanes_pack(const Correlation& r, const ChannelLanesLayout& layout, const T* weights,
                        T* packed, const Exec& exec) noexcept;

// `kept` tells whether weights come packed; if not, each task packs what it needs as it goes.
template <class T>
index_t channel_lanes_scratch(const Correlation& r, const ChannelLanesLayout& layout, bool kept,
                              const Exec& exec);
// job.r is any of the phases. job.weights are packed if `kept`, else as the caller has them.
template <class T>
void channel_lanes(const Job<T>& job, const ChannelLanesLayout& layout, bool kept, const Exec& exec,
                   std::byte* scratch) noexcept;

}  // namespace fastconv
