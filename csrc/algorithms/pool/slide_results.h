// SPDX-License-Identifier: MIT
// What sliding.h does with the results of a unit.
#pragma once

#include "algorithms/pool/slide_image.h"
#include "algorithms/pool/tasks.h"

namespace fastconv::pool {

// Divisors and roots, and the way out of the scratch.
template <class T, class K>
void SlideImage<T, K>::finish(index_t c0, index_t c1) const {
  if constexpr (std::is_same_v<T, K>) {
    const index_t depth = call.depth, width = call.width_out();
    const bool divides = call.divides() && !call.gradient();
    for (index_t oh = 0; oh < call.h.out(); ++oh) {
      T* y = to().values + oh * width;
      if constexpr (std::is_floating_point_v<T>) {
        const auto& kernels = exec.kernels<T>().pool;
        if (divides && !call.pixels())
          kernels.divide(y + c0, c1 - c0, divisors.rows[oh], divisors.columns + c0);
        for (index_t c = c0; divides && call.pixels() && c < c1;) {
          const index_t stop = std::min(c1, (c / depth + 1) * depth);
          kernels.divide(y + c, stop - c, divisors.rows[oh] * divisors.columns[c / depth], nullptr);
          c = stop;
        }
        if (!call.gradient()) take_roots(exec, call.problem.pooling, y + c0, c1 - c0);
      }
      if (!call.stages()) continue;
      const index_t step = arrays.to_pixel == 0 ? depth : arrays.to_pixel;
      T* out = arrays.to + unit * (arrays.to_pixel == 0 ? call.h.out() * width : arrays.to_image) +
               oh * call.w.out() * step;
      for (index_t c = c0; c < c1; ++c) out[c / depth * step + c % depth] = y[c];
    }
  }
}

// The extremes, and where they stood: the row is known, and along the width it stands with the row.
template <class T, class K>
void SlideImage<T, K>::finish_places(index_t c0, index_t c1) const {
  if constexpr (kFindsPlaces<K>) {
    const index_t depth = call.depth, width = call.width_out(), in_w = call.w.in();
    const index_t step = arrays.to_pixel == 0 ? depth : arrays.to_pixel;
    const index_t n = call.h.out() * width;
    T* values = arrays.to + (!call.pixels() ? plane_at(call.problem.d, unit, n, arrays.to_image)
                             : arrays.to_pixel == 0 ? unit * n
                                                    : unit * arrays.to_image);
    const T* x = from();
    for (index_t oh = 0; oh < call.h.out(); ++oh)
      for (index_t c = c0; c < c1; ++c) {
        const index_t place = from_place(image.results.places[oh * width + c]);
        const index_t row = call.flat() ? 0 : place;
        const index_t column =
            call.flat() ? place : from_place(image.rows.places[row * call.pitch + c]);
        const index_t ow = c / depth, channel = c % depth, at = row * in_w + column;
        arrays.indices[unit * n + oh * width + c] = at;
        values[(oh * call.w.out() + ow) * step + channel] = x[at * depth + channel];
      }
  }
}

}  // namespace fastconv::pool
