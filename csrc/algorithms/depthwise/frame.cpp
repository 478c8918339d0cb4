// SPDX-License-Identifier: MIT
// How large a frame is, and how it is filled.
#include "algorithms/depthwise/frame.h"

#include <algorithm>
#include <cstring>
#include <type_traits>

#include "core/cache.h"

namespace fastconv::depthwise {

PixelFrame::PixelFrame(const std::vector<Correlation>& phases, index_t lanes, index_t item,
                       index_t most_rows)
    : lanes_(lanes),
      in_h_(phases.front().h.in),
      in_w_(phases.front().w.in),
      h_step_(phases.front().h.in_step),
      w_step_(phases.front().w.in_step) {
  index_t columns = 1, out_columns = 1, out_rows = 1;
  first_h_ = last_h_ = phases.front().h.taps.front().offset;
  first_w_ = last_w_ = phases.front().w.taps.front().offset;
  count_ = ceil_div(phases.front().h.out, phases.front().h.out_step);
  for (const Correlation& r : phases) {
    columns = std::max(columns, r.w.count);
    out_rows = std::min(r.h.out_step, r.h.out), out_columns = r.w.out;
    for (const Tap& tap : r.h.taps)
      first_h_ = std::min(first_h_, tap.offset), last_h_ = std::max(last_h_, tap.offset);
    for (const Tap& tap : r.w.taps)
      first_w_ = std::min(first_w_, tap.offset), last_w_ = std::max(last_w_, tap.offset);
  }
  pitch_ = (columns - 1) * w_step_ + last_w_ - first_w_ + 1;
  // What is read and written for a block takes an eighth of L2. It is not less, because the rows
  // that two blocks share are transposed twice; and it is more for tall kernels, half of which two
  // blocks would share otherwise (16 rows at stride 3: 5 times).
  const index_t vector = lanes * item;
  // Absurd padding and dilation, which cost other algorithms nothing, make this product so large
  // that no integer holds it.
  const double least = double(last_h_ - first_h_ + 1) * double(pitch_ + in_w_) +
                       double(out_rows) * double(out_columns);
  fits_ = least * double(vector) <= double(cache_sizes().l2) / 2;
  if (!fits_) return;
  const index_t fixed = (last_h_ - first_h_ + 1) * (pitch_ + in_w_) * vector;
  const index_t each = (h_step_ * (pitch_ + in_w_) + out_rows * out_columns) * vector;
  const index_t l2 = cache_sizes().l2, room = std::clamp(2 * fixed, l2 / 8, l2 / 2);
  const index_t most = std::min((room - fixed) / each + 1, most_rows);
  rows_ = ceil_div(count_, ceil_div(count_, std::max(most, index_t{1})));
  frame_ = frame_lines() * pitch_ * vector;
  copy_ = std::min(frame_lines(), in_h_) * in_w_ * vector;
}

template <class T>
void planes_to_pixels(const T* planes, index_t plane, index_t channels, index_t pixels,
                      const Exec& exec, T* to) noexcept {
  const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
  exec.kernels<T>().elementwise.transpose({planes, plane, to, lanes, channels, pixels});
}

template <class T>
void pixels_to_planes(const T* from, index_t pixels, index_t channels, T* planes, index_t plane,
                      const Exec& exec) noexcept {
  const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
  exec.kernels<T>().elementwise.transpose({from, lanes, planes, plane, pixels, channels});
}

void PixelFrame::list_taps(const Correlation& r, std::vector<index_t>& x_at,
                           std::vector<index_t>& w_at) const {
  for (const Tap& h : r.h.taps)
    for (const Tap& w : r.w.taps) {
      x_at.push_back(((h.offset - first_h_) * pitch_ + w.offset - first_w_) * lanes_);
      w_at.push_back((h.kernel * r.w_row + w.kernel) * lanes_);
    }
}

template <class T>
void PixelFrame::fill(const T* image, index_t channels, index_t row, const Exec& exec,
                      T* frame) const noexcept {
  const index_t first = row * h_step_ + first_h_, lines = frame_lines();
  const index_t from = std::clamp(first, index_t{0}, in_h_);
  const index_t to = std::clamp(first + lines, from, in_h_);
  // Columns of the image that the frame holds.
  const index_t left = std::clamp(first_w_, index_t{0}, in_w_);
  const index_t n = std::clamp(first_w_ + pitch_, left, in_w_) - left;
  if (n == 0) return;
  T* copy = frame + frame_ / index_t{sizeof(T)};
  planes_to_pixels(image + from * in_w_, in_h_ * in_w_, channels, (to - from) * in_w_, exec, copy);
  T* line = frame + (left - first_w_) * lanes_;
  for (index_t i = 0; i < lines; ++i, line += pitch_ * lanes_)
    if (const index_t at = first + i; at >= from && at < to)
      std::copy_n(copy + ((at - from) * in_w_ + left) * lanes_, n * lanes_, line);
    else if (blocks() > 1)  // another block may have had rows of the image there
      std::fill_n(line, n * lanes_, T{0});
}

namespace {

// Copies n pixels of some channels to vectors. Whole vectors are copied without a call for each.
template <class T>
void copy_vectors(const T* from, index_t step, index_t channels, index_t n, index_t lanes,
                  T* to) noexcept {
  const auto copy = [&](auto size) {
    for (index_t j = 0; j < n; ++j) std::memcpy(to + j * lanes, from + j * step, size);
  };
  const std::size_t bytes = static_cast<std::size_t>(channels) * sizeof(T);
  if (bytes == 64)
    copy(std::integral_constant<std::size_t, 64>{});
  else if (bytes == 32)
    copy(std::integral_constant<std::size_t, 32>{});
  else if (bytes == 16)
    copy(std::integral_constant<std::size_t, 16>{});
  else
    copy(bytes);
}

}  // namespace

template <class T>
void PixelFrame::fill_pixels(const T* image, index_t row_step, index_t pixel_step, index_t channels,
                             index_t row, T* frame) const noexcept {
  const index_t first = row * h_step_ + first_h_;
  const index_t left = std::clamp(first_w_, index_t{0}, in_w_);
  const index_t n = std::clamp(first_w_ + pitch_, left, in_w_) - left;
  T* line = frame + (left - first_w_) * lanes_;
  for (index_t i = 0; i < frame_lines(); ++i, line += pitch_ * lanes_)
    if (const index_t at = first + i; at >= 0 && at < in_h_)
      copy_vectors(image + at * row_step + left * pixel_step, pixel_step, channels, n, lanes_,
                   line);
    else if (blocks() > 1)  // another block may have had rows of the image there
      std::fill_n(line, n * lanes_, T{0});
}

template void planes_to_pixels(const float*, index_t, index_t, index_t, const Exec&,
                               float*) noexcept;
template void pixels_to_planes(const float*, index_t, index_t, float*, index_t,
                               const Exec&) noexcept;
template void PixelFrame::fill(const float*, index_t, index_t, const Exec&, float*) const noexcept;
template void planes_to_pixels(const double*, index_t, index_t, index_t, const Exec&,
                               double*) noexcept;
template void pixels_to_planes(const double*, index_t, index_t, double*, index_t,
                               const Exec&) noexcept;
template void PixelFrame::fill(const double*, index_t, index_t, const Exec&,
                               double*) const noexcept;

template void PixelFrame::fill_pixels(const float*, index_t, index_t, index_t, index_t,
                                      float*) const noexcept;
template void PixelFrame::fill_pixels(const double*, index_t, index_t, index_t, index_t,
                                      double*) const noexcept;

}  // namespace fastconv::depthwise
