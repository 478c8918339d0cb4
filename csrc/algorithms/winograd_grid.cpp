// SPDX-License-Identifier: MIT
#include "algorithms/winograd_grid.h"

#include <algorithm>
#include <numeric>

namespace fastconv {
namespace {

std::vector<index_t> by_offset(const TapAxis& axis) {
  std::vector<index_t> order(axis.taps.size());
  std::iota(order.begin(), order.end(), index_t{0});
  std::sort(order.begin(), order.end(), [&](index_t a, index_t b) {
    return axis.taps[static_cast<std::size_t>(a)].offset <
           axis.taps[static_cast<std::size_t>(b)].offset;
  });
  return order;
}

index_t offset_of(const TapAxis& axis, index_t tap) {
  return axis.taps[static_cast<std::size_t>(tap)].offset;
}

// The distance of neighbouring taps, where all are equally far apart; else 0.
index_t even_step(const TapAxis& axis, const std::vector<index_t>& order) {
  if (order.size() < 2) return 1;
  const index_t step = offset_of(axis, order[1]) - offset_of(axis, order[0]);
  for (std::size_t i = 1; i < order.size(); ++i)
    if (offset_of(axis, order[i]) - offset_of(axis, order[i - 1]) != step) return 0;
  return step;
}

std::vector<int> schemes(const TapAxis& axis) {
  std::vector<int> fitting;
  if (axis.in_step != 1 || even_step(axis, by_offset(axis)) == 0) return fitting;
  for (int i = 0; i < kNumSchemes; ++i)
    if (kSchemes[i].r == axis.n_taps()) fitting.push_back(i);
  return fitting;
}

}  // namespace

std::vector<WinogradForm> winograd_forms(const Correlation& r) {
  std::vector<WinogradForm> forms;
  if (r.taps() == 1) return forms;
  for (const int h : schemes(r.h))
    for (const int w : schemes(r.w)) forms.push_back({h, w});
  return forms;
}

TileAxis::TileAxis(const TapAxis& axis, int scheme)
    : scheme_(scheme), count_(axis.count), order_(by_offset(axis)) {
  offset_ = offset_of(axis, order_[0]);
  step_ = even_step(axis, order_);
  const index_t m = kSchemes[scheme_].m, phases = std::min(step_, count_), whole = count_ / phases;
  long_phases_ = count_ % phases;
  long_tiles_ = ceil_div(whole + 1, m);
  short_tiles_ = ceil_div(whole, m);
  tiles_ = long_phases_ * long_tiles_ + (phases - long_phases_) * short_tiles_;
}

TileAxis::Place TileAxis::at(index_t tile) const noexcept {
  const index_t in_long = long_phases_ * long_tiles_;
  const bool is_long = tile < in_long;
  const index_t tiles = is_long ? long_tiles_ : short_tiles_,
                rest = is_long ? tile : tile - in_long;
  const index_t phase = rest / tiles + (is_long ? 0 : long_phases_), i = rest % tiles;
  const index_t first = phase + i * kSchemes[scheme_].m * step_;
  return {first, first + offset_, ceil_div(count_ - first, step_), tiles - i};
}

index_t TileGrid::split(index_t first, index_t n, TileRun* runs) const noexcept {
  index_t count = 0;
  for (index_t lane = 0; lane < n; ++count) {
    const index_t tile = (first + lane) % per_image(), tw = tile % w.tiles();
    const index_t th = tile / w.tiles();
    const TileAxis::Place row = h.at(th), column = w.at(tw);
    const index_t length = std::min(n - lane, column.left);
    runs[count] = {lane, (first + lane) / per_image(), th, tw, length, row, column};
    lane += length;
  }
  return count;
}

}  // namespace fastconv
