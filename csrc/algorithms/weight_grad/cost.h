// SPDX-License-Identifier: MIT
// What plain sums of weight gradients cost, in cycles of one core.
#pragma once

#include "algorithms/correlation/correlation.h"

namespace fastconv::weight_grad {

// Gathering strips and transposing gradients, beside two FMAs a cycle.
inline constexpr double kFeeding = 1.2;

// Either wastes lanes: an outer product along the output channels, a dot product at the ends of
// rows, and it is a horizontal sum at last (12 cycles).
inline double outer_cycles(const Correlation& r, index_t lanes) {
  const double sums = double(r.groups) * double(r.k()) * double(r.batch) * double(r.pixels()) *
                      double(ceil_div(r.m, lanes)) / 2;
  return kFeeding * sums;
}
inline double dots_cycles(const Correlation& r, index_t lanes) {
  const double vectors = double(r.h.count) * double(ceil_div(r.w.count, lanes));
  return kFeeding * double(r.groups) * double(r.k()) * double(r.m) *
         (double(r.batch) * vectors / 2 + 12);
}

}  // namespace fastconv::weight_grad
