// SPDX-License-Identifier: MIT
// Rows of an image of pixels, copied together with their padding: as they lie, so that this costs
// what copying memory costs.
#pragma once

#include "algorithms/correlation/job.h"

namespace fastconv {

// What outputs of a correlation read of the channels of one group: all columns, padding included,
// and the rows that up to `rows` rows of outputs need.
class PaddedPixels {
 public:
  PaddedPixels() = default;
  // Each channel is copied `repeat` times, one copy beside the other.
  PaddedPixels(const Correlation& r, index_t channels, index_t repeat, index_t rows);

  index_t pixel() const { return pixel_; }  // the elements of a pixel, and of a row
  index_t row() const { return columns_ * pixel_; }
  index_t lines(index_t rows) const { return (rows - 1) * h_step_ + reach_h_; }
  index_t size() const { return lines(rows_) * row(); }
  // Where place (0, 0) of the image would be in a copy for outputs from row oh on.
  index_t origin(index_t oh) const {
    return -(oh * h_step_ + first_h_) * row() - first_w_ * pixel_;
  }
  // Copies what `rows` rows of outputs from oh on read of `channels` channels of an image, of which
  // the first element is `image`; rows and pixels lie as the job says.
  template <class T>
  void fill(const Job<T>& job, const T* image, index_t oh, index_t rows, const Exec& exec,
            T* to) const noexcept;

 private:
  index_t channels_ = 1, repeat_ = 1, rows_ = 1, h_step_ = 1;
  index_t first_h_ = 0, reach_h_ = 1, first_w_ = 0, columns_ = 1, pixel_ = 1;
};

}  // namespace fastconv
