// SPDX-License-Identifier: MIT
// Outputs that read the image through the same taps: away from the border all taps do, near it some
// read the padding instead. Algorithms that take such outputs together need no padding at all.
#pragma once

#include <algorithm>

#include "algorithms/correlation/correlation.h"

namespace fastconv {

// Neighbouring outputs of an axis, from number q on, and the taps through which all of them read
// the image; there may be none.
struct TapSpan {
  index_t q, count, tap, taps;
};

// Calls f with the spans of an axis whose taps read at an even distance, one after another. This
// takes time with the square of the taps, and no memory.
template <class F>
void for_each_span(const TapAxis& axis, const F& f) {
  // The first output for which a tap reads at `position` or beyond.
  const auto first_from = [&](index_t position) {
    return std::min(ceil_div(std::max<index_t>(0, position), axis.in_step), axis.count);
  };
  for (index_t q = 0; q < axis.count;) {
    TapSpan span{q, axis.count - q, 0, 0};
    for (index_t t = 0; t < axis.n_taps(); ++t) {
      const index_t offset = axis.taps[static_cast<std::size_t>(t)].offset;
      const index_t begin = first_from(-offset), end = first_from(axis.in - offset);
      const bool inside = begin <= q && q < end;
      if (inside && span.taps++ == 0) span.tap = t;
      if (inside || (q < begin && begin < end))
        span.count = std::min(span.count, (inside ? end : begin) - q);
    }
    f(span);
    q += span.count;
  }
}

// The only span of an axis whose padding is there like any other element.
inline TapSpan whole_span(const TapAxis& axis) { return {0, axis.count, 0, axis.n_taps()}; }

}  // namespace fastconv
