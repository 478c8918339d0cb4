// SPDX-License-Identifier: MIT
// A block of rows of tiles of a correlation whose taps are split, from the image to the outputs.
// The products of all pairs of parts meet as early as they can: those that are left as they are
// along an axis are added, by their tiles, to what the others have become when it was transformed
// back.
#pragma once

#include <cmath>
#include <limits>

#include "algorithms/winograd/split_image.h"

namespace fastconv::winograd {

// Some values as pixels of channels: rows of them, and how far apart rows and neighbours lie.
template <class T>
struct Pixels {
  T* at;
  index_t row, pixel;
  T* operator()(index_t i, index_t j = 0) const { return at + i * row + j * pixel; }
};

template <class T>
class SplitBlock {
 public:
  // Threads that share a block share `common`; `own` is the memory of this thread alone.
  SplitBlock(const Job<T>& job, const SplitGrid& grid, const SplitCut& cut, const SplitSizes& sizes,
             const Exec& exec, index_t g, index_t block, T* common, T* own) noexcept
      : job_(job),
        r_(job.r),
        grid_(grid),
        cut_(cut),
        kernels_(exec.kernels<T>()),
        exec_(exec),
        g_(g),
        tiles_(part(cut.rows, cut.blocks, block)),
        image_(job, grid, cut, exec, g, tiles_.begin, common),
        values_(common + sizes.image) {
    const auto take = [](T*& memory, index_t n, T*& part) { part = memory, memory += n; };
    take(own, sizes.lines, lines_), take(own, sizes.products, products_);
    take(own, sizes.halves, halves_), take(own, sizes.results, results_);
    take(own, sizes.more, more_), take(own, sizes.bias, bias_);
    outputs_ = first_output(tiles_.end);
  }

  // Cuts some channels out of the image and transforms them. `c` begins with a whole vector.
  void transform(Range c) noexcept {
    channels_ = {c.begin, std::min(c.end, r_.c)};
    vectors_ = (c.end - c.begin) / lanes();
    image_.take(channels_, vectors_);
    for (index_t tile = tiles_.begin; tile < tiles_.end; ++tile) image_.fill(tile);
    T* values = values_;
    for_each_pair([&](const AxisPart& a, const AxisPart& b, index_t plane, index_t size) {
      for (index_t tile = tiles_.begin; tile < tiles_.end; ++tile) {
        T* to = values + c.begin;
        if (!a.plain() && !b.plain()) transform_both(tile, a, b, plane, to);
        if (a.plain() && !b.plain()) transform_w(tile, a, b, plane, to);
        if (!a.plain() && b.plain()) transform_h(tile, a, b, plane, to);
      }
      values += size;
    });
  }

  // Multiplies some panels, transforms the products back and stores the outputs.
  void finish(Range panels) noexcept {
    panels_ = panels, width_ = cut_.panels.pixel(panels);
    bool begun = false;  // whether the results hold some of the sums
    for (const AxisPart& b : grid_.w.parts())
      if (!b.plain()) {
        bool half_begun = false;
        const index_t columns = grid_.w.tiles(),
                      plane = split_plane<T>(outputs_ + grid_.h.m(), columns * width_);
        for (const AxisPart& a : grid_.h.parts())
          add(a, b, {halves_, columns * width_, width_}, plane, half_begun);
        back_along_w(b, plane, begun);
      }
    for (const AxisPart& b : grid_.w.parts())
      if (b.plain())
        for (const AxisPart& a : grid_.h.parts()) add(a, b, results(), 0, begun);
    store();
  }

 private:
  index_t lanes() const { return cut_.panels.lanes; }
  Pixels<T> results() const { return {results_, grid_.row() * width_, width_}; }
  // The number of the first output of a row of tiles among those of the block.
  index_t first_output(index_t tile) const {
    const auto before = [&](index_t t) {
      return t / grid_.h.tiles() * grid_.h.outputs() + t % grid_.h.tiles() * grid_.h.m();
    };
    return before(tile) - before(tiles_.begin);
  }
  index_t outputs_of(index_t tile) const { return grid_.h.outputs(tile % grid_.h.tiles()); }

  // Calls visit(a, b, how far apart the places of their values lie, the size of these).
  template <class Visit>
  void for_each_pair(const Visit& visit) const {
    for (const AxisPart& a : grid_.h.parts())
      for (const AxisPart& b : grid_.w.parts()) {
        const index_t lines = a.plain() ? outputs_ : tiles_.size();
        const index_t plane = split_plane<T>(lines * grid_.columns(b), cut_.pixel);
        visit(a, b, plane, a.plain() && b.plain() ? 0 : SplitGrid::places(a, b) * plane);
      }
  }

  void transform_both(index_t tile, const AxisPart& a, const AxisPart& b, index_t plane,
                      T* to) noexcept {
    const index_t columns = grid_.w.tiles(), part = columns * cut_.pixel,
                  line = b.kind().alpha * part;
    for (index_t i = 0; i < a.kind().alpha; ++i)
      input_along_w(tile, a.offset + i * grid_.h.step(), b, lines_ + i * line + channels_.begin,
                    part);
    for (index_t j = 0; j < b.kind().alpha; ++j)
      kernels_.conv.winograd.input[a.scheme]({.src = lines_ + j * part + channels_.begin,
                                              .src_term = line,
                                              .src_line = cut_.pixel,
                                              .dst = to + j * plane + (tile - tiles_.begin) * part,
                                              .dst_term = b.kind().alpha * plane,
                                              .dst_line = cut_.pixel,
                                              .lines = columns,
                                              .vectors = vectors_});
  }
  void transform_w(index_t tile, const AxisPart& a, const AxisPart& b, index_t plane,
                   T* to) noexcept {
    for (index_t i = 0; i < outputs_of(tile); ++i)
      input_along_w(tile, a.offset + i * grid_.h.step(), b,
                    to + (first_output(tile) + i) * grid_.w.tiles() * cut_.pixel, plane);
  }
  // Transforms the tiles of a row; their values go to planes that lie `plane` apart.
  void input_along_w(index_t tile, index_t row, const AxisPart& b, T* to, index_t plane) noexcept {
    kernels_.conv.winograd.input[b.scheme](
        {.src = image_.copied(tile, row, b.offset) + channels_.begin,
         .src_term = grid_.w.step() * cut_.pixel,
         .src_line = grid_.w.m() * grid_.w.step() * cut_.pixel,
         .dst = to,
         .dst_term = plane,
         .dst_line = cut_.pixel,
         .lines = grid_.w.tiles(),
         .vectors = vectors_});
  }
  void transform_h(index_t tile, const AxisPart& a, const AxisPart& b, index_t plane,
                   T* to) noexcept {
    kernels_.conv.winograd.input[a.scheme](
        {.src = image_.copied(tile, a.offset, b.offset) + channels_.begin,
         .src_term = grid_.h.step() * image_.row(),
         .src_line = grid_.w.step() * cut_.pixel,
         .dst = to + (tile - tiles_.begin) * grid_.columns(b) * cut_.pixel,
         .dst_term = plane,
         .dst_line = cut_.pixel,
         .lines = grid_.columns(b),
         .vectors = vectors_});
  }

  // Adds the products of a pair of parts to `to`, which has a plane for each place of b, or makes
  // them its first summand.
  void add(const AxisPart& a, const AxisPart& b, const Pixels<T>& to, index_t to_plane,
           bool& begun) noexcept {
    const T* weights = job_.packed + g_ * grid_.places() * cut_.panels.plane();
    const T* values = values_;
    index_t plane = 0;
    for_each_pair([&](const AxisPart& p, const AxisPart& q, index_t each, index_t size) {
      if (&p == &a && &q == &b) plane = each;
      if (plane != 0) return;
      values += size, weights += SplitGrid::places(p, q) * cut_.panels.plane();
    });
    const index_t places = b.kind().alpha, columns = grid_.columns(b);
    if (a.plain() && !b.plain())
      for (index_t j = 0; j < places; ++j)
        multiply(outputs_ * columns, values + j * plane, cut_.pixel,
                 weights + j * cut_.panels.plane(), to.at + j * to_plane, begun);
    else if (a.plain())
      for (index_t tile = tiles_.begin; tile < tiles_.end; ++tile)
        for (index_t i = 0; i < outputs_of(tile); ++i)
          multiply(columns, image_.copied(tile, a.offset + i * grid_.h.step(), b.offset),
                   grid_.w.step() * cut_.pixel, weights, to(first_output(tile) + i), begun);
    else
      add_transformed(a, b, values, plane, weights, to, to_plane, begun);
    begun = true;
  }
  void add_transformed(const AxisPart& a, const AxisPart& b, const T* values, index_t plane,
                       const T* weights, const Pixels<T>& to, index_t to_plane,
                       bool begun) noexcept {
    const index_t columns = grid_.columns(b), n = tiles_.size() * columns;
    const index_t product = split_plane<T>(n, width_), places = b.kind().alpha;
    for (index_t xi = 0; xi < SplitGrid::places(a, b); ++xi)
      multiply(n, values + xi * plane, cut_.pixel, weights + xi * cut_.panels.plane(),
               products_ + xi * product, false);
    const index_t row = columns * width_;
    for (index_t j = 0; j < places; ++j)
      for (index_t tile = tiles_.begin; tile < tiles_.end; ++tile) {
        T* const end = to(first_output(tile)) + j * to_plane;
        kernels_.conv.winograd.output[a.scheme](
            {.src = products_ + j * product + (tile - tiles_.begin) * row,
             .src_term = places * product,
             .src_line = 0,
             .dst = begun ? more_ : end,
             .dst_term = begun ? row : to.row,
             .dst_line = 0,
             .lines = 1,
             .vectors = row / lanes()});
        if (begun) sum({row, outputs_of(tile), more_, row, end, to.row, end, to.row, false, false});
      }
  }
  void sum(const AddRows<T>& rows) noexcept { kernels_.elementwise.add(rows); }

  // Multiplies n neighbouring values by the panels at hand, from `weights` on.
  void multiply(index_t n, const T* x, index_t step, const T* weights, T* y, bool begun) noexcept {
    constexpr T kInfinity = std::numeric_limits<T>::infinity();
    constexpr index_t kLine = 64 / sizeof(T);
    const index_t most = kernels_.conv.pixel_tile.max_pixels[1], parts = ceil_div(n, most);
    for (index_t panel = panels_.begin; panel < panels_.end; ++panel) {
      const index_t nv = cut_.panels.nv(panel);
      const index_t first = cut_.panels.first(panel) - cut_.panels.first(panels_.begin);
      const T* w = weights + cut_.panels.first(panel) * r_.c;
      // The tiles of a panel fetch the next one, each a share of its nv lines a term.
      const T* ahead = w + nv * lanes() * r_.c;
      for (index_t i = 0; i < parts; ++i) {
        const Range some = part(n, parts, i);
        T* const to = y + some.begin * width_ + first;
        kernels_.conv.pixel_tile.run[some.size() - 1][nv - 1](
            {.k = r_.c,
             .lines = 1,
             .rows = 1,
             .x = x + some.begin * step,
             .x_step = step,
             .x_line = r_.c,
             .x_row = r_.c,
             .w = w,
             .w_line = nv * lanes() * r_.c,
             .w_row = nv * lanes() * r_.c,
             .y = to,
             .y_step = width_,
             .init = begun ? to : nullptr,
             .init_step = width_,
             .bias = nullptr,
             .tail = static_cast<int>(lanes()),
             .lowest = -kInfinity,
             .highest = kInfinity,
             .ahead = ahead + (parts == 1 ? 0 : i % 2 * r_.c * kLine),
             .ahead_step = i > 1        ? 0
                           : parts == 1 ? 2 * kLine
                                        : kLine});
      }
    }
  }

  void back_along_w(const AxisPart& b, index_t plane, bool& begun) noexcept {
    const Pixels<T> to = results();
    const index_t m = grid_.w.m();
    for (index_t i = 0; i < outputs_; ++i) {
      kernels_.conv.winograd.output[b.scheme]({.src = halves_ + i * grid_.w.tiles() * width_,
                                               .src_term = plane,
                                               .src_line = width_,
                                               .dst = begun ? more_ : to(i),
                                               .dst_term = width_,
                                               .dst_line = m * width_,
                                               .lines = grid_.w.tiles(),
                                               .vectors = width_ / lanes()});
      if (begun) sum({to.row, 1, more_, to.row, to(i), to.row, to(i), to.row, false, false});
    }
    begun = true;
  }

  // The output channels of the panels at hand.
  Range channels() const {
    const index_t first = cut_.panels.first(panels_.begin);
    return {first, std::min(first + width_, r_.m)};
  }

  void store() noexcept {
    const Pixels<T> from = results();
    const index_t columns = grid_.w.outputs(), n = columns * width_;
    const double total = kernels_.conv.sum(results_, n, outputs_, from.row);
    if (!std::isfinite(total)) repair();
    const Range rows = channels();
    if (job_.bias) {
      std::fill_n(bias_, width_, T{0});
      std::copy_n(job_.bias_of(g_, rows.begin), rows.size(), bias_);
      for (index_t i = 0; i < outputs_; ++i)
        sum({width_, columns, from(i), width_, bias_, 0, from(i), width_, false, false});
    }
    for (index_t tile = tiles_.begin; tile < tiles_.end; ++tile)
      for (index_t i = 0; i < outputs_of(tile); ++i) {
        const index_t oh = tile % grid_.h.tiles() * grid_.h.m() + i;
        T* row = from(first_output(tile) + i);
        if (job_.y_pixel != 0)
          store_pixels(tile / grid_.h.tiles(), oh, row);
        else
          store_planes(tile / grid_.h.tiles(), oh, row);
      }
  }
  void store_pixels(index_t n, index_t oh, const T* row) noexcept {
    const Range rows = channels();
    const index_t columns = grid_.w.outputs(), first = g_ * r_.m + rows.begin;
    T* y = job_.y + n * job_.y_image + oh * job_.y_row + first;
    const T* residual = job_.residual;
    if (residual) residual += n * job_.residual_image + oh * job_.residual_row + first;
    for (index_t j = 0; j < columns; ++j, row += width_, y += job_.y_pixel) {
      if (residual)
        sum({rows.size(), 1, row, 0, residual + j * job_.residual_pixel, 0, y, 0, false, false});
      else
        std::copy_n(row, rows.size(), y);
      activate_pixel(job_, exec_, first, y, rows.size());
    }
  }
  void store_planes(index_t n, index_t oh, const T* row) noexcept {
    const Range rows = channels();
    const index_t at = oh * r_.w.out;
    T* y = job_.y + job_.plane(n, g_, rows.begin) + at;
    const T* residual = job_.residual_of(n, g_, rows.begin);
    kernels_.conv.channel_lanes.store({.c = row,
                                       .ldc = width_,
                                       .rows = rows.size(),
                                       .n = grid_.w.outputs(),
                                       .y = y,
                                       .ldy = r_.out_plane(),
                                       .residual = residual ? residual + at : nullptr});
    activate_rows(job_, exec_, job_.channel(g_, rows.begin), y, r_.out_plane(), rows.size(),
                  grid_.w.outputs());
  }

  // Computes results that are not finite again, as plain sums.
  void repair() noexcept {
    const Range rows = channels();
    for (index_t tile = tiles_.begin; tile < tiles_.end; ++tile)
      for (index_t i = 0; i < outputs_of(tile); ++i)
        for (index_t j = 0; j < grid_.w.outputs(); ++j) {
          T* pixel = results()(first_output(tile) + i, j);
          for (index_t row = rows.begin; row < rows.end; ++row)
            if (T& y = pixel[row - rows.begin]; !std::isfinite(y))
              y = plain_sum(row, tile / grid_.h.tiles(), tile % grid_.h.tiles() * grid_.h.m() + i,
                            j);
        }
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
  const SplitCut& cut_;
  const Kernels<T>& kernels_;
  const Exec& exec_;
  const index_t g_;
  const Range tiles_;    // the rows of tiles of the block
  index_t outputs_ = 0;  // their rows of outputs
  SplitImage<T> image_;
  T* const values_;  // this and the following as SplitSizes says
  T *lines_, *products_, *halves_, *results_, *more_, *bias_;
  Range channels_{};  // the input channels at hand, and their vectors
  index_t vectors_ = 0;
  Range panels_{};  // the panels at hand, and their output channels in whole vectors
  index_t width_ = 0;
};

}  // namespace fastconv::winograd
