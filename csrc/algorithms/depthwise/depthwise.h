// SPDX-License-Identifier: MIT
// Algorithms for one input channel per group.
#pragma once

#include "algorithms/correlation/phases.h"

namespace fastconv::depthwise {

inline constexpr const char* kFamily = "depthwise";

// Strips of rows, several rows of outputs at a time; any shape.
template <class T>
const PhaseAlgorithm<T>& strips();

// Kernels of 3, 5 or 7 rows at strides 1 and 2, straight from the image.
template <class T>
const PhaseAlgorithm<T>& rows();

// The adjoint of a stride of two: both phases of a row together.
template <class T>
const Algorithm<T>& pairs();

// Lanes are neighbouring channels; one output channel per group.
template <class T>
const Algorithm<T>& pixels();

}  // namespace fastconv::depthwise
