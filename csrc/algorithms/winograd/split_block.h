// SPDX-License-Identifier: MIT
// A block of rows of tiles of a correlation whose taps are split, from the image to the outputs.
// The products of all pairs of parts meet as early as they can: those that are left as they are
// along an axis are added, by their tiles, to what the others have become when it was transformed
// back.
#pragma once

#include <limits>

#include "algorithms/winograd/split_image.h"
#include "algorithms/winograd/split_outputs.h"

namespace fastconv::winograd {

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
    take(own, sizes.lines, lines_);
    if (sizes.spread)
      products_ = values_ + sizes.values;
    else
      take(own, sizes.products, products_);
    take(own, sizes.halves, halves_), take(own, sizes.results, results_);
    take(own, sizes.more, more_), take(own, sizes.bias, bias_);
    outputs_ = first_output(tiles_.end);
    all_ = cut.panels.pixel({0, cut.panels.count()});
  }

  // The whole block.
  TilePart whole() const { return {tiles_, {0, grid_.w.tiles()}}; }

  // Makes some input channels those at hand. `c` begins with a whole vector.
  void take(Range c) noexcept {
    channels_ = {c.begin, std::min(c.end, r_.c)};
    vectors_ = (c.end - c.begin) / lanes();
    image_.take(channels_, vectors_);
  }
  // Copies their pixels, of some of the rows that a row of tiles reads.
  void fill(index_t tile, Range lines, Range columns) noexcept {
    image_.fill(tile, lines, columns);
  }
  // Transforms them.
  void transform(const TilePart& part) noexcept {
    T* values = values_ + channels_.begin;
    for_each_pair([&](const AxisPart& a, const AxisPart& b, index_t plane, index_t size) {
      for (index_t tile = part.tiles.begin; tile < part.tiles.end; ++tile) {
        if (!a.plain() && !b.plain()) transform_both(tile, part.columns, a, b, plane, values);
        if (a.plain() && !b.plain()) transform_w(tile, part.columns, a, b, plane, values);
        if (!a.plain() && b.plain()) transform_h(tile, part.columns, a, b, plane, values);
      }
      values += size;
    });
  }

  // Multiplies one panel at place xi of all those whose products are transformed along h, where the
  // products of all panels are kept.
  void multiply_place(index_t xi, index_t panel) noexcept {
    panels_ = {panel, panel + 1};
    T* products = products_ + cut_.panels.first(panel);
    for_each_product([&](const AxisPart& a, const AxisPart& b, const Source& x, index_t n) {
      if (a.plain()) return;
      const index_t places = SplitGrid::places(a, b), product = split_plane<T>(n, all_);
      if (xi >= 0 && xi < places)
        multiply(n, x.values + xi * x.plane, cut_.pixel, x.weights + xi * cut_.panels.plane(),
                 products + xi * product, all_, false);
      xi -= places, products += places * product;
    });
  }

  // Computes the outputs of a part of the block, of some panels: multiplies, unless that is done
  // already, transforms the products back and stores the outputs.
  void finish(const TilePart& part, Range panels) noexcept {
    part_ = part, panels_ = panels, width_ = cut_.panels.pixel(panels);
    bool begun = false;  // whether the results hold some of the sums
    for (const AxisPart& b : grid_.w.parts())
      if (!b.plain()) {
        bool half_begun = false;
        const index_t columns = part.columns.size(),
                      plane = split_plane<T>(part_outputs() + grid_.h.m(), columns * width_);
        for (const AxisPart& a : grid_.h.parts())
          add(a, b, {halves_, columns * width_, width_}, plane, half_begun);
        back_along_w(b, plane, begun);
      }
    for (const AxisPart& b : grid_.w.parts())
      if (b.plain())
        for (const AxisPart& a : grid_.h.parts()) add(a, b, results(), 0, begun);
    const Range rows{cut_.panels.first(panels.begin),
                     std::min(cut_.panels.first(panels.begin) + width_, r_.m)};
    SplitOutputs<T>(job_, grid_, exec_, g_, part, rows, results()).store(bias_);
  }

 private:
  // Where the values and weights of a pair of parts begin.
  struct Source {
    const T* values;
    index_t plane;  // from the values of one place to those of the next
    const T* weights;
  };

  index_t lanes() const { return cut_.panels.lanes; }
  Pixels<T> results() const {
    return {results_, part_.columns.size() * grid_.w.m() * width_, width_};
  }
  // The number of the first output of a row of tiles among those of the block.
  index_t first_output(index_t tile) const { return grid_.first_output(tile, tiles_.begin); }
  index_t outputs_of(index_t tile) const { return grid_.h.outputs(tile % grid_.h.tiles()); }
  // The rows of outputs of the part at hand.
  index_t part_outputs() const { return grid_.first_output(part_.tiles.end, part_.tiles.begin); }

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
  // Calls visit(a, b, where their values and weights begin, the values of a place).
  template <class Visit>
  void for_each_product(const Visit& visit) const {
    const T *weights = job_.packed + g_ * grid_.places() * cut_.panels.plane(), *values = values_;
    for_each_pair([&](const AxisPart& a, const AxisPart& b, index_t plane, index_t size) {
      const index_t lines = a.plain() ? outputs_ : tiles_.size();
      visit(a, b, Source{values, plane, weights}, lines * grid_.columns(b));
      values += size, weights += SplitGrid::places(a, b) * cut_.panels.plane();
    });
  }

  void transform_both(index_t tile, Range tiles, const AxisPart& a, const AxisPart& b,
                      index_t plane, T* to) noexcept {
    const index_t part = tiles.size() * cut_.pixel, line = b.kind().alpha * part;
    for (index_t i = 0; i < a.kind().alpha; ++i)
      input_along_w(tile, a.offset + i * grid_.h.step(), tiles, b,
                    lines_ + i * line + channels_.begin, part);
    to += ((tile - tiles_.begin) * grid_.w.tiles() + tiles.begin) * cut_.pixel;
    for (index_t j = 0; j < b.kind().alpha; ++j)
      kernels_.conv.winograd.input[a.scheme]({.src = lines_ + j * part + channels_.begin,
                                              .src_term = line,
                                              .src_line = cut_.pixel,
                                              .dst = to + j * plane,
                                              .dst_term = b.kind().alpha * plane,
                                              .dst_line = cut_.pixel,
                                              .lines = tiles.size(),
                                              .vectors = vectors_});
  }
  void transform_w(index_t tile, Range tiles, const AxisPart& a, const AxisPart& b, index_t plane,
                   T* to) noexcept {
    for (index_t i = 0; i < outputs_of(tile); ++i)
      input_along_w(tile, a.offset + i * grid_.h.step(), tiles, b,
                    to + ((first_output(tile) + i) * grid_.w.tiles() + tiles.begin) * cut_.pixel,
                    plane);
  }
  // Transforms some tiles of a row; their values go to planes that lie `plane` apart.
  void input_along_w(index_t tile, index_t row, Range tiles, const AxisPart& b, T* to,
                     index_t plane) noexcept {
    const index_t distance = grid_.w.m() * grid_.w.step();
    kernels_.conv.winograd.input[b.scheme](
        {.src = image_.copied(tile, row, b.offset + tiles.begin * distance) + channels_.begin,
         .src_term = grid_.w.step() * cut_.pixel,
         .src_line = distance * cut_.pixel,
         .dst = to,
         .dst_term = plane,
         .dst_line = cut_.pixel,
         .lines = tiles.size(),
         .vectors = vectors_});
  }
  void transform_h(index_t tile, Range tiles, const AxisPart& a, const AxisPart& b, index_t plane,
                   T* to) noexcept {
    const Range columns = grid_.columns(b, tiles);
    const index_t from = b.offset + columns.begin * grid_.w.step();
    kernels_.conv.winograd.input[a.scheme](
        {.src = image_.copied(tile, a.offset, from) + channels_.begin,
         .src_term = grid_.h.step() * image_.row(),
         .src_line = grid_.w.step() * cut_.pixel,
         .dst = to + ((tile - tiles_.begin) * grid_.columns(b) + columns.begin) * cut_.pixel,
         .dst_term = plane,
         .dst_line = cut_.pixel,
         .lines = columns.size(),
         .vectors = vectors_});
  }

  // Adds the products of a pair of parts to `to`, which has a plane for each place of b, or makes
  // them its first summand.
  void add(const AxisPart& a, const AxisPart& b, const Pixels<T>& to, index_t to_plane,
           bool& begun) noexcept {
    T* products = products_;
    for_each_product([&](const AxisPart& p, const AxisPart& q, const Source& x, index_t n) {
      if (&p == &a && &q == &b) {
        if (a.plain() && b.plain())
          add_plain(a, b, x.weights, to, begun);
        else if (a.plain())
          add_lines(b, x, to, to_plane, begun);
        else
          add_transformed(a, b, x, products, to, to_plane, begun);
      }
      // Those of other pairs are kept, too, where they are multiplied before.
      if (cut_.spread && !p.plain()) products += SplitGrid::places(p, q) * split_plane<T>(n, all_);
    });
    begun = true;
  }
  void add_plain(const AxisPart& a, const AxisPart& b, const T* weights, const Pixels<T>& to,
                 bool begun) noexcept {
    const Range columns = grid_.outputs_of(part_.columns);
    const index_t from = b.offset + columns.begin * grid_.w.step();
    for (index_t tile = part_.tiles.begin; tile < part_.tiles.end; ++tile)
      for (index_t i = 0; i < outputs_of(tile); ++i)
        multiply(columns.size(), image_.copied(tile, a.offset + i * grid_.h.step(), from),
                 grid_.w.step() * cut_.pixel, weights,
                 to(grid_.first_output(tile, part_.tiles.begin) + i), width_, begun);
  }
  void add_lines(const AxisPart& b, const Source& x, const Pixels<T>& to, index_t to_plane,
                 bool begun) noexcept {
    // Whole rows are neighbours.
    const index_t tiles = part_.columns.size(), rows = part_outputs();
    const bool whole = tiles == grid_.w.tiles();
    const T* from =
        x.values +
        (first_output(part_.tiles.begin) * grid_.w.tiles() + part_.columns.begin) * cut_.pixel;
    for (index_t j = 0; j < b.kind().alpha; ++j)
      for (index_t i = 0; i < (whole ? 1 : rows); ++i)
        multiply(whole ? rows * tiles : tiles,
                 from + j * x.plane + i * grid_.w.tiles() * cut_.pixel, cut_.pixel,
                 x.weights + j * cut_.panels.plane(), to(i) + j * to_plane, width_, begun);
  }
  void add_transformed(const AxisPart& a, const AxisPart& b, const Source& x, T* products,
                       const Pixels<T>& to, index_t to_plane, bool begun) noexcept {
    const Range columns = grid_.columns(b, part_.columns);
    const index_t all = grid_.columns(b), n = tiles_.size() * all, places = b.kind().alpha;
    // One row of products of the panels at hand, or, where they are kept, of all.
    const index_t pixel = cut_.spread ? all_ : width_, product = split_plane<T>(n, pixel);
    if (!cut_.spread)
      for (index_t xi = 0; xi < SplitGrid::places(a, b); ++xi)
        multiply(n, x.values + xi * x.plane, cut_.pixel, x.weights + xi * cut_.panels.plane(),
                 products + xi * product, width_, false);
    else
      products += cut_.panels.first(panels_.begin);
    const index_t row = columns.size() * width_;
    for (index_t j = 0; j < places; ++j)
      for (index_t tile = part_.tiles.begin; tile < part_.tiles.end; ++tile) {
        T* const end = to(grid_.first_output(tile, part_.tiles.begin)) + j * to_plane;
        kernels_.conv.winograd.output[a.scheme](
            {.src = products + j * product + ((tile - tiles_.begin) * all + columns.begin) * pixel,
             .src_term = places * product,
             .src_line = pixel,
             .dst = begun ? more_ : end,
             .dst_term = begun ? row : to.row,
             .dst_line = width_,
             .lines = columns.size(),
             .vectors = width_ / lanes()});
        if (begun) sum({row, outputs_of(tile), more_, row, end, to.row, end, to.row, false, false});
      }
  }
  void sum(const AddRows<T>& rows) noexcept { kernels_.elementwise.add(rows); }

  // Multiplies n neighbouring values by the panels at hand, from `weights` on. The products of
  // neighbours lie `y_step` apart.
  void multiply(index_t n, const T* x, index_t step, const T* weights, T* y, index_t y_step,
                bool begun) noexcept {
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
        T* const to = y + some.begin * y_step + first;
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
             .y_step = y_step,
             .init = begun ? to : nullptr,
             .init_step = y_step,
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
    const index_t m = grid_.w.m(), tiles = part_.columns.size(), rows = part_outputs();
    for (index_t i = 0; i < rows; ++i) {
      kernels_.conv.winograd.output[b.scheme]({.src = halves_ + i * tiles * width_,
                                               .src_term = plane,
                                               .src_line = width_,
                                               .dst = begun ? more_ : to(i),
                                               .dst_term = width_,
                                               .dst_line = m * width_,
                                               .lines = tiles,
                                               .vectors = width_ / lanes()});
      if (begun) sum({to.row, 1, more_, to.row, to(i), to.row, to(i), to.row, false, false});
    }
    begun = true;
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
  index_t all_ = 0;      // the output channels of all panels in whole vectors
  SplitImage<T> image_;
  T* const values_;  // this and the following as SplitSizes says
  T *lines_, *products_, *halves_, *results_, *more_, *bias_;
  Range channels_{};  // the input channels at hand, and their vectors
  index_t vectors_ = 0;
  TilePart part_{};  // the part of the block that is finished
  Range panels_{};   // the panels at hand, and their output channels in whole vectors
  index_t width_ = 0;
};

}  // namespace fastconv::winograd
