// SPDX-License-Identifier: MIT
#include "algorithms/correlation/image_parts.h"

#include <algorithm>

namespace fastconv {
namespace {

// Whether the tap reads the image for output q of the axis.
bool reads(const TapAxis& axis, const Tap& tap, index_t q) {
  const index_t at = q * axis.in_step + tap.offset;
  return at >= 0 && at < axis.in;
}

// Whether outputs q - 1 and q have the same taps.
bool same_taps(const TapAxis& axis, index_t q) {
  return std::ranges::all_of(
      axis.taps, [&](const Tap& tap) { return reads(axis, tap, q - 1) == reads(axis, tap, q); });
}

// Neighbouring outputs of an axis that have the same taps.
struct Stretch {
  index_t begin, end;
  std::vector<Tap> taps;
};

std::vector<Stretch> stretches_of(const TapAxis& axis) {
  std::vector<Stretch> stretches;
  for (index_t q = 0; q < axis.count; ++q) {
    if (q > 0 && same_taps(axis, q)) {
      stretches.back().end = q + 1;
      continue;
    }
    Stretch next{q, q + 1, {}};
    for (const Tap& tap : axis.taps)
      if (reads(axis, tap, q)) next.taps.push_back(tap);
    stretches.push_back(std::move(next));
  }
  std::erase_if(stretches, [](const Stretch& s) { return s.taps.empty(); });
  return stretches;
}

ImagePart part_of(const Correlation& r, const Stretch& rows, const Stretch& columns) {
  ImagePart part{r, {}, {}};
  part.r.h.taps = rows.taps, part.r.w.taps = columns.taps;
  const index_t first_h = rows.taps.front().offset, first_w = columns.taps.front().offset;
  for (const Tap& h : rows.taps)
    for (const Tap& w : columns.taps)
      part.shifts.push_back((h.offset - first_h) * r.w.in + w.offset - first_w);
  for (index_t i = rows.begin; i < rows.end; ++i)
    for (index_t j = columns.begin; j < columns.end; ++j)
      part.outputs.push_back(
          {(r.h.out_start + i * r.h.out_step) * r.w.out + r.w.out_start + j * r.w.out_step,
           (i * r.h.in_step + first_h) * r.w.in + j * r.w.in_step + first_w});
  return part;
}

}  // namespace

std::vector<ImagePart> image_parts(const std::vector<Correlation>& phases) {
  std::vector<ImagePart> parts;
  for (const Correlation& r : phases) {
    const std::vector<Stretch> columns = stretches_of(r.w);
    for (const Stretch& row : stretches_of(r.h))
      for (const Stretch& column : columns) parts.push_back(part_of(r, row, column));
  }
  return parts;
}

PartSizes part_sizes(const Correlation& r) {
  // The taps of an axis read in order, forwards or backwards: those that read the image for an
  // output are neighbours, from `low` to `high`, which only go down from output to output.
  const auto along = [](const TapAxis& axis) {
    PartSizes sizes{};
    const index_t n = axis.n_taps();
    const bool down = n > 1 && axis.taps.front().offset > axis.taps.back().offset;
    const auto reads_from = [&](index_t i, index_t place, index_t q) {
      const Tap& tap = axis.taps[static_cast<std::size_t>(down ? n - 1 - i : i)];
      return q * axis.in_step + tap.offset >= place;
    };
    index_t low = n, high = n;
    for (index_t q = 0; q < axis.count; ++q) {
      const index_t before = high - low, was = low;
      while (low > 0 && reads_from(low - 1, 0, q)) --low;
      while (high > 0 && reads_from(high - 1, axis.in, q)) --high;
      const index_t taps = high - low;
      sizes.outputs += taps > 0 ? 1 : 0, sizes.reads += double(taps);
      const bool same = taps == before && (taps == 0 || low == was);
      if (q == 0 || !same) sizes.taps += double(taps), sizes.parts += taps > 0 ? 1 : 0;
    }
    return sizes;
  };
  const PartSizes h = along(r.h), w = along(r.w);
  return {h.parts * w.parts, h.outputs * w.outputs, h.reads * w.reads, h.taps * w.taps};
}

}  // namespace fastconv
