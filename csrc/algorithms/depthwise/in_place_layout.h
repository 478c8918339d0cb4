// SPDX-License-Identifier: MIT
// How depthwise_in_place and groups_in_place lay out a problem.
#pragma once

#include <cmath>
#include <numeric>

#include "algorithms/correlation/padded_pixels.h"
#include "algorithms/correlation/tap_spans.h"
#include "core/cache.h"

namespace fastconv::depthwise {

// Where all channels of neighbouring pixels are neighbours, at stride 1, a row of outputs is one
// run of elements. Cut into vectors it leaves no lane empty but at its end: its weights repeat
// after `period` elements, the least common multiple of lanes and channels.
struct InPlaceLayout {
  std::vector<TapSpan> h, w;
  bool framed;
  PaddedPixels frame;                // of the rows of a task
  index_t channels, lanes;           // all output channels; of a vector
  index_t period;                    // in elements
  index_t terms;                     // the input channels of a group
  std::vector<std::int32_t> places;  // of which lanes an output's terms are (DepthwiseLineArgs)
  bool repeats;                      // whether rows are such runs
  bool bands;    // whether a term's rows are added before the next term of a row
  bool pairs;    // whether two rows of outputs are taken together
  bool fetches;  // whether rows of the image are fetched ahead
  index_t row_blocks, column_blocks, channel_tasks;
  index_t h_step, w_step;  // how far apart neighbouring taps read
  index_t taps_w;
  index_t tasks(const Correlation& r) const {
    return r.batch * row_blocks * column_blocks * channel_tasks;
  }
  index_t blocks() const { return ceil_div(channels, lanes); }
  index_t packed(const Correlation& r) const { return r.taps() * terms * period; }
};

// Whether rows of outputs are taken as runs of elements: where vectors of one pixel's channels
// would leave lanes empty, rows have no gaps, and the weights of a run are few.
inline bool rows_are_runs(const Correlation& r, index_t channels, index_t lanes) {
  constexpr index_t kMost = 1024;  // weights of 9 taps then take 36 KiB
  const index_t joined = std::lcm(channels, lanes);
  return r.c == 1 && r.w.in_step == 1 && r.w.out_step == 1 && channels % lanes != 0 &&
         joined <= kMost && joined / channels <= r.w.count;
}

// Which of kBandRows an axis has as many taps as, where they read neighbouring rows, as
// neighbouring outputs do; else -1.
inline int band_kernel(const TapAxis& h, index_t taps) {
  if (h.in_step == 1 && h.out_step == 1 && std::abs(h.even_step()) == 1)
    for (int i = 0; i < kBandKernels; ++i)
      if (kBandRows[i] == taps) return i;
  return -1;
}

template <class T>
InPlaceLayout in_place_layout(const Correlation& r, const Exec& exec) {
  InPlaceLayout l{};
  l.channels = r.groups * r.m, l.lanes = exec.kernels<T>().conv.gemm.lanes;
  l.repeats = rows_are_runs(r, l.channels, l.lanes);
  l.period = l.repeats ? std::lcm(l.channels, l.lanes) : l.blocks() * l.lanes;
  l.bands = l.repeats && band_kernel(r.h, r.h.n_taps()) >= 0;
  l.framed = (r.c == 1 && r.m > 1) || r.mode != PadMode::zeros;
  l.terms = r.c;
  for (index_t term = 0; r.c > 1 && term < r.c; ++term)
    for (index_t lane = 0; lane < l.lanes; ++lane)
      l.places.push_back(static_cast<std::int32_t>(lane / r.c * r.c + term));
  l.h_step = r.h.even_step(), l.w_step = r.w.even_step(), l.taps_w = r.w.n_taps();
  l.pairs =
      !l.repeats && r.h.in_step == 1 && std::abs(l.h_step) == 1 && r.h.n_taps() > 1 && r.c == 1;
  // Images that L2 holds gain nothing: 512@14 would take 1.07 times as long. 144@56 3x3, N = 16, on
  // one thread of a Zen 4: 7.1 ms, 4.4 with its rows fetched, 4.1 also with pairs of rows.
  const double bytes = double(r.batch * l.channels) * double(r.in_plane()) * sizeof(T);
  l.fetches = !l.repeats && !l.framed && bytes > double(cache_sizes().l2);
  // Each task begins with rows that another one has read too, so that tasks are not many; in a
  // frame their rows take an eighth of L2.
  l.row_blocks = 1, l.column_blocks = 1, l.channel_tasks = 1;
  if (l.framed) {
    const double row = double(r.w.in) * double(l.channels * index_t{sizeof(T)});
    const double most = double(cache_sizes().l2) / 8 / row / double(r.h.in_step);
    l.row_blocks =
        std::clamp(index_t(double(r.h.count) / std::max(most, 1.0)), index_t{1}, r.h.count);
  }
  const index_t threads = exec.threads;
  const auto uneven = [&] { return l.tasks(r) < 4 * threads && l.tasks(r) % threads != 0; };
  if (uneven() && r.h.count >= 16 * threads) l.row_blocks = std::min(r.h.count, 4 * threads);
  if (uneven() && l.channels % l.lanes == 0 && l.blocks() >= 4 * threads) l.channel_tasks = threads;
  if (uneven()) l.row_blocks = std::min(r.h.count, l.row_blocks * threads);
  if (uneven() && !l.framed) l.column_blocks = std::min(r.w.count, threads);
  if (l.framed) {
    l.h = {whole_span(r.h)}, l.w = {whole_span(r.w)};
    l.frame = PaddedPixels(r, r.groups, r.m, ceil_div(r.h.count, l.row_blocks));
  } else {
    for_each_span(r.h, [&](const TapSpan& span) { l.h.push_back(span); });
    for_each_span(r.w, [&](const TapSpan& span) { l.w.push_back(span); });
  }
  return l;
}

}  // namespace fastconv::depthwise
