// SPDX-License-Identifier: MIT
// Batch normalisation of (N, C, plane) arrays, channel by channel.
#pragma once

#include <algorithm>

#include "algorithms/common/blocking.h"
#include "algorithms/elementwise/fused.h"
#include "algorithms/elementwise/strided_loop.h"
#include "core/exec.h"
#include "core/parallel.h"

namespace fastconv {

struct NormShape {
  index_t n, channels, plane;
};

// Calls body(c): a channel's rows are read two or three times, out of L2 mostly. Tasks are runs of
// channels: planes of a few elements share cache lines, which two threads would write by turns.
template <class Body>
void for_channels(const Exec& exec, const NormShape& s, const Body& body) noexcept {
  const double work = 2 * double(s.n) * double(s.channels) * double(s.plane);
  const index_t tasks = std::min<index_t>(s.channels, 8 * exec.threads);
  parallel_for(tasks, useful_threads(tasks, work, exec.threads), [&](index_t task, int) {
    const Range channels = part(s.channels, tasks, task);
    for (index_t c = channels.begin; c < channels.end; ++c) body(c);
  });
}

// mean[c] and the biased var[c] of each channel.
template <class T>
void batch_moments(const Exec& exec, const NormShape& s, const T* x, double* mean,
                   double* var) noexcept;

// What normalize() knows of each channel, rounded to T: y = (x - mean) * scale + shift. Each array
// has norm_width(channels) elements: those of few channels are repeated, so that the pixels of
// channels_last arrays fill vectors.
template <class T>
struct NormConstants {
  T *mean, *scale, *shift;
};
index_t norm_width(index_t channels) noexcept;

// The constants for statistics in double, and for those of an evaluation: scale = weight /
// sqrt(var + eps), computed in double, and shift = bias. A null weight is 1, a null bias 0.
template <class T>
void norm_constants(index_t channels, const double* mean, const double* scale, const double* shift,
                    const NormConstants<T>& constants) noexcept;
template <class T>
struct NormStatistics {
  const T *mean, *var, *weight, *bias;
  double eps;
};
template <class T>
void norm_constants(index_t channels, const NormStatistics<T>& statistics,
                    const NormConstants<T>& constants) noexcept;

// y = activation((x - mean[c]) * scale[c] + shift[c]); y may be x. The arrays of the loop are x,
// the channels and y.
using NormLoop = StridedLoop<3>;
template <class T>
void normalize(const Exec& exec, const NormLoop& loop, const T* x,
               const NormConstants<T>& constants, const Fused<T>& fused, T* y) noexcept;

// The gradient through normalize with the batch's own mean and scale = weight * inverse, inverse =
// 1 / sqrt(var + eps): d_weight, d_bias and dx, which may be dy or x. Where `relu` is not null, dy
// is the gradient behind a ReLU whose input or output that is.
template <class T>
void batch_norm_grad(const Exec& exec, const NormShape& s, const T* dy, const T* x, const T* relu,
                     const double* mean, const double* inverse, const double* weight, T* dx,
                     double* d_weight, double* d_bias) noexcept;

}  // namespace fastconv
