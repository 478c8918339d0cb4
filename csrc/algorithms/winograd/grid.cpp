// SPDX-License-Identifier: MIT
// Which forms fit a correlation, and where each of its tiles lies.
#include "algorithms/winograd/grid.h"

#include <algorithm>
#include <cstdlib>

#include "core/require.h"

namespace fastconv::winograd {
namespace {

index_t offset_of(const TapAxis& axis, index_t tap) {
  return axis.taps[static_cast<std::size_t>(tap)].offset;
}

bool fits(const TapAxis& axis, int scheme) {
  return axis.in_step == 1 && kSchemes[scheme].r == axis.n_taps() && axis.even_step() != 0;
}

}  // namespace

std::string name_of(Form form) {
  const WinogradScheme &h = kSchemes[form.h], &w = kSchemes[form.w];
  return sentence("winograd F(", h.m, ",", h.r, ") x F(", w.m, ",", w.r, ")");
}

const char* too_coarse(Form form, const Request& request, index_t item) {
  if (request.plain_sums()) return "precision='highest' allows plain sums only";
  const int error = std::max(kSchemes[form.h].error, kSchemes[form.w].error);
  if (request.precision == Precision::medium) return nullptr;
  if (item == sizeof(double) && error > 0)
    return "in float64 it needs precision='medium', since it errs on integers";
  return error > 50 ? "it needs precision='medium'" : nullptr;
}

bool fits(const Correlation& r, Form form) {
  return r.taps() > 1 && fits(r.h, form.h) && fits(r.w, form.w);
}

std::optional<Form> mildest_form(const Correlation& r) {
  // Of the schemes for as many taps the first has the smallest error.
  const auto mildest = [](const TapAxis& axis) {
    int scheme = 0;
    while (scheme < kNumSchemes && !fits(axis, scheme)) ++scheme;
    return scheme;
  };
  const Form form{mildest(r.h), mildest(r.w)};
  if (r.taps() == 1 || form.h == kNumSchemes || form.w == kNumSchemes) return std::nullopt;
  return form;
}

TileAxis::TileAxis(const TapAxis& axis, int scheme)
    : scheme_(scheme), count_(axis.count), step_(axis.even_step()), reversed_(step_ < 0) {
  step_ = std::abs(step_);
  offset_ = offset_of(axis, reversed_ ? axis.n_taps() - 1 : 0);
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

void TileGrid::list_weights(const Correlation& r) {
  // The smaller of the two strides is that of the inner axis of channels: the size of a kernel.
  slots.assign(static_cast<std::size_t>(std::min(r.w_m, r.w_c)), -1);
  for (index_t i = 0; i < r.h.n_taps(); ++i)
    for (index_t j = 0; j < r.w.n_taps(); ++j) {
      const Tap &th = r.h.taps[static_cast<std::size_t>(h.tap(i))],
                &tw = r.w.taps[static_cast<std::size_t>(w.tap(j))];
      slots[static_cast<std::size_t>(th.kernel * r.w_row + tw.kernel)] = i * r.w.n_taps() + j;
    }
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

}  // namespace fastconv::winograd
