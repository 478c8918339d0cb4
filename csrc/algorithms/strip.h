// SPDX-License-Identifier: MIT
// A strip: the rows of an image that a few output rows need, gathered so that every tap of a row of
// outputs is a run of neighbouring elements, whatever the stride, dilation and padding. Building it
// costs a copy of each row per output row; each element then serves all output channels and taps.
#pragma once

#include <vector>

#include "algorithms/job.h"

namespace fastconv {

class StripLayout {
 public:
  // For blocks of `rows` by `columns` outputs. May allocate: made before the parallel region.
  StripLayout(const Correlation& r, index_t rows, index_t columns);

  index_t channel() const { return slots_ * pitch_; }       // elements of one channel
  index_t row_step() const { return row_slots_ * pitch_; }  // between neighbouring output rows
  // Where tap t = (tap of h, tap of w) of the first output row and column lies in its channel.
  const std::vector<index_t>& taps() const { return taps_; }

  // Gathers what output rows oh.. and columns ow.. need of `channels` channels from `image`.
  template <class T>
  void gather(const Correlation& r, const T* image, index_t channels, index_t oh, index_t rows,
              index_t ow, index_t columns, const Exec& exec, T* strip) const noexcept;

 private:
  struct Run {  // neighbouring reads that one or more taps of w share
    index_t offset, length, at;
  };
  // The runs of `rows` image rows, one after another from `row` on.
  template <class T>
  void gather_runs(const Correlation& r, const T* row, index_t rows, index_t start, index_t columns,
                   const Exec& exec, T* to) const noexcept;
  void lay_columns(const Correlation& r, std::vector<index_t>& at);
  void lay_rows(const Correlation& r);

  index_t rows_, columns_;  // of a whole block
  index_t pitch_ = 0, slots_ = 0, row_slots_ = 0;
  index_t first_offset_ = 0;  // of the rows, where slots are consecutive image rows
  bool consecutive_ = false;
  std::vector<Run> runs_;
  std::vector<index_t> taps_;
};

}  // namespace fastconv
