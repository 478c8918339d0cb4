// SPDX-License-Identifier: MIT
// Transformed weights of split taps, as SplitPanels says how they lie: the places of
// one pair of parts after another.
#pragma once

#include "algorithms/correlation/pack_weights.h"
#include "algorithms/winograd/split_cut.h"

namespace fastconv::winograd {

// Transforms a panel of group g. `slots` is what weight_slots(r) says; `packed` begins with the
// weights of the group.
template <class T>
void transform_split(const Correlation& r, const SplitGrid& grid, const SplitPanels& panels,
                     const std::vector<index_t>& slots, const T* weights, index_t g, index_t panel,
                     T* packed, const Exec& exec) noexcept {
  // Channels that are gathered at a time, with all their taps.
  constexpr index_t kRun = 8, kMostTaps = SplitAxis::kMostTaps * SplitAxis::kMostTaps,
                    kMostRows = 32, kMostTap = 3;
  static_assert(kMostRows * sizeof(T) >= 128);
  const ConvKernels<T>& kernels = exec.kernels<T>().conv;
  const index_t lanes = panels.lanes, nv = panels.nv(panel), ld = nv * lanes;
  const index_t first = panels.first(panel), rows = std::min(ld, r.m - first);
  T gathered[kMostTaps * kRun * kMostRows], half[kMostTap * kMostAlpha * kRun * kMostRows];
  for (index_t c0 = 0; c0 < r.c; c0 += kRun) {
    const index_t n = std::min(kRun, r.c - c0), tap = n * ld;
    for (index_t j = 0; j < rows; j += lanes)
      kernels.channel_lanes.pack({.w = weights + g * r.w_group + (first + j) * r.w_m + c0 * r.w_c,
                                  .end = weights + r.groups * r.w_group,
                                  .row_step = r.w_m,
                                  .rows = std::min(lanes, rows - j),
                                  .channel_step = r.w_c,
                                  .channels = n,
                                  .slots = slots.data(),
                                  .taps = static_cast<index_t>(slots.size()),
                                  .dst = gathered + j,
                                  .slot_step = tap,
                                  .ld = ld,
                                  .keep = lanes,
                                  .few = few_taps(r.taps(), slots)});
    T* to = packed + first * r.c + c0 * ld;
    const index_t vectors = n * nv;
    for (const AxisPart& a : grid.h.parts())
      for (const AxisPart& b : grid.w.parts()) {
        const index_t alpha = b.kind().alpha;
        const auto distance = [&](const AxisPart& part, index_t row) {
          return part.taps.size() > 1 ? (part.taps[1] - part.taps[0]) * row : 0;
        };
        for (std::size_t i = 0; i < a.taps.size(); ++i)
          kernels.winograd.weights[b.scheme](
              {.src = gathered + (a.taps[i] * r.w.n_taps() + b.taps[0]) * tap,
               .src_term = distance(b, tap),
               .src_line = 0,
               .dst = half + static_cast<index_t>(i) * alpha * tap,
               .dst_term = tap,
               .dst_line = 0,
               .lines = 1,
               .vectors = vectors});
        for (index_t j = 0; j < alpha; ++j)
          kernels.winograd.weights[a.scheme]({.src = half + j * tap,
                                              .src_term = alpha * tap,
                                              .src_line = 0,
                                              .dst = to + j * panels.plane(),
                                              .dst_term = alpha * panels.plane(),
                                              .dst_line = 0,
                                              .lines = 1,
                                              .vectors = vectors});
        to += SplitGrid::places(a, b) * panels.plane();
      }
  }
}

}  // namespace fastconv::winograd
