// SPDX-License-Identifier: MIT
// Winograd's minimal filtering (A. Lavin, S. Gray, "Fast algorithms for convolutional neural
// networks", 2016) for small kernels. There is an entry of the table for each form at stride 1, and
// two for strides of 2 and longer kernels, whose taps are split. too_coarse() says which
// precision a form needs.
#pragma once

#include "algorithms/correlation/phases.h"
#include "algorithms/winograd/grid.h"

namespace fastconv::winograd {

inline constexpr const char* kFamily = "winograd";

// The entry of form i < kForms.
template <class T>
const PhaseAlgorithm<T>& form(int i);
// The same for images that lie as pixels.
template <class T>
const PhaseAlgorithm<T>& pixel_form(int i);
// The entry for split taps (split_axis.h) with tiles of m outputs, 2 or 4, along each axis.
template <class T>
const PhaseAlgorithm<T>& split(int m);

}  // namespace fastconv::winograd
