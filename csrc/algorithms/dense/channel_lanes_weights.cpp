// SPDX-License-Identifier: MIT
// How long the slices of channel_lanes are, and the packing of its weights.
#include "algorithms/dense/channel_lanes_weights.h"

#include "algorithms/correlation/pack_weights.h"
#include "core/parallel.h"

namespace fastconv::dense {

template <class T>
ChannelLanesWeights ChannelLanesWeights::of(const Correlation& r, const ChannelLanesLayout& layout,
                                            const Exec& exec) {
  // A tile adds 128 terms in one go: their weights take a third of L1, and loading and storing the
  // sums costs 3 %. A slice takes at most an eighth of L2, where it stays if it is packed just
  // before its use.
  constexpr index_t kTerms = 128;
  ChannelLanesWeights w{};
  w.groups_ = r.groups, w.m_ = r.m, w.c_ = r.c, w.taps_ = layout.live();
  w.lanes_ = exec.kernels<T>().conv.gemm.lanes;
  w.line_ = 64 / sizeof(T);
  w.most_rows_ = kChannelLanesNv * w.lanes_;
  const index_t channel = std::max<index_t>(w.taps_, 1) * w.most_rows_ * index_t{sizeof(T)};
  const index_t most = std::max(kTerms, cache_sizes().l2 / 8 / channel / kTerms * kTerms);
  w.slices_ = ceil_div(r.c, most);
  w.parts_ = ceil_div(ceil_div(r.c, w.slices_), kTerms);
  return w;
}

template <class T>
void pack_slice(const Correlation& r, const ChannelLanesLayout& layout,
                const ChannelLanesWeights& weights, const T* w, index_t g, Range rows,
                Range channels, T* dst, const Exec& exec) noexcept {
  const index_t ld = weights.ld(rows), lanes = exec.kernels<T>().conv.gemm.lanes;
  for (index_t j = 0; j < rows.size(); j += lanes)
    exec.kernels<T>().conv.channel_lanes.pack(
        {.w = w + g * r.w_group + (rows.begin + j) * r.w_m + channels.begin * r.w_c,
         .end = w + r.groups * r.w_group,
         .row_step = r.w_m,
         .rows = std::min(lanes, rows.size() - j),
         .channel_step = r.w_c,
         .channels = channels.size(),
         .slots = layout.slots().data(),
         .taps = static_cast<index_t>(layout.slots().size()),
         .dst = dst + j,
         .slot_step = weights.slot_step(channels.size(), ld),
         .ld = ld,
         .keep = lanes,
         .few = few_taps(layout.live(), layout.slots())});
}

template <class T>
void pack_slices(const Correlation& r, const ChannelLanesLayout& layout,
                 const ChannelLanesWeights& weights, const T* w, T* packed,
                 const Exec& exec) noexcept {
  const index_t tasks = r.groups * weights.blocks() * weights.slices();
  const Team team = useful_threads(tasks, double(weights.size()), exec.threads);
  parallel_for(tasks, team, [&](index_t task, int) {
    const index_t slice = task % weights.slices(), block = task / weights.slices();
    const index_t g = block / weights.blocks();
    const Range rows = weights.rows(block % weights.blocks());
    pack_slice(r, layout, weights, w, g, rows, weights.channels(slice),
               packed + weights.at(g, rows, slice), exec);
  });
}

using Layout = ChannelLanesLayout;
using Weights = ChannelLanesWeights;
template Weights Weights::of<float>(const Correlation&, const Layout&, const Exec&);
template Weights Weights::of<double>(const Correlation&, const Layout&, const Exec&);
template void pack_slice(const Correlation&, const Layout&, const Weights&, const float*, index_t,
                         Range, Range, float*, const Exec&) noexcept;
template void pack_slice(const Correlation&, const Layout&, const Weights&, const double*, index_t,
                         Range, Range, double*, const Exec&) noexcept;
template void pack_slices(const Correlation&, const Layout&, const Weights&, const float*, float*,
                          const Exec&) noexcept;
template void pack_slices(const Correlation&, const Layout&, const Weights&, const double*, double*,
                          const Exec&) noexcept;

}  // namespace fastconv::dense
