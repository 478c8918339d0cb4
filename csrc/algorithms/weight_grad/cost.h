// SPDX-License-Identifier: MIT
// What `outer` and `dots` cost, in cycles of one core.
#pragma once

#include "algorithms/correlation/correlation.h"

namespace fastconv::weight_grad {

// A core does two FMAs of vectors in a cycle. Gathering strips and transposing gradients takes more
// time beside that, so that the whole takes kFeeding times as long.
inline constexpr double kFeeding = 1.2;

inline bool is_depthwise_layer(const Correlation& r) { return r.c == 1 && r.m == 1; }

// An outer product wastes lanes in the last vector of output channels. In a depthwise layer all
// lanes but one are wasted, and each pixel's column of zeros has to be written first: 18 to 63
// cycles a pixel.
inline double outer_cycles(const Correlation& r, index_t lanes) {
  constexpr double kColumn = 60;
  const double pixels = double(r.groups) * double(r.batch) * double(r.pixels());
  const double sums = double(r.k()) * pixels * double(ceil_div(r.m, lanes)) / 2;
  return kFeeding * sums + (is_depthwise_layer(r) ? kColumn * pixels : 0);
}

// A dot product wastes lanes in the last vector of each row, and ends with a horizontal sum, which
// takes 12 cycles. In a depthwise layer a tile has one row and few columns, and waits for its
// loads: there are cycles for each channel of an image, for each vector of a tap, and for each
// horizontal sum, fitted on one thread with AVX-512.
inline double dots_cycles(const Correlation& r, index_t lanes) {
  constexpr double kSum = 12, kPlane = 250, kTap = 2.5, kSumAlone = 60;
  const double vectors = double(r.h.count) * double(ceil_div(r.w.count, lanes));
  const double groups = double(r.groups), batch = double(r.batch), k = double(r.k());
  if (is_depthwise_layer(r))
    return groups * (batch * (kPlane + k * vectors * kTap) + k * kSumAlone);
  return kFeeding * groups * k * double(r.m) * (batch * vectors / 2 + kSum);
}

}  // namespace fastconv::weight_grad
