// SPDX-License-Identifier: MIT
// What `outer` and `dots` cost, in cycles of one core.
#pragma once

#include "algorithms/correlation/correlation.h"
#include "algorithms/correlation/cost.h"
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

// Gathering the strips of all images: for each call, and for what it copies. The channels of small
// images are gathered by one call. On 320 channels of 50 elements, of which 9 taps far apart read 3
// each, calls are 9 tenths of the time.
template <class T>
double gathered_cycles(const Correlation& r, const Exec& exec) {
  constexpr double kCall = 80, kTogether = 4096;
  const PhaseCost phase = PhaseCost::of<T>(r, exec);
  const double columns = gathered_runs(r.w);
  const double calls = columns * gathered_runs(r.h) *
                       (double(r.c) * double(r.in_plane()) <= kTogether ? 1 : double(r.c));
  return phase.images() * (calls * kCall + double(r.c) * phase.rows_gathered(columns));
}

// An outer product wastes lanes in the last vector of output channels. The gradients of an image
// are transposed, kImage cycles and kElement for each element of whole units. In a depthwise layer
// all lanes but one are wasted, and each pixel's column of zeros has to be written first: 18 to 63
// cycles a pixel.
template <class T>
double outer_cycles(const Correlation& r, const Exec& exec) {
  constexpr double kColumn = 60, kImage = 60, kElement = 0.6;
  const VectorCost<T> vector(exec);
  const double images = double(r.groups) * double(r.batch), pixels = images * double(r.pixels());
  const double vectors = double(ceil_div(r.m, vector.lanes));
  const double sums = double(r.k()) * pixels * vectors;
  const double transposed =
      images * vectors * kImage + pixels * vectors * double(vector.lanes) * kElement;
  return vector.fma * sums + transposed + (is_pointwise(r) ? 0 : gathered_cycles<T>(r, exec)) +
         (is_depthwise_layer(r) ? kColumn * pixels : 0);
}

// A dot product wastes lanes in the last vector of each row, and ends with a horizontal sum, which
// takes 14 cycles. A block of pixels, of which an image has one or more, loads and stores each sum
// once. In a depthwise layer a tile has one row and few columns, and waits for its loads: there are
// cycles for each channel of an image, for each vector of a tap, and for each horizontal sum,
// fitted on one thread with AVX-512.
template <class T>
double dots_cycles(const Correlation& r, const Exec& exec) {
  constexpr double kSum = 14, kTouched = 6, kPlane = 250, kTap = 2.5, kSumAlone = 60;
  const VectorCost<T> vector(exec);
  const double vectors = double(r.h.count) * double(ceil_div(r.w.count, vector.lanes));
  const double groups = double(r.groups), batch = double(r.batch), k = double(r.k());
  if (is_depthwise_layer(r))
    return groups * (batch * (kPlane + k * vectors * kTap) + k * kSumAlone);
  return groups * k * double(r.m) * (batch * (vectors * vector.fma + kTouched) + kSum) +
         gathered_cycles<T>(r, exec);
}

}  // namespace fastconv::weight_grad
