// SPDX-License-Identifier: MIT
// Algorithms for transposed convolutions, and for the gradients of strided ones, that compute all
// phases together. They belong to the family `direct`.
#pragma once

#include "algorithms/correlation/algorithm.h"

namespace fastconv::transposed {

inline constexpr const char* kFamily = "direct";

// All phases read one strip, which each of them alone would gather again.
template <class T>
const Algorithm<T>& shared_strip();

// For kernels that give each output one tap: the weights of all phases are multiplied by the image
// as it lies, and the products are copied to their places.
template <class T>
const Algorithm<T>& depth_to_space();

// Computes first the products of all weights of a row of the kernel with each pixel, and then their
// sums. It takes convolutions at stride 1, too.
template <class T>
const Algorithm<T>& column_products();

}  // namespace fastconv::transposed
