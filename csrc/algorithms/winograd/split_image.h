// SPDX-License-Identifier: MIT
// What the rows of tiles of a block read, copied together with its padding as pixels of channels.
// Planes are transposed on the way.
#pragma once

#include "algorithms/correlation/job.h"
#include "algorithms/winograd/split_cut.h"

namespace fastconv::winograd {

template <class T>
class SplitImage {
 public:
  // `image` is where the copy goes; `first` is the first row of tiles of the block.
  SplitImage(const Job<T>& job, const SplitGrid& grid, const SplitCut& cut, const Exec& exec,
             index_t g, index_t first, T* image) noexcept
      : job_(job),
        r_(job.r),
        grid_(grid),
        cut_(cut),
        exec_(exec),
        g_(g),
        first_(first),
        image_(image) {}

  // Makes some channels those that are copied; they are the first ones of so many vectors.
  void take(Range channels, index_t vectors) noexcept { channels_ = channels, vectors_ = vectors; }
  index_t row() const { return grid_.pixels() * cut_.pixel; }  // from one row to the next

  // The copy of what row i of a row of tiles reads, from column j on.
  T* copied(index_t tile, index_t i, index_t j) const {
    return image_ + ((tile - first_) * grid_.lines() + i) * row() + j * cut_.pixel;
  }

  // Copies some columns of some of the rows that a row of tiles reads, with their padding. Whole
  // tiles may reach beyond the padding; zeros stand there.
  void fill(index_t tile, Range lines, Range columns) noexcept {
    const index_t n = tile / grid_.h.tiles(), th = tile % grid_.h.tiles();
    const index_t top = grid_.h.first() + th * grid_.h.m() * grid_.h.step();
    const index_t reads = grid_.h.reach(grid_.h.outputs(th));
    const index_t left = grid_.w.first(), used = grid_.w.reach(grid_.w.outputs());
    const auto within = [&](index_t begin, index_t end) {
      return Range{std::max(begin, columns.begin), std::min(end, columns.end)};
    };
    const index_t begin = std::clamp(-left, index_t{0}, used);
    const index_t end = std::clamp(r_.w.in - left, index_t{0}, used);
    for (index_t i = lines.begin; i < lines.end; ++i) {
      T* to = copied(tile, i, 0);
      const index_t row = i < reads ? padded_source(r_.mode, top + i, r_.h.in) : -1;
      if (row < 0) {
        clear(to, columns);
        continue;
      }
      pad(n, row, to, within(0, begin));
      if (const Range inside = within(begin, end); inside.size() > 0)
        copy(n, row, left + inside.begin, inside.size(), to + inside.begin * cut_.pixel);
      pad(n, row, to, within(end, used));
      clear(to, within(used, columns.end));
    }
  }

 private:
  void clear(T* row, Range columns) noexcept {
    for (index_t j = columns.begin; j < columns.end; ++j)
      std::fill_n(row + j * cut_.pixel + channels_.begin, vectors_ * lanes(), T{0});
  }
  void pad(index_t n, index_t row, T* to, Range columns) noexcept {
    for (index_t j = columns.begin; j < columns.end; ++j) {
      const index_t column = padded_source(r_.mode, grid_.w.first() + j, r_.w.in);
      if (column < 0)
        clear(to, {j, j + 1});
      else
        copy(n, row, column, 1, to + j * cut_.pixel);
    }
  }
  // Copies n pixels of a row of an image, of the channels at hand.
  void copy(index_t image, index_t row, index_t column, index_t n, T* to) noexcept {
    const index_t c = channels_.size();
    to += channels_.begin;
    if (job_.x_pixel != 0) {
      const T* from = job_.x + image * job_.x_image + row * job_.x_row + column * job_.x_pixel +
                      g_ * r_.c + channels_.begin;
      for (index_t i = 0; i < n; ++i) std::copy_n(from + i * job_.x_pixel, c, to + i * cut_.pixel);
    } else {
      exec_.kernels<T>().elementwise.transpose(
          {.x = job_.image(image, g_) + channels_.begin * r_.in_plane() + row * r_.w.in + column,
           .ldx = r_.in_plane(),
           .y = to,
           .ldy = cut_.pixel,
           .rows = c,
           .columns = n});
    }
    // The last vector's free lanes are transformed, too.
    if (const index_t free = vectors_ * lanes() - c; free > 0)
      for (index_t i = 0; i < n; ++i) std::fill_n(to + i * cut_.pixel + c, free, T{0});
  }

  index_t lanes() const { return cut_.panels.lanes; }

  const Job<T>& job_;
  const Correlation& r_;
  const SplitGrid& grid_;
  const SplitCut& cut_;
  const Exec& exec_;
  const index_t g_, first_;
  T* const image_;
  Range channels_{};
  index_t vectors_ = 0;
};

}  // namespace fastconv::winograd
