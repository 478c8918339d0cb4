// SPDX-License-Identifier: MIT
#include "algorithms/strip.h"

#include <algorithm>
#include <numeric>
#include <utility>

namespace fastconv {

StripLayout::StripLayout(const Correlation& r, index_t rows, index_t columns)
    : rows_(rows), columns_(columns) {
  std::vector<index_t> column_at(r.w.taps.size());
  lay_columns(r, column_at);
  lay_rows(r);
  taps_.reserve(static_cast<std::size_t>(r.taps()));
  for (index_t th = 0; th < r.h.n_taps(); ++th) {
    const index_t slot =
        consecutive_ ? r.h.taps[static_cast<std::size_t>(th)].offset - first_offset_ : th;
    for (const index_t at : column_at) taps_.push_back(slot * pitch_ + at);
  }
}

// Taps whose offsets are equal modulo the step read shifted copies of the same elements: they share
// a run, unless the gap between them is longer than a run of their own.
void StripLayout::lay_columns(const Correlation& r, std::vector<index_t>& at) {
  const auto& taps = r.w.taps;
  const index_t step = r.w.in_step;
  const auto residue = [&](std::size_t tap) { return (taps[tap].offset % step + step) % step; };
  std::vector<std::size_t> order(taps.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::sort(order.begin(), order.end(), [&](auto a, auto b) {
    return std::pair(residue(a), taps[a].offset) < std::pair(residue(b), taps[b].offset);
  });
  std::vector<std::size_t> run_of(taps.size());
  for (const std::size_t tap : order) {
    const index_t offset = taps[tap].offset;
    const bool joins = !runs_.empty() && (offset - runs_.back().offset) % step == 0 &&
                       (offset - runs_.back().offset) / step <= runs_.back().length;
    if (!joins) runs_.push_back({offset, columns_, 0});
    Run& run = runs_.back();
    run.length = std::max(run.length, (offset - run.offset) / step + columns_);
    run_of[tap] = runs_.size() - 1;
  }
  for (Run& run : runs_) run.at = pitch_, pitch_ += run.length;
  for (std::size_t tap = 0; tap < taps.size(); ++tap) {
    const Run& run = runs_[run_of[tap]];
    at[tap] = run.at + (taps[tap].offset - run.offset) / step;
  }
}

// Either every image row between the first and the last that is needed, or one slot for each tap of
// each output row, whichever is less.
void StripLayout::lay_rows(const Correlation& r) {
  const auto less = [](const Tap& a, const Tap& b) { return a.offset < b.offset; };
  const auto [first, last] = std::minmax_element(r.h.taps.begin(), r.h.taps.end(), less);
  first_offset_ = first->offset;
  const index_t span = last->offset - first->offset + 1 + (rows_ - 1) * r.h.in_step;
  consecutive_ = span <= rows_ * r.h.n_taps();
  slots_ = consecutive_ ? span : rows_ * r.h.n_taps();
  row_slots_ = consecutive_ ? r.h.in_step : r.h.n_taps();
}

template <class T>
void StripLayout::gather(const Correlation& r, const T* image, index_t channels, index_t oh,
                         index_t rows, index_t ow, index_t columns, const Exec& exec,
                         T* strip) const noexcept {
  const index_t n_taps = r.h.n_taps(), plane = r.in_plane();
  const index_t slots = slots_ - row_slots_ * (rows_ - rows), start = ow * r.w.in_step;
  const index_t first = oh * r.h.in_step + first_offset_;  // of consecutive slots
  // With zeros around it, the part of the image that consecutive slots see is copied in one go.
  const bool together = consecutive_ && r.mode == PadMode::zeros;
  const index_t inside = std::clamp<index_t>(-first, 0, slots);
  const index_t beyond = std::clamp<index_t>(r.h.in - first, inside, slots);
  for (index_t c = 0; c < channels; ++c, image += plane, strip += channel()) {
    if (together) {
      std::fill_n(strip, inside * pitch_, T{0});
      std::fill(strip + beyond * pitch_, strip + slots * pitch_, T{0});
      if (beyond > inside)
        gather_runs(r, image + (first + inside) * r.w.in, beyond - inside, start, columns, exec,
                    strip + inside * pitch_);
      continue;
    }
    for (index_t slot = 0; slot < slots; ++slot) {
      const index_t position = consecutive_
                                   ? first + slot
                                   : (oh + slot / n_taps) * r.h.in_step +
                                         r.h.taps[static_cast<std::size_t>(slot % n_taps)].offset;
      const index_t ih = padded_source(r.mode, position, r.h.in);
      if (ih < 0)
        std::fill_n(strip + slot * pitch_, pitch_, T{0});
      else
        gather_runs(r, image + ih * r.w.in, 1, start, columns, exec, strip + slot * pitch_);
    }
  }
}

template <class T>
void StripLayout::gather_runs(const Correlation& r, const T* row, index_t rows, index_t start,
                              index_t columns, const Exec& exec, T* to) const noexcept {
  for (const Run& run : runs_)
    exec.kernels<T>().conv.gather_rows({.row = row,
                                        .width = r.w.in,
                                        .start = start + run.offset,
                                        .step = r.w.in_step,
                                        .n = run.length - (columns_ - columns),
                                        .mode = r.mode,
                                        .dst = to + run.at,
                                        .rows = rows,
                                        .dst_step = pitch_});
}

template void StripLayout::gather(const Correlation&, const float*, index_t, index_t, index_t,
                                  index_t, index_t, const Exec&, float*) const noexcept;
template void StripLayout::gather(const Correlation&, const double*, index_t, index_t, index_t,
                                  index_t, index_t, const Exec&, double*) const noexcept;

}  // namespace fastconv
