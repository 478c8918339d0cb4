// SPDX-License-Identifier: MIT
// Algorithms for dense layers. All but pointwise take every shape.
#pragma once

#include "algorithms/correlation/phases.h"

namespace fastconv::dense {

// Strips of rows, from which every tap reads its run of neighbouring pixels: no im2col.
template <class T>
const PhaseAlgorithm<T>& direct();

// A matrix product with blocks of pixels that are packed as columns.
template <class T>
const PhaseAlgorithm<T>& im2col();

// The same of 1x1 convolutions, whose pixels are columns as they lie.
template <class T>
const PhaseAlgorithm<T>& pointwise();

// Lanes are output channels, so few pixels leave no lane empty; all phases are one task.
template <class T>
const Algorithm<T>& channel_lanes();

}  // namespace fastconv::dense
