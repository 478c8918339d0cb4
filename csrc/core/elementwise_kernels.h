// SPDX-License-Identifier: MIT
// Signatures of the elementwise kernels of one ISA and dtype.
#pragma once

#include "core/types.h"

namespace fastconv {

template <class T>
struct ElementwiseKernels {
  // y[i] = activation(x[i]) for i < n; y may be x. `slope` is leaky_relu's.
  void (*activate)(Activation activation, const T* x, T* y, index_t n, T slope) noexcept;
};

}  // namespace fastconv
