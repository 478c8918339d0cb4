// SPDX-License-Identifier: MIT
// What `outer` and `dots` cost, in cycles of one core.
#pragma once

#include "algorithms/correlation/correlation.h"

namespace fastconv::weight_grad {

// A core does two FMAs of vectors in a cycle. Gathering strips and transposing gradients takes more
// time beside that, so that the whole takes kFeeding times as long.
inline constexpr double kFeeding = 1.2;

// Each of the two wastes lanes: outer products do in the last vector of output channels, dot
// products in the last vector of each row. Each dot product ends with a horizontal sum, which takes
// 12 cycles.
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
