// SPDX-License-Identifier: MIT
// Part of an image with its padding, as pixels of `lanes` neighbouring channels, for depthwise
// layers on small planes: every lane is full however short the rows are, and no tap is clipped.
#pragma once

#include <vector>

#include "algorithms/correlation/correlation.h"
#include "core/exec.h"

namespace fastconv::depthwise {

class PixelFrame {
 public:
  // For all of `phases`, which read one image, in blocks of at most `most_rows` of their rows.
  PixelFrame(const std::vector<Correlation>& phases, index_t lanes, index_t item,
             index_t most_rows);
  // Whether a block of one row fits half of L2; if not, there is nothing more to ask for.
  bool fits() const { return fits_; }

  index_t rows() const { return rows_; }  // of each phase in a block, at most
  index_t blocks() const { return ceil_div(count_, rows_); }
  index_t bytes() const { return frame_ + copy_; }  // of one frame
  // From what a tap reads for an output to what it reads for the next, in elements.
  index_t row_step() const { return h_step_ * pitch_ * lanes_; }
  index_t column_step() const { return w_step_ * lanes_; }

  // Appends where each tap of a phase reads, and where its weight lies among vectors of them.
  void list_taps(const Correlation& r, std::vector<index_t>& x_at,
                 std::vector<index_t>& w_at) const;

  // Fills the frame with what the block from `row` on needs; `image` is the first of `channels`
  // planes. The frame must have been zero at first: what is padding in every block is not written.
  template <class T>
  void fill(const T* image, index_t channels, index_t row, const Exec& exec,
            T* frame) const noexcept;

 private:
  index_t frame_lines() const { return (rows_ - 1) * h_step_ + last_h_ - first_h_ + 1; }
  index_t lanes_, count_ = 0, rows_ = 1;
  index_t in_h_, in_w_, h_step_, w_step_;
  index_t first_h_ = 0, last_h_ = 0, first_w_ = 0, last_w_ = 0;  // reads of the first output
  index_t pitch_ = 0;
  index_t frame_ = 0, copy_ = 0;  // bytes
  bool fits_ = false;
};

// Planes as pixels: `pixels` of them, in vectors of `lanes`, and back.
template <class T>
void planes_to_pixels(const T* planes, index_t plane, index_t channels, index_t pixels,
                      const Exec& exec, T* to) noexcept;
template <class T>
void pixels_to_planes(const T* from, index_t pixels, index_t channels, T* planes, index_t plane,
                      const Exec& exec) noexcept;

}  // namespace fastconv::depthwise
