// SPDX-License-Identifier: MIT
// A strip: the rows of an image that a few output rows need, gathered so that every tap of a row of
// outputs is a run of neighbouring elements, whatever the stride, dilation and padding. Building it
// costs a copy of each row or a few; each element then serves all output channels and taps.
//
// Where a strip is packed, each tap of the width has a copy of the rows of its own, exactly as wide
// as the outputs: then the rows of a block are one run of neighbouring elements, too, and no lane
// is lost at the end of a row.
#pragma once

#include <vector>

#include "algorithms/correlation/job.h"

namespace fastconv {

class StripLayout {
 public:
  // For blocks of `rows` by `columns` outputs. May allocate: made before the parallel region.
  StripLayout(const Correlation& r, index_t rows, index_t columns, bool packed);

  index_t channel() const { return channel_; }  // elements of one channel
  index_t row_step() const { return pitch_; }   // between neighbouring output rows
  bool packed() const { return packed_; }
  // Where tap t = (tap of h, tap of w) of the first output row and column lies in its channel.
  const std::vector<index_t>& taps() const { return taps_; }

  // Gathers what output rows oh.. and columns ow.. need of `channels` channels from `image`.
  template <class T>
  void gather(const Correlation& r, const T* image, index_t channels, index_t oh, index_t rows,
              index_t ow, index_t columns, const Exec& exec, T* strip) const noexcept;

 private:
  // Reads of one axis, in_step apart, that one or more taps share; `at` counts rows or elements.
  struct Run {
    index_t offset, length, at;
  };
  // Finds the runs of an axis for `count` outputs, and for each tap the place of its first output.
  static std::vector<Run> runs_of(const TapAxis& axis, index_t count, bool share,
                                  std::vector<index_t>& at);
  struct Lines {  // of zeros, of the image, of zeros
    index_t above, inside, below;
  };
  // Image rows from `row` on, of some channels, to row `slot` of the strip on.
  template <class T>
  void gather_rows(const Correlation& r, const T* row, const Lines& lines, index_t channels,
                   index_t slot, index_t start, index_t columns, const Exec& exec,
                   T* strip) const noexcept;

  bool packed_;
  index_t rows_, columns_;  // of a whole block
  index_t pitch_ = 0, channel_ = 0;
  std::vector<Run> row_runs_, column_runs_;
  std::vector<index_t> taps_;
};

// Where the terms of a sum lie in a strip: each of `taps` in each of `channels`. Returns the end.
inline index_t* list_terms(const std::vector<index_t>& taps, index_t channels, index_t channel,
                           index_t* offsets) noexcept {
  for (index_t c = 0; c < channels; ++c)
    for (const index_t tap : taps) *offsets++ = c * channel + tap;
  return offsets;
}

}  // namespace fastconv
