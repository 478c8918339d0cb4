// SPDX-License-Identifier: MIT
// Algorithms for convolutions with one input channel per group.
#pragma once

#include "algorithms/correlation/phases.h"

namespace fastconv::depthwise {

inline constexpr const char* kFamily = "depthwise";

// Computes several rows of outputs at a time from a strip; it takes any shape.
template <class T>
const PhaseAlgorithm<T>& strips();

// Reads the image as it lies, for kernels of 3, 5 or 7 rows at strides 1 and 2.
template <class T>
const PhaseAlgorithm<T>& rows();

// For adjoints of a stride of two: computes the two phases that share rows together.
template <class T>
const Algorithm<T>& pairs();

// Lanes are neighbouring channels; it takes one output channel per group.
template <class T>
const Algorithm<T>& pixels();

// On pixels as they lie, where the channels of a pixel are neighbours.
template <class T>
const PhaseAlgorithm<T>& in_place();

// The same for small groups of several channels, of which a vector holds some.
template <class T>
const PhaseAlgorithm<T>& groups_in_place();

}  // namespace fastconv::depthwise
