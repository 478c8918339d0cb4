// SPDX-License-Identifier: MIT
// How the patches of channel_lanes follow from the taps of all phases.
#include <algorithm>
#include <utility>

#include "algorithms/dense/channel_lanes_layout.h"

namespace fastconv::dense {
namespace {

using Line = ChannelLanesLayout::Line;

// What a tap reads along one axis: a line of outputs for which it reads before the image, one for
// which it reads the image, and one for which it reads beyond. A line that has no outputs, or that
// would read zeros, is left out.
std::vector<Line> lines_of(const TapAxis& axis, PadMode mode, index_t offset) {
  // The first output for which the tap reads at `position` or beyond.
  const auto first_from = [&](index_t position) {
    return std::clamp(ceil_div(std::max<index_t>(0, position - offset), axis.in_step), index_t{0},
                      axis.count);
  };
  const index_t ends[] = {0, first_from(0), first_from(axis.in), axis.count};
  std::vector<Line> lines;
  for (int i = 0; i < 3; ++i) {
    const index_t q = ends[i], count = ends[i + 1] - q, position = q * axis.in_step + offset;
    if (count <= 0) continue;
    const index_t in = padded_source(mode, position, axis.in);
    const index_t next = count == 1 ? in : padded_source(mode, position + axis.in_step, axis.in);
    if (in >= 0)
      lines.push_back({axis.out_start + q * axis.out_step, axis.out_step, in, next - in, count});
  }
  return lines;
}

}  // namespace

std::vector<Correlation> upright(const std::vector<Correlation>& phases) {
  std::vector<Correlation> turned = phases;
  for (Correlation& r : turned) {
    const auto one_row = [](const TapAxis& axis) { return axis.is_identity() && axis.out == 1; };
    if (!one_row(r.h) || r.h.taps[0].kernel != 0) return phases;
    std::swap(r.h, r.w);
    r.w_row = 1;
  }
  return turned;
}

ChannelLanesLayout::ChannelLanesLayout(const std::vector<Correlation>& phases) {
  if (phases.empty()) return;
  const Correlation& first = phases.front();
  slots_.assign(static_cast<std::size_t>(std::min(first.w_m, first.w_c)), -1);
  for (const Correlation& r : phases)
    for (const Tap& th : r.h.taps)
      for (const Tap& tw : r.w.taps) {
        const auto rows = lines_of(r.h, r.mode, th.offset);
        const auto columns = lines_of(r.w, r.mode, tw.offset);
        if (rows.empty() || columns.empty()) continue;
        slots_[static_cast<std::size_t>(th.kernel * r.w_row + tw.kernel)] = live_;
        for (const Line& h : rows)
          for (const Line& w : columns) patches_.push_back({live_, h, w});
        ++live_;
      }
}

double ChannelLanesLayout::fmas(const Correlation& r) const {
  double pixels = 0;
  for (const Patch& patch : patches_) pixels += double(patch.pixels());
  return double(r.batch) * double(r.groups) * double(r.m) * double(r.c) * pixels;
}

}  // namespace fastconv::dense
