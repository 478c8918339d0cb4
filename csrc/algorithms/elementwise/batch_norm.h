// SPDX-License-Identifier: MIT
// Batch normalisation of (N, C, plane) arrays, channel by channel.
#pragma once

#include "core/exec.h"

namespace fastconv {

struct NormShape {
  index_t n, channels, plane;
};

// mean[c] and the biased var[c] of each channel.
template <class T>
void batch_moments(const Exec& exec, const NormShape& s, const T* x, double* mean,
                   double* var) noexcept;

// y = (x - mean[c]) * scale[c] + shift[c], through a ReLU if asked for; y may be x.
template <class T>
void normalize(const Exec& exec, const NormShape& s, const T* x, const double* mean,
               const double* scale, const double* shift, bool relu, T* y) noexcept;

// The gradient through normalize with the batch's own mean and scale = weight * inverse, inverse =
// 1 / sqrt(var + eps): d_weight, d_bias and dx, which may be dy or x. Where `relu` is not null, dy
// is the gradient behind a ReLU whose input or output that is.
template <class T>
void batch_norm_grad(const Exec& exec, const NormShape& s, const T* dy, const T* x, const T* relu,
                     const double* mean, const double* inverse, const double* weight, T* dx,
                     double* d_weight, double* d_bias) noexcept;

}  // namespace fastconv
