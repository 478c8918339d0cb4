// SPDX-License-Identifier: MIT
// How a strip is laid out, and how it is gathered.
#include "algorithms/correlation/strip.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace fastconv {

// The next channel is fetched while one is gathered if the strip reads at most kMostAhead elements
// of it. All channels are gathered together if it reads at most kMostTogether elements of them.
constexpr index_t kMostAhead = 2048, kMostTogether = 4096;
constexpr index_t kNearBytes = 16 << 10;

StripLayout::StripLayout(const Correlation& r, index_t rows, index_t columns, bool packed)
    : packed_(packed), rows_(rows), columns_(columns) {
  std::vector<index_t> row_at, column_at;
  row_runs_ = runs_of(r.h, rows, true, row_at);
  column_runs_ = runs_of(r.w, columns, !packed, column_at);
  const index_t slots = row_runs_.back().at + row_runs_.back().length;
  const index_t width = column_runs_.back().at + column_runs_.back().length;
  channel_ = slots * width;
  pitch_ = packed ? columns : width;
  if (packed) {  // the runs along w are copies of all rows, one after another
    for (Run& run : column_runs_) run.at *= slots;
    for (index_t& at : column_at) at *= slots;
  }
  taps_.reserve(static_cast<std::size_t>(r.taps()));
  for (const index_t row : row_at)
    for (const index_t at : column_at) taps_.push_back(row * pitch_ + at);
}

// Taps whose offsets are equal modulo the stride read the same elements, shifted: they share a run,
// unless the gap between what they read is longer than a second run would be.
auto StripLayout::runs_of(const TapAxis& axis, index_t count, bool share, std::vector<index_t>& at)
    -> std::vector<Run> {
  const auto& taps = axis.taps;
  const index_t step = axis.in_step;
  const auto residue = [&](std::size_t tap) { return (taps[tap].offset % step + step) % step; };
  std::vector<std::size_t> order(taps.size()), run_of(taps.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) {
    return std::pair(residue(a), taps[a].offset) < std::pair(residue(b), taps[b].offset);
  });
  std::vector<Run> runs;
  for (const std::size_t tap : order) {
    const index_t offset = taps[tap].offset;
    const bool joins = share && !runs.empty() && (offset - runs.back().offset) % step == 0 &&
                       (offset - runs.back().offset) / step <= runs.back().length;
    if (!joins) runs.push_back({offset, count, 0});
    Run& run = runs.back();
    run.length = std::max(run.length, (offset - run.offset) / step + count);
    run_of[tap] = runs.size() - 1;
  }
  index_t end = 0;
  for (Run& run : runs) run.at = end, end += run.length;
  at.resize(taps.size());
  for (std::size_t tap = 0; tap < taps.size(); ++tap) {
    const Run& run = runs[run_of[tap]];
    at[tap] = run.at + (taps[tap].offset - run.offset) / step;
  }
  return runs;
}

template <class T>
void StripLayout::gather(const Correlation& r, const T* image, index_t channels, index_t oh,
                         index_t rows, index_t ow, index_t columns, const Exec& exec,
                         T* strip) const noexcept {
  const index_t step = r.h.in_step, start = ow * r.w.in_step;
  // The channels of small images are gathered all at once. Otherwise the next channel lies in
  // another page, which the hardware does not fetch ahead.
  const index_t top = std::clamp(oh * step + row_runs_.front().offset, index_t{0}, r.h.in);
  const index_t span = std::min((rows + 1) * step, r.h.in - top) * r.w.in;
  const index_t together = channels * span <= kMostTogether ? channels : 1;
  for (index_t c = 0; c < channels; c += together) {
    if (c + together < channels && span <= kMostAhead) {
      const T* ahead = image + r.in_plane() + top * r.w.in;
      for (index_t i = 0; i < span; i += 64 / sizeof(T)) __builtin_prefetch(ahead + i);
    }
    for (const Run& run : row_runs_) {
      const index_t n = run.length - (rows_ - rows), first = oh * step + run.offset;
      if (r.mode == PadMode::zeros) {  // all rows inside the image are gathered together
        const index_t begin = first < 0 ? std::min(n, ceil_div(-first, step)) : 0;
        const index_t end =
            std::clamp(r.h.in > first ? ceil_div(r.h.in - first, step) : 0, begin, n);
        gather_rows(r, image + (first + begin * step) * r.w.in, {begin, end - begin, n - end},
                    together, run.at, start, columns, exec, strip);
        continue;
      }
      for (index_t i = 0; i < n; ++i)
        gather_rows(r, image + padded_source(r.mode, first + i * step, r.h.in) * r.w.in, {0, 1, 0},
                    together, run.at + i, start, columns, exec, strip);
    }
    image += together * r.in_plane(), strip += together * channel_;
  }
}

template <class T>
void StripLayout::gather_rows(const Correlation& r, const T* row, const Lines& lines,
                              index_t channels, index_t slot, index_t start, index_t columns,
                              const Exec& exec, T* strip) const noexcept {
  // Each run reads the rows again: as many rows at a time as the L1 cache still holds then.
  const index_t row_step = r.h.in_step * r.w.in;
  const bool again = column_runs_.size() > 1 && channels == 1;
  const index_t some = again ? std::max(kNearBytes / (r.w.in * index_t{sizeof(T)}), index_t{1})
                             : std::max(lines.inside, index_t{1});
  for (index_t i = 0; i == 0 || i < lines.inside; i += some) {
    const bool last = i + some >= lines.inside;
    const Lines part{i == 0 ? lines.above : 0, std::min(some, lines.inside - i),
                     last ? lines.below : 0};
    for (const Run& run : column_runs_)
      exec.kernels<T>().conv.gather_rows(
          {.row = row + i * row_step,
           .width = r.w.in,
           .start = start + run.offset,
           .step = r.w.in_step,
           .n = run.length - (columns_ - columns),
           .mode = r.mode,
           .dst = strip + run.at + (slot + (i == 0 ? 0 : lines.above + i)) * pitch_,
           .rows = part.inside,
           .row_step = row_step,
           .dst_step = pitch_,
           .above = part.above,
           .below = part.below,
           .channels = channels,
           .channel_step = r.in_plane(),
           .dst_channel = channel_});
  }
}

template void StripLayout::gather(const Correlation&, const float*, index_t, index_t, index_t,
                                  index_t, index_t, const Exec&, float*) const noexcept;
template void StripLayout::gather(const Correlation&, const double*, index_t, index_t, index_t,
                                  index_t, index_t, const Exec&, double*) const noexcept;

}  // namespace fastconv
