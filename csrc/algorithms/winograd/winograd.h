// SPDX-License-Identifier: MIT
// Winograd's minimal filtering (A. Lavin, S. Gray, "Fast algorithms for convolutional neural
// networks", 2016) for small kernels at stride 1. There is an entry of the table for each form. In
// float32 they may be chosen unless plain sums are asked for, in float64 only by name.
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

}  // namespace fastconv::winograd
