// SPDX-License-Identifier: MIT
// How the windows along one axis slide (core/slide_kernels.h): along rows, or along a line of
// neighbouring elements. Those of a gradient of sums hold, for each element of the pool's input,
// the outputs that it is part of.
#pragma once

#include <algorithm>

#include "core/pool_desc.h"

namespace fastconv::pool {

// Windows whose starts and whose elements lie at even distances: every `element_step`-th element
// from `element` on, and every `output_step`-th window from `output` on. Where the axis is dilated,
// or is a gradient's and has a stride, there are several such series, which share no element or
// no window.
struct SlideSeries {
  index_t element, element_step, elements;
  index_t output, output_step, outputs;
  index_t kernel, stride, start;  // counted in elements of the series
};

class SlideAxis {
 public:
  SlideAxis(const Axis& axis, bool gradient);
  index_t count() const { return count_; }
  SlideSeries operator[](index_t i) const { return gradient_ ? backward(i) : forward(i); }

 private:
  SlideSeries forward(index_t i) const;
  SlideSeries backward(index_t i) const;

  Axis axis_;
  bool gradient_;
  index_t elements_, outputs_;  // of all
  index_t element_step_, output_step_, count_;
};

// Windows along a line, for every position from `first` on, whether or not the stride skips it. Of
// a window longer than the line only those taps are counted that can lie in it; `kernel` is then
// less than the axis's.
class SlideLineWindows {
 public:
  SlideLineWindows(const Axis& axis, bool gradient);

  index_t in;            // elements of the line
  index_t spread;        // every spread-th of them is given, the others are 0
  index_t kernel, step;  // taps, and their distance
  index_t first, n;      // positions
  // Of the line that all positions reach over.
  index_t size() const { return n + (kernel - 1) * step; }

  // Calls run(first output, number of outputs, position, distance of positions) for all outputs
  // whose windows may hold something; positions are counted from `first`.
  template <class Run>
  void for_runs(const Run& run) const {
    if (n <= 0) return;
    if (kernel == full_) return run_within(0, first, first + n - 1, run);
    const index_t inner = in - (full_ - 1) * step;  // windows from here on reach beyond the line
    run_within((full_ - kernel) * step, first - (full_ - kernel) * step, inner - 1, run);
    const index_t begin = output_at(inner), end = output_at(0);  // those that hold the whole line
    if (step == 1 && begin < end) run(begin, end - begin, -first, 0);
    for (index_t o = begin; step > 1 && o < end; ++o) {
      const index_t place = ((o * stride_ - lo_) % step + step) % step;
      if (place < in) run(o, 1, place - first, 0);  // else no tap meets the line
    }
    run_within(0, 0, in - 1, run);
  }

 private:
  // The first output whose window begins at `place` or behind it.
  index_t output_at(index_t place) const {
    const index_t from = place + lo_;
    return std::min(out_, from > 0 ? ceil_div(from, stride_) : 0);
  }
  // Of the outputs whose windows begin within lower..upper; their positions are `moved` from there.
  template <class Run>
  void run_within(index_t moved, index_t lower, index_t upper, const Run& run) const {
    const index_t begin = output_at(lower), end = output_at(upper + 1);
    if (begin < end) run(begin, end - begin, begin * stride_ - lo_ + moved - first, stride_);
  }

  index_t out_, stride_, lo_, full_;  // of the outputs; `full_` are the taps with those outside
};

}  // namespace fastconv::pool
