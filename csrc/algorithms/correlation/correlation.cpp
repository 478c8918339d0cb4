// SPDX-License-Identifier: MIT
// How the taps of a convolution and of its adjoint follow from a descriptor.
#include "algorithms/correlation/correlation.h"

#include <algorithm>

namespace fastconv {
namespace {

// Whether a tap reads the image for any output, and not only the padding before and behind it.
bool reaches(const TapAxis& axis, index_t offset) {
  const index_t first = ceil_div(std::max<index_t>(-offset, 0), axis.in_step);
  return first < axis.count && first * axis.in_step + offset < axis.in;
}

// Padding that is not zeros is made of the image, so that all taps read the image then.
TapAxis forward_axis(const Axis& a, PadMode mode, Taps taps) {
  TapAxis axis{.in = a.in, .in_step = a.stride, .out = a.out, .count = a.out, .taps = {}};
  axis.taps.reserve(static_cast<std::size_t>(a.kernel));
  for (index_t k = 0; k < a.kernel; ++k)
    if (const index_t offset = k * a.dilation - a.lo;
        taps == Taps::all || mode != PadMode::zeros || reaches(axis, offset))
      axis.taps.push_back({k, offset});
  return axis;
}

// In the adjoint output o takes input i through tap k where o = i * stride + k * dilation - lo. So
// the residue of o modulo the stride decides which taps it takes: the outputs of one residue are a
// phase, and its output q reads input q + offset.
std::vector<TapAxis> adjoint_axis(const Axis& a, Taps taps) {
  struct Entry {
    index_t residue, kernel, shift;
  };
  std::vector<Entry> entries;
  entries.reserve(static_cast<std::size_t>(a.kernel));
  for (index_t k = 0; k < a.kernel; ++k) {
    const index_t shift = k * a.dilation - a.lo;
    const index_t residue = (shift % a.stride + a.stride) % a.stride;
    if (residue < a.in) entries.push_back({residue, k, shift});
  }
  if (a.stride > 1)
    std::stable_sort(entries.begin(), entries.end(),
                     [](const Entry& x, const Entry& y) { return x.residue < y.residue; });
  std::vector<TapAxis> phases;
  for (const auto& [residue, kernel, shift] : entries) {
    const TapAxis phase{.in = a.out,
                        .out = a.in,
                        .out_start = residue,
                        .out_step = a.stride,
                        .count = (a.in - residue - 1) / a.stride + 1,
                        .taps = {}};
    const index_t offset = (residue - shift) / a.stride;
    if (taps == Taps::reaching && !reaches(phase, offset)) continue;
    if (phases.empty() || phases.back().out_start != residue) phases.push_back(phase);
    phases.back().taps.push_back({kernel, offset});
  }
  return phases;
}

// How many outputs of the axis the phases write.
index_t covered(const std::vector<TapAxis>& phases) {
  index_t n = 0;
  for (const TapAxis& phase : phases) n += phase.count;
  return n;
}

}  // namespace

index_t TapAxis::even_step() const {
  if (taps.size() < 2) return 1;
  const index_t step = taps[1].offset - taps[0].offset;
  for (std::size_t i = 2; i < taps.size(); ++i)
    if (taps[i].offset - taps[i - 1].offset != step) return 0;
  return step;
}

Correlation flattened(const Correlation& r) {
  Correlation flat = r;
  const index_t n = r.pixels();
  flat.h = {.taps = r.h.taps};
  flat.w = {.in = n, .out = n, .count = n, .taps = r.w.taps};
  return flat;
}

index_t split_rows(const Correlation& r, index_t first, index_t n, RowSegment* segments) noexcept {
  index_t count = 0;
  for (index_t done = 0; done < n; ++count) {
    const index_t row = (first + done) / r.w.count, ow = (first + done) % r.w.count;
    const index_t length = std::min(n - done, r.w.count - ow);
    segments[count] = {done, row / r.h.count, row % r.h.count, ow, length};
    done += length;
  }
  return count;
}

Correlation forward_of(const ConvDesc& d, Taps taps) {
  return {.batch = d.batch,
          .groups = d.groups,
          .m = d.c_out_group(),
          .c = d.c_in_group(),
          .h = forward_axis(d.h, d.mode, taps),
          .w = forward_axis(d.w, d.mode, taps),
          .mode = d.mode,
          .w_group = d.c_out_group() * d.depth(),
          .w_m = d.depth(),
          .w_c = d.taps(),
          .w_row = d.w.kernel};
}

std::vector<Correlation> adjoint_of(const ConvDesc& d, bool* complete, Taps taps) {
  const auto rows = adjoint_axis(d.h, taps), columns = adjoint_axis(d.w, taps);
  *complete = covered(rows) == d.h.in && covered(columns) == d.w.in;
  std::vector<Correlation> phases;
  for (const TapAxis& h : rows)
    for (const TapAxis& w : columns)
      phases.push_back({.batch = d.batch,
                        .groups = d.groups,
                        .m = d.c_in_group(),
                        .c = d.c_out_group(),
                        .h = h,
                        .w = w,
                        .w_group = d.c_out_group() * d.depth(),
                        .w_m = d.taps(),
                        .w_c = d.depth(),
                        .w_row = d.w.kernel});
  return phases;
}

}  // namespace fastconv
