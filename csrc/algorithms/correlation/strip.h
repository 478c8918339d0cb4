// SPDX-License-Identifier: MIT
// A strip holds the rows of an image that a few rows of outputs need. They are gathered so that the
// elements which one tap reads for a row of outputs are neighbours, whatever the stride, dilation
// and padding. This costs one or a few copies of each row; all output channels then read them.
//
// A strip can be packed: then each tap of w has its own copy of the rows, which is exactly as wide
// as a row of outputs. So the elements that a tap reads for several rows of outputs are neighbours,
// too, and no lane is lost at the end of a row.
#pragma once

#include <vector>

#include "algorithms/correlation/job.h"

namespace fastconv {

class StripLayout {
 public:
  // For blocks of up to `rows` by `columns` outputs. The constructor allocates, so that it has to
  // run before the parallel region.
  StripLayout(const Correlation& r, index_t rows, index_t columns, bool packed);

  index_t channel() const { return channel_; }  // the elements of one channel of the strip
  // How far apart a tap reads for neighbouring rows of outputs.
  index_t row_step() const { return pitch_; }
  bool packed() const { return packed_; }
  // For each tap, in the order (tap of h, tap of w), where in its channel of the strip it reads for
  // the first output of a block.
  const std::vector<index_t>& taps() const { return taps_; }

  // Gathers what a block of outputs reads of `channels` channels, whose first begins at `image`.
  // The block has `rows` rows from oh on and `columns` columns from ow on.
  template <class T>
  void gather(const Correlation& r, const T* image, index_t channels, index_t oh, index_t rows,
              index_t ow, index_t columns, const Exec& exec, T* strip) const noexcept;

 private:
  // What one or several taps read along an axis: `length` places of the image, in_step apart, of
  // which the first is `offset` for output 0. In the strip they are neighbours and begin at `at`,
  // which counts rows along h and elements along w.
  struct Run {
    index_t offset, length, at;
  };
  // Finds the runs of an axis for `count` outputs, and writes to `at` where each tap reads for the
  // first of them. Without `share` each tap has its own run.
  static std::vector<Run> runs_of(const TapAxis& axis, index_t count, bool share,
                                  std::vector<index_t>& at);
  struct Lines {  // the rows of a run: `inside` of them lie in the image, the others in the padding
    index_t above, inside, below;
  };
  // Gathers the lines of a run along h, for some channels, into the strip's rows from `slot` on.
  // The first line in the image is `row`; output `ow` reads its column `start` through offset 0.
  template <class T>
  void gather_rows(const Correlation& r, const T* row, const Lines& lines, index_t channels,
                   index_t slot, index_t start, index_t columns, const Exec& exec,
                   T* strip) const noexcept;

  bool packed_;
  index_t rows_, columns_;           // of outputs in a whole block
  index_t pitch_ = 0, channel_ = 0;  // the distance of neighbouring rows, the size of a channel
  std::vector<Run> row_runs_, column_runs_;
  std::vector<index_t> taps_;
};

// Writes to `offsets` where each term of a sum lies in a strip whose channels have `channel`
// elements: all taps of the first channel, then all of the next. Returns the end of what it wrote.
inline index_t* list_terms(const std::vector<index_t>& taps, index_t channels, index_t channel,
                           index_t* offsets) noexcept {
  for (index_t c = 0; c < channels; ++c)
    for (const index_t tap : taps) *offsets++ = c * channel + tap;
  return offsets;
}

}  // namespace fastconv
