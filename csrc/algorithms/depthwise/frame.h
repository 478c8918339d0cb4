// SPDX-License-Identifier: MIT
// A frame for depthwise layers on small planes: a part of an image with its padding, transposed so
// that each pixel is a vector of `lanes` neighbouring channels. Every lane is full however short
// the rows are, and no tap has to be clipped.
#pragma once

#include <algorithm>
#include <vector>

#include "algorithms/correlation/correlation.h"
#include "core/exec.h"

namespace fastconv::depthwise {

class PixelFrame {
 public:
  // The frame from which all of `phases` are computed, in blocks of at most `most_rows` rows of the
  // outputs of a phase. An element has `item` bytes.
  PixelFrame(const std::vector<Correlation>& phases, index_t lanes, index_t item,
             index_t most_rows);
  // Whether a block of one row fits half of L2. If not, no other function may be called.
  bool fits() const { return fits_; }

  index_t rows() const { return rows_; }  // that each phase has in a block, at most
  index_t blocks() const { return ceil_div(count_, rows_); }
  // The elements of each plane that all blocks transpose together, rows that two blocks share
  // twice.
  index_t transposed() const { return blocks() * std::min(frame_lines(), in_h_) * in_w_; }
  index_t bytes() const { return frame_ + copy_; }  // of one frame, with the copy that fills it
  // How far apart a tap reads for neighbouring rows and columns of outputs.
  index_t row_step() const { return h_step_ * pitch_ * lanes_; }
  index_t column_step() const { return w_step_ * lanes_; }

  // Appends to x_at where in the frame each tap of a phase reads for the first output, and to w_at
  // where its weights lie if each weight of a kernel is a vector of channels.
  void list_taps(const Correlation& r, std::vector<index_t>& x_at,
                 std::vector<index_t>& w_at) const;

  // Fills the frame with what the block needs that begins with output row `row`; `image` is the
  // first of `channels` planes. The frame has to be zero before its first use, since elements that
  // are padding in every block are never written.
  template <class T>
  void fill(const T* image, index_t channels, index_t row, const Exec& exec,
            T* frame) const noexcept;
  // The same from pixels: `image` is the first channel of the first of them.
  template <class T>
  void fill_pixels(const T* image, index_t row_step, index_t pixel_step, index_t channels,
                   index_t row, T* frame) const noexcept;

 private:
  // The rows of the image that a frame holds.
  index_t frame_lines() const { return (rows_ - 1) * h_step_ + last_h_ - first_h_ + 1; }
  index_t lanes_;
  index_t count_ = 0, rows_ = 1;           // rows of outputs: of all blocks, of one block
  index_t in_h_, in_w_, h_step_, w_step_;  // of the image: its lengths and strides
  index_t first_h_ = 0, last_h_ = 0, first_w_ = 0, last_w_ = 0;  // the least, greatest tap offsets
  index_t pitch_ = 0;                                            // pixels of a row of the frame
  index_t frame_ = 0, copy_ = 0;  // bytes of the frame, and of the transposed rows of the image
  bool fits_ = false;
};

// Transposes `pixels` pixels of some neighbouring planes, which are `plane` elements apart, to
// vectors of channels; and such vectors back to planes.
template <class T>
void planes_to_pixels(const T* planes, index_t plane, index_t channels, index_t pixels,
                      const Exec& exec, T* to) noexcept;
template <class T>
void pixels_to_planes(const T* from, index_t pixels, index_t channels, T* planes, index_t plane,
                      const Exec& exec) noexcept;

}  // namespace fastconv::depthwise
