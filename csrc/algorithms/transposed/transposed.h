// SPDX-License-Identifier: MIT
// Algorithms for transposed convolutions, and gradients of strided ones: all phases together. They
// belong to the family of direct sums.
#pragma once

#include "algorithms/correlation/algorithm.h"

namespace fastconv::transposed {

inline constexpr const char* kFamily = "direct";

// Phases share a strip, which each alone would gather.
template <class T>
const Algorithm<T>& shared_strip();

// Where each output has one tap: one product of all phases' weights with the image as it lies.
template <class T>
const Algorithm<T>& depth_to_space();

// First the products of all weights of a kernel's row with each pixel, then their sums; of
// convolutions at stride 1, too.
template <class T>
const Algorithm<T>& column_products();

}  // namespace fastconv::transposed
