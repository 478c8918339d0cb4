// SPDX-License-Identifier: MIT
// Algorithms for dense layers. All but pointwise take every shape.
#pragma once

#include "algorithms/correlation/phases.h"

namespace fastconv::dense {

// Multiplies straight from strips of rows, in which what a tap reads for a row of outputs are
// neighbours: nothing like im2col is needed.
template <class T>
const PhaseAlgorithm<T>& direct();

// A matrix product with blocks of pixels, which are packed as columns of im2col.
template <class T>
const PhaseAlgorithm<T>& im2col();

// The same for 1x1 convolutions, whose pixels are such columns as they lie.
template <class T>
const PhaseAlgorithm<T>& pointwise();

// The same from pixels as they lie, of few channels, to planes.
template <class T>
const PhaseAlgorithm<T>& pointwise_pixels();

// Lanes are output channels, so that few pixels leave no lane empty. All phases of an adjoint are
// computed by one task.
template <class T>
const Algorithm<T>& channel_lanes();

// On pixels as they lie, where the channels of a pixel are neighbours: lanes are output channels.
template <class T>
const PhaseAlgorithm<T>& pixels();

// Lanes are images, of which there are many tiny ones.
template <class T>
const Algorithm<T>& image_lanes();

}  // namespace fastconv::dense
