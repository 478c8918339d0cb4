// SPDX-License-Identifier: MIT
#include "algorithms/dense/pixels_weights.h"

#include "core/parallel.h"

namespace fastconv::dense {

template <class T>
PixelsWeights PixelsWeights::of(const Correlation& r, const Exec& exec) {
  PixelsWeights w{};
  w.groups_ = r.groups, w.m_ = r.m, w.c_ = r.c, w.taps_ = r.taps();
  w.lanes_ = exec.kernels<T>().conv.gemm.lanes;
  w.vectors_ = ceil_div(r.m, w.lanes_);
  w.blocks_ = std::max<index_t>(w.vectors_ / 2, 1);
  // A slice of two vectors takes at most a quarter of L2, where it stays while pixels stream past.
  const index_t channel = w.taps_ * 2 * w.lanes_ * index_t{sizeof(T)};
  const index_t most = std::max<index_t>(cache_sizes().l2 / 4 / channel, 16);
  w.slices_ = ceil_div(r.c, most);
  return w;
}

template <class T>
void pack_pixels_weights(const Correlation& r, const PixelsWeights& weights,
                         const std::vector<index_t>& slots, const T* w, T* packed,
                         const Exec& exec) noexcept {
  const index_t lanes = weights.lanes(), each = weights.blocks() * weights.slices();
  const index_t tasks = r.groups * each;
  const Team team = useful_threads(tasks, double(weights.size()), exec.threads);
  parallel_for(tasks, team, [&](index_t task, int) {
    const index_t g = task / each, block = task % each / weights.slices();
    const index_t slice = task % weights.slices(), ld = weights.nv(block) * lanes;
    const Range channels = weights.channels(slice);
    for (index_t j = 0; j < weights.rows(block); j += lanes)
      exec.kernels<T>().conv.channel_lanes.pack(
          {.w = w + g * r.w_group + (weights.first_row(block) + j) * r.w_m + channels.begin * r.w_c,
           .end = w + r.groups * r.w_group,
           .row_step = r.w_m,
           .rows = std::min(lanes, weights.rows(block) - j),
           .channel_step = r.w_c,
           .channels = channels.size(),
           .slots = slots.data(),
           .taps = static_cast<index_t>(slots.size()),
           .dst = packed + weights.at(g, block, slice) + j,
           .slot_step = channels.size() * ld,
           .ld = ld,
           .keep = lanes});
  });
}

template PixelsWeights PixelsWeights::of<float>(const Correlation&, const Exec&);
template PixelsWeights PixelsWeights::of<double>(const Correlation&, const Exec&);
template void pack_pixels_weights(const Correlation&, const PixelsWeights&,
                                  const std::vector<index_t>&, const float*, float*,
                                  const Exec&) noexcept;
template void pack_pixels_weights(const Correlation&, const PixelsWeights&,
                                  const std::vector<index_t>&, const double*, double*,
                                  const Exec&) noexcept;

}  // namespace fastconv::dense
