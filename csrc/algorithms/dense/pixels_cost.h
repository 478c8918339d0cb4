// SPDX-License-Identifier: MIT
// What dense_pixels costs for one phase, in cycles of one core, in place and with a copy of the
// padded rows.
#pragma once

#include <algorithm>
#include <cmath>

#include "algorithms/correlation/tap_spans.h"
#include "algorithms/dense/pixels_weights.h"
#include "core/cache.h"
#include "core/conv_kernels.h"
#include "core/platform.h"

namespace fastconv::dense {

class PixelsCost {
 public:
  template <class T>
  static PixelsCost of(const Correlation& r, const Exec& exec) {
    const auto& kernels = exec.kernels<T>().conv;
    return {r, PixelsWeights::of<T>(r, exec), kernels.pixel_tile.max_pixels, sizeof(T)};
  }
  PixelsCost(const Correlation& r, const PixelsWeights& weights, const int* max_pixels,
             index_t item)
      : r_(r),
        w_(weights),
        max_pixels_(max_pixels),
        item_(item),
        rate_(fmas_per_cycle(weights.lanes() * item)) {}

  // Whether rows are copied together with their padding: where that is cheaper than tiles for each
  // part of the border, or where the padding is no zeros.
  bool framed() const { return !takes_spans() || cycles_framed() < cycles_in_place(); }
  // Whether one row of outputs has so small a copy that it stays in L2.
  bool frame_fits() const {
    const double rows = reach(r_.h),
                 columns = reach(r_.w) + double(r_.w.count) * double(r_.w.in_step);
    return rows * columns * double(r_.c * item_) <= double(cache_sizes().l2) / 2;
  }
  bool takes_spans() const {
    constexpr index_t kMostTaps = 16;  // more have too many spans
    return r_.mode == PadMode::zeros && r_.h.n_taps() <= kMostTaps && r_.w.n_taps() <= kMostTaps;
  }
  double cycles() const { return framed() ? cycles_framed() : cycles_in_place(); }
  double weight_bytes() const { return double(w_.size()) * double(item_); }
  // Packing the weights of all groups, which a call pays unless they are prepacked.
  double packed() const {
    constexpr double kPacked = 0.6;  // cycles for each weight
    return double(w_.size()) * kPacked;
  }

 private:
  double images() const { return double(r_.batch) * double(r_.groups); }
  static double reach(const TapAxis& axis) {
    return std::abs(double(axis.taps.back().offset) - double(axis.taps.front().offset)) + 1;
  }
  double cycles_in_place() const {
    double sum = 0;
    for_each_span(r_.h, [&](const TapSpan& h) {
      for_each_span(r_.w, [&](const TapSpan& w) { sum += span_cycles(h, w); });
    });
    return images() * sum;
  }
  double cycles_framed() const {
    constexpr double kElement = 0.3, kRow = 60;  // cycles to copy an element; to begin a row
    if (!frame_fits()) return HUGE_VAL;
    const double rows = double(r_.h.count) * double(r_.h.in_step) + reach(r_.h);
    const double columns = double(r_.w.count) * double(r_.w.in_step) + reach(r_.w);
    return images() * (span_cycles(whole_span(r_.h), whole_span(r_.w)) +
                       rows * (kRow + columns * double(r_.c) * kElement));
  }
  // The outputs of two spans, of one image and group.
  double span_cycles(const TapSpan& h, const TapSpan& w) const {
    double sum = 0;
    // All blocks but the last have two vectors.
    const index_t last = w_.blocks() - 1;
    if (last > 0) sum += double(last) * block_cycles(h, w, 2);
    return sum + block_cycles(h, w, w_.nv(last));
  }
  // The same for a block of nv vectors of output channels.
  double block_cycles(const TapSpan& h, const TapSpan& w, index_t nv) const {
    // Calling a tile, starting its sums and storing them; a line of terms; an FMA's latency.
    constexpr double kTile = 50, kStored = 2.5, kLine = 6, kLatency = 4;
    const index_t most = max_pixels_[nv - 1];
    const bool flat = h.count > 1 && r_.taps() == 1 && r_.w.in_step == 1 && r_.h.in_step == 1;
    const bool down = w.count < h.count && 2 * w.count <= most;
    const index_t length = flat ? h.count * w.count : down ? h.count : w.count;
    const double runs = double(h.count) * double(w.count) / double(length);
    const double tiles = double(ceil_div(length, most));
    const double vectors = double(length) / tiles * double(nv);  // of a tile, in the mean
    const double terms = double(r_.c) * double(h.taps) * double(w.taps);
    const double each = std::max(vectors / rate_, kLatency);
    const double lines = double(h.taps) * double(r_.c >= 32 ? w.taps : 1);
    return runs * tiles *
           (terms * each + double(w_.slices()) * (kTile + kStored * vectors + kLine * lines));
  }

  const Correlation& r_;
  PixelsWeights w_;
  const int* max_pixels_;
  index_t item_;
  double rate_;  // of FMAs in a cycle
};

}  // namespace fastconv::dense
