// SPDX-License-Identifier: MIT
#include "algorithms/correlation/padded_pixels.h"

#include <algorithm>

namespace fastconv {
namespace {

struct Reach {
  index_t first, last;
};
Reach reach_of(const TapAxis& axis) {
  Reach reach{axis.taps.front().offset, axis.taps.front().offset};
  for (const Tap& tap : axis.taps)
    reach = {std::min(reach.first, tap.offset), std::max(reach.last, tap.offset)};
  return reach;
}

// Copies n neighbouring elements, each of them `repeat` times.
template <class T>
T* copy_elements(const T* from, index_t n, index_t repeat, const Exec& exec, T* to) noexcept {
  if (repeat == 1) return std::copy_n(from, n, to);
  if (repeat == 2) {
    exec.kernels<T>().conv.interleave(from, from, n, to);
    return to + 2 * n;
  }
  for (index_t c = 0; c < n; ++c)
    for (index_t i = 0; i < repeat; ++i) *to++ = from[c];
  return to;
}

}  // namespace

PaddedPixels::PaddedPixels(const Correlation& r, index_t channels, index_t repeat, index_t rows)
    : channels_(channels), repeat_(repeat), rows_(rows), h_step_(r.h.in_step) {
  const Reach h = reach_of(r.h), w = reach_of(r.w);
  first_h_ = h.first, reach_h_ = h.last - h.first + 1;
  first_w_ = w.first, columns_ = (r.w.count - 1) * r.w.in_step + w.last - w.first + 1;
  pixel_ = channels * repeat;
}

template <class T>
void PaddedPixels::fill(const Job<T>& job, const T* image, index_t oh, index_t rows,
                        const Exec& exec, T* to) const noexcept {
  const Correlation& r = job.r;
  const index_t first = oh * h_step_ + first_h_;
  // The columns of the copy that are the image's own.
  const index_t left = std::clamp(-first_w_, index_t{0}, columns_);
  const index_t right = std::clamp(r.w.in - first_w_, left, columns_);
  const auto padding = [&](const T* row, index_t from, index_t end) {
    for (index_t j = from; j < end; ++j) {
      const index_t column = padded_source(r.mode, first_w_ + j, r.w.in);
      if (column < 0)
        to = std::fill_n(to, pixel_, T{0});
      else
        to = copy_elements(row + column * job.x_pixel, channels_, repeat_, exec, to);
    }
  };
  for (index_t i = 0; i < lines(rows); ++i) {
    const index_t line = padded_source(r.mode, first + i, r.h.in);
    if (line < 0) {
      to = std::fill_n(to, row(), T{0});
      continue;
    }
    const T* row = image + line * job.x_row;
    padding(row, 0, left);
    const T* pixel = row + (first_w_ + left) * job.x_pixel;
    if (job.x_pixel == channels_)
      to = copy_elements(pixel, (right - left) * channels_, repeat_, exec, to);
    else
      for (index_t j = left; j < right; ++j, pixel += job.x_pixel)
        to = copy_elements(pixel, channels_, repeat_, exec, to);
    padding(row, right, columns_);
  }
}

template void PaddedPixels::fill(const Job<float>&, const float*, index_t, index_t, const Exec&,
                                 float*) const noexcept;
template void PaddedPixels::fill(const Job<double>&, const double*, index_t, index_t, const Exec&,
                                 double*) const noexcept;

}  // namespace fastconv
