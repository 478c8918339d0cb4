// SPDX-License-Identifier: MIT
// The gradients of batch normalisation in evaluation, where mean and variance are constants.
#pragma once

#include "algorithms/elementwise/batch_norm.h"

namespace fastconv {

// Arrays in C order. `output` is the result of the forward call, or null: then the derivative of
// the activation is computed from the input. It has to be null where the derivative does not
// follow from the result.
template <class T>
struct NormGrad {
  const T *x, *dy, *output;
  T *dx, *d_weight, *d_bias;
};

// What the gradients need of each channel: the constants of the forward call, and zeros; each has
// norm_width(channels) elements.
template <class T>
struct NormGradConstants {
  NormConstants<T> forward;
  T* zero;
};

// The bytes of scratch memory that evaluation_grad needs.
index_t norm_grad_bytes(const NormShape& s, bool pixels) noexcept;

// The gradients of activation((x - mean) * scale + shift) for arrays of planes, (N, C, plane), or
// of pixels, (N, plane, C).
template <class T>
void evaluation_grad(const Exec& exec, const NormShape& s, bool pixels, const NormGrad<T>& arrays,
                     const NormStatistics<T>& statistics, const NormGradConstants<T>& constants,
                     const Fused<T>& fused, double* scratch) noexcept;

}  // namespace fastconv
