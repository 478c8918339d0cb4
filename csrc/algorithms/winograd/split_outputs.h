// SPDX-License-Identifier: MIT
// The finished outputs of some rows and columns of tiles, as pixels of channels: those that are not
// finite are computed again, and all are stored.
#pragma once

#include <cmath>

#include "algorithms/correlation/job.h"
#include "algorithms/winograd/split_cut.h"

namespace fastconv::winograd {

// Some values as pixels of channels: rows of them, and how far apart rows and neighbours lie.
template <class T>
struct Pixels {
  T* at;
  index_t row, pixel;
  T* operator()(index_t i, index_t j = 0) const { return at + i * row + j * pixel; }
};

template <class T>
class SplitOutputs {
 public:
  // The outputs of `part`, of the output channels `rows` of group g, lie in `results`.
  SplitOutputs(const Job<T>& job, const SplitGrid& grid, const Exec& exec, index_t g,
               const TilePart& part, Range rows, const Pixels<T>& results) noexcept
      : job_(job),
        r_(job.r),
        grid_(grid),
        kernels_(exec.kernels<T>()),
        exec_(exec),
        g_(g),
        part_(part),
        rows_(rows),
        columns_(grid.outputs_of(part.columns)),
        results_(results) {}

  // Uses `bias` as memory for the output channels in whole vectors.
  void store(T* bias) noexcept {
    const index_t outputs = grid_.first_output(part_.tiles.end, part_.tiles.begin);
    const index_t width = results_.pixel;
    const double total =
        kernels_.conv.sum(results_.at, columns_.size() * width, outputs, results_.row);
    if (!std::isfinite(total)) repair();
    if (job_.bias) {
      std::fill_n(bias, width, T{0});
      std::copy_n(job_.bias_of(g_, rows_.begin), rows_.size(), bias);
      for (index_t i = 0; i < outputs; ++i)
        kernels_.elementwise.add({width, columns_.size(), results_(i), width, bias, 0, results_(i),
                                  width, false, false});
    }
    for_each_row([&](index_t image, index_t oh, T* row) {
      if (job_.y_pixel != 0)
        store_pixels(image, oh, row);
      else
        store_planes(image, oh, row);
    });
  }

 private:
  // Calls visit(image, row of outputs, the first of its results).
  template <class Visit>
  void for_each_row(const Visit& visit) const noexcept {
    for (index_t tile = part_.tiles.begin; tile < part_.tiles.end; ++tile) {
      const index_t image = tile / grid_.h.tiles(), th = tile % grid_.h.tiles();
      const index_t first = grid_.first_output(tile, part_.tiles.begin);
      for (index_t i = 0; i < grid_.h.outputs(th); ++i)
        visit(image, th * grid_.h.m() + i, results_(first + i));
    }
  }

  void store_pixels(index_t n, index_t oh, const T* row) noexcept {
    const index_t first = g_ * r_.m + rows_.begin, ow = columns_.begin;
    T* y = job_.y + n * job_.y_image + oh * job_.y_row + ow * job_.y_pixel + first;
    const T* residual = job_.residual;
    if (residual)
      residual +=
          n * job_.residual_image + oh * job_.residual_row + ow * job_.residual_pixel + first;
    for (index_t j = 0; j < columns_.size(); ++j, row += results_.pixel, y += job_.y_pixel) {
      if (residual)
        kernels_.elementwise.add(
            {rows_.size(), 1, row, 0, residual + j * job_.residual_pixel, 0, y, 0, false, false});
      else
        std::copy_n(row, rows_.size(), y);
      activate_pixel(job_, exec_, first, y, rows_.size());
    }
  }
  void store_planes(index_t n, index_t oh, const T* row) noexcept {
    const index_t at = oh * r_.w.out + columns_.begin;
    T* y = job_.y + job_.plane(n, g_, rows_.begin) + at;
    const T* residual = job_.residual_of(n, g_, rows_.begin);
    kernels_.conv.channel_lanes.store({.c = row,
                                       .ldc = results_.pixel,
                                       .rows = rows_.size(),
                                       .n = columns_.size(),
                                       .y = y,
                                       .ldy = r_.out_plane(),
                                       .residual = residual ? residual + at : nullptr});
    activate_rows(job_, exec_, job_.channel(g_, rows_.begin), y, r_.out_plane(), rows_.size(),
                  columns_.size());
  }

  // Computes results that are not finite again, as plain sums.
  void repair() noexcept {
    for_each_row([&](index_t image, index_t oh, T* line) {
      for (index_t j = 0; j < columns_.size(); ++j)
        for (index_t row = rows_.begin; row < rows_.end; ++row)
          if (T& y = line[j * results_.pixel + row - rows_.begin]; !std::isfinite(y))
            y = plain_sum(row, image, oh, columns_.begin + j);
    });
  }
  T plain_sum(index_t row, index_t image, index_t oh, index_t ow) noexcept {
    const bool pixels = job_.x_pixel != 0;
    const T* x = pixels ? job_.x + image * job_.x_image + g_ * r_.c : job_.image(image, g_);
    const index_t x_row = pixels ? job_.x_row : r_.w.in, x_pixel = pixels ? job_.x_pixel : 1;
    const index_t x_c = pixels ? 1 : r_.in_plane();
    T sum = 0;
    for (const Tap& th : r_.h.taps) {
      const index_t ih = padded_source(r_.mode, oh * r_.h.in_step + th.offset, r_.h.in);
      for (const Tap& tw : r_.w.taps) {
        const index_t iw = padded_source(r_.mode, ow * r_.w.in_step + tw.offset, r_.w.in);
        if (ih < 0 || iw < 0) continue;
        const T* weight =
            job_.weights + g_ * r_.w_group + row * r_.w_m + th.kernel * r_.w_row + tw.kernel;
        for (index_t c = 0; c < r_.c; ++c)
          sum += weight[c * r_.w_c] * x[ih * x_row + iw * x_pixel + c * x_c];
      }
    }
    return sum;
  }

  const Job<T>& job_;
  const Correlation& r_;
  const SplitGrid& grid_;
  const Kernels<T>& kernels_;
  const Exec& exec_;
  const index_t g_;
  const TilePart part_;
  const Range rows_, columns_;  // output channels; outputs of a row
  const Pixels<T> results_;
};

}  // namespace fastconv::winograd
