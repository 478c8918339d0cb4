// SPDX-License-Identifier: MIT
// What `outer` and `dots` cost, in cycles of one core.
#pragma once

#include "algorithms/correlation/correlation.h"
#include "core/exec.h"
#include "core/platform.h"

namespace fastconv::weight_grad {

// The lanes of a vector, and the cycles of an FMA of vectors with its share of the gathering of
// strips and the transposing of gradients.
template <class T>
struct VectorCost {
  explicit VectorCost(const Exec& exec)
      : lanes(exec.kernels<T>().conv.gemm.lanes),
        fma(1 / fmas_per_cycle(lanes * index_t{sizeof(T)}) + kFeeding) {}
  static constexpr double kFeeding = 0.1;
  index_t lanes;
  double fma;
};

inline bool is_depthwise_layer(const Correlation& r) { return r.c == 1 && r.m == 1; }

// An outer product wastes lanes in the last vector of output channels. In a depthwise layer all
// lanes but one are wasted, and each pixel's column of zeros has to be written first: 18 to 63
// cycles a pixel.
template <class T>
double outer_cycles(const Correlation& r, const Exec& exec) {
  const VectorCost<T> vector(exec);
  constexpr double kColumn = 60;
  const double pixels = double(r.groups) * double(r.batch) * double(r.pixels());
  const double sums = double(r.k()) * pixels * double(ceil_div(r.m, vector.lanes));
  return vector.fma * sums + (is_depthwise_layer(r) ? kColumn * pixels : 0);
}

// A dot product wastes lanes in the last vector of each row, and ends with a horizontal sum, which
// takes 14 cycles. In a depthwise layer a tile has one row and few columns, and waits for its
// loads: there are cycles for each channel of an image, for each vector of a tap, and for each
// horizontal sum, fitted on one thread with AVX-512.
template <class T>
double dots_cycles(const Correlation& r, const Exec& exec) {
  constexpr double kSum = 14, kPlane = 250, kTap = 2.5, kSumAlone = 60;
  const VectorCost<T> vector(exec);
  const double vectors = double(r.h.count) * double(ceil_div(r.w.count, vector.lanes));
  const double groups = double(r.groups), batch = double(r.batch), k = double(r.k());
  if (is_depthwise_layer(r))
    return groups * (batch * (kPlane + k * vectors * kTap) + k * kSumAlone);
  return groups * k * double(r.m) * (batch * vectors * vector.fma + kSum);
}

}  // namespace fastconv::weight_grad
