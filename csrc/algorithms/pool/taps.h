// SPDX-License-Identifier: MIT
// Going through the windows of a plane tap by tap.
#pragma once

#include "core/pool_desc.h"

namespace fastconv::pool {

// Calls element(place of the input, output) for every tap of every window of a plane.
template <class Element>
void for_taps(const PoolDesc& d, const Element& element) {
  for (index_t oh = 0; oh < d.h.out; ++oh) {
    const Span h = span_of(d.h, oh);
    for (index_t ow = 0; ow < d.w.out; ++ow) {
      const Span w = span_of(d.w, ow);
      for (index_t p = 0; p < h.count; ++p)
        for (index_t q = 0; q < w.count; ++q)
          element((h.at + p * d.h.dilation) * d.w.in + w.at + q * d.w.dilation, oh * d.w.out + ow);
    }
  }
}

// Elements of a plane touched when going tap by tap, which is some four times as slow as by rows.
inline double taps_work(const PoolDesc& d) {
  return 4 * usual_taps(d) * static_cast<double>(d.out_plane()) + static_cast<double>(d.in_plane());
}

}  // namespace fastconv::pool
