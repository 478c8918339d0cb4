// SPDX-License-Identifier: MIT
// What one task of depthwise_in_place or groups_in_place computes.
#pragma once

#include <limits>

#include "algorithms/depthwise/in_place_layout.h"

namespace fastconv::depthwise {

template <class T>
class InPlaceTask {
 public:
  InPlaceTask(const Job<T>& job, const InPlaceLayout& layout, const Exec& exec, const T* bias,
              T* frame, index_t index) noexcept
      : job_(job), r_(job.r), l_(layout), exec_(exec), bias_(bias) {
    rows_ = part(r_.h.count, l_.row_blocks, index % l_.row_blocks);
    index /= l_.row_blocks;
    columns_ = part(r_.w.count, l_.column_blocks, index % l_.column_blocks);
    index /= l_.column_blocks;
    const Range blocks = part(l_.blocks(), l_.channel_tasks, index % l_.channel_tasks);
    n_ = index / l_.channel_tasks;
    first_ = blocks.begin * l_.lanes;
    channels_ = std::min(l_.channels, blocks.end * l_.lanes) - first_;
    x_ = job.x + n_ * job.x_image, row_ = job.x_row, pixel_ = job.x_pixel;
    const auto dense = [&](index_t pixel) { return pixel == l_.channels; };
    dense_ = l_.repeats && dense(job.y_pixel) && (!job.residual || dense(job.residual_pixel)) &&
             (l_.framed || dense(pixel_));
    if (!l_.framed) return;
    l_.frame.fill(job, x_, rows_.begin, rows_.size(), exec, frame);
    x_ = frame, row_ = l_.frame.row(), pixel_ = l_.frame.pixel();
    origin_ = l_.frame.origin(rows_.begin);
  }

  void run() noexcept {
    for (const TapSpan& h : l_.h) {
      const index_t top = std::max(h.q, rows_.begin), end = std::min(h.q + h.count, rows_.end);
      const int band = dense_ ? band_kernel(r_.h, h.taps) : -1;
      for (index_t row = top; row < end;) {
        int height = 0;  // as a power of two
        const int most = band >= 0 ? kBandHeights - 1 : l_.pairs && !dense_ ? 1 : 0;
        while (height < most && row + (index_t{2} << height) <= end) ++height;
        for (TapSpan w : l_.w) {
          const index_t left = std::max(w.q, columns_.begin);
          w.count = std::min(w.q + w.count, columns_.end) - left, w.q = left;
          if (w.count > 0) add(h, w, row, w.taps > 0 ? band : -1, height);
        }
        row += index_t{1} << height;
      }
    }
  }

 private:
  // Computes the outputs of a span in 2^height rows, together if `band` is one of kBandRows.
  void add(const TapSpan& h, const TapSpan& w, index_t row, int band, int height) const noexcept {
    const index_t rows = index_t{1} << height, y_row = r_.h.out_step * job_.y_row;
    DepthwiseLineArgs<T> a = line(h, w, row);
    if (band >= 0) {
      run_band(a, w.count * l_.channels, band, height);
    } else if (dense_) {
      for (index_t i = 0; i < rows; ++i) run_elements(line(h, w, row + i), w.count * l_.channels);
    } else {
      a.pair = rows > 1, a.y_row = y_row, a.init_row = r_.h.out_step * job_.residual_row;
      if (l_.fetches && a.rows > 0) {
        a.ahead = (a.rows - 1) * a.x_row + rows * row_, a.ahead_step = row_;
        a.ahead_rows = a.pair ? rows : r_.h.in_step;
      }
      exec_.kernels<T>().conv.depthwise.run_line(a);
    }
    for (index_t i = 0; i < rows; ++i) activate(a.y + i * y_row, w.count, a.y_step);
  }

  // The outputs of a span in one row.
  DepthwiseLineArgs<T> line(const TapSpan& h, const TapSpan& w, index_t row) const noexcept {
    constexpr T kInfinity = std::numeric_limits<T>::infinity();
    const index_t offset_h = h.taps ? r_.h.taps[static_cast<std::size_t>(h.tap)].offset : 0;
    const index_t offset_w = w.taps ? r_.w.taps[static_cast<std::size_t>(w.tap)].offset : 0;
    const bool none = h.taps == 0 || w.taps == 0;
    const bool relu6 = job_.activation == Activation::relu6;
    const bool clamps = relu6 || job_.activation == Activation::relu;
    const index_t oh = r_.h.out_start + row * r_.h.out_step;
    const index_t ow = r_.w.out_start + w.q * r_.w.out_step;
    const T* residual = job_.residual;
    if (residual)
      residual +=
          n_ * job_.residual_image + oh * job_.residual_row + ow * job_.residual_pixel + first_;
    DepthwiseLineArgs<T> a{
        .n = w.count,
        .blocks = ceil_div(channels_, l_.lanes),
        .tail = static_cast<int>((channels_ - 1) % l_.lanes + 1),
        .rows = none ? 0 : h.taps,
        .lines = w.taps,
        .x = x_ + (none ? 0
                        : origin_ + (row * r_.h.in_step + offset_h) * row_ +
                              (w.q * r_.w.in_step + offset_w) * pixel_ + first_),
        .x_step = r_.w.in_step * pixel_,
        .x_line = l_.w_step * pixel_,
        .x_row = l_.h_step * row_,
        .w = job_.packed + (h.tap * l_.taps_w + w.tap) * l_.terms * l_.period + first_,
        .w_line = l_.terms * l_.period,
        .w_row = l_.taps_w * l_.terms * l_.period,
        .y = job_.y + n_ * job_.y_image + oh * job_.y_row + ow * job_.y_pixel + first_,
        .y_step = r_.w.out_step * job_.y_pixel,
        .init = residual,
        .init_step = r_.w.out_step * job_.residual_pixel,
        .bias = bias_ + first_,
        .lowest = clamps ? T{0} : -kInfinity,
        .highest = relu6 ? T{6} : kInfinity,
        .terms = l_.terms,
        .w_term = l_.period,
        .places = l_.terms > 1 ? l_.places.data() : nullptr};
    if (!none) turn(a);
    return a;
  }

  // Makes the order that of the image, also where an adjoint reads backwards. Bands add a sum
  // column of the kernel after column.
  void turn(DepthwiseLineArgs<T>& a) const noexcept {
    const auto forwards = [&](bool backwards, index_t taps, index_t& step, index_t& w_step) {
      if (!backwards) return;
      a.x += (taps - 1) * step, a.w += (taps - 1) * w_step;
      step = -step, w_step = -w_step;
    };
    // A mirrored image has negative distances of its own, which stay.
    forwards(l_.h_step < 0, a.rows, a.x_row, a.w_row);
    forwards(l_.w_step < 0, a.lines, a.x_line, a.w_line);
    if (!l_.bands) return;
    std::swap(a.rows, a.lines), std::swap(a.x_row, a.x_line), std::swap(a.w_row, a.w_line);
  }

  // Activations that are no clamp.
  void activate(T* y, index_t n, index_t step) const noexcept {
    const bool clamped =
        job_.activation == Activation::relu || job_.activation == Activation::relu6;
    if (clamped || job_.activation == Activation::none) return;
    for (index_t i = 0; i < n; ++i) activate_pixel(job_, exec_, first_, y + i * step, channels_);
  }

  // The rows of a band, as runs of n elements, where `a` is the first of them.
  void run_band(const DepthwiseLineArgs<T>& a, index_t n, int band, int height) const noexcept {
    exec_.kernels<T>().conv.depthwise.run_band[band][height]({.n = n,
                                                              .period = l_.period,
                                                              .lines = a.rows,
                                                              .x = a.x,
                                                              .x_line = a.x_row,
                                                              .x_row = a.x_line,
                                                              .w = a.w,
                                                              .w_line = a.w_row,
                                                              .w_row = a.w_line,
                                                              .y = a.y,
                                                              .y_row = job_.y_row,
                                                              .init = a.init,
                                                              .init_row = job_.residual_row,
                                                              .bias = a.bias,
                                                              .lowest = a.lowest,
                                                              .highest = a.highest});
  }

  // A line of n elements, in whole periods and then the rest.
  void run_elements(DepthwiseLineArgs<T> a, index_t n) const noexcept {
    const auto run = exec_.kernels<T>().conv.depthwise.run_line;
    a.x_step = a.y_step = a.init_step = l_.period;
    a.n = n / l_.period, a.blocks = l_.period / l_.lanes, a.tail = static_cast<int>(l_.lanes);
    if (a.n > 0) run(a);
    const index_t done = a.n * l_.period, left = n - done;
    if (left == 0) return;
    a.n = 1, a.blocks = ceil_div(left, l_.lanes);
    a.tail = static_cast<int>((left - 1) % l_.lanes + 1);
    a.x += done, a.y += done;
    if (a.init) a.init += done;
    run(a);
  }

  const Job<T>& job_;
  const Correlation& r_;
  const InPlaceLayout& l_;
  const Exec& exec_;
  const T* bias_;  // as whole vectors
  Range rows_{}, columns_{};
  index_t n_ = 0, first_ = 0, channels_ = 0;
  bool dense_ = false;    // whether rows are runs of elements without gaps
  const T* x_ = nullptr;  // the image, or the frame of the task's rows
  index_t origin_ = 0, row_ = 0, pixel_ = 0;
};

}  // namespace fastconv::depthwise
