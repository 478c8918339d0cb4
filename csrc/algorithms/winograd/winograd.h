// SPDX-License-Identifier: MIT
// Winograd's minimal filtering (A. Lavin, S. Gray, "Fast algorithms for convolutional neural
// networks", 2016) for small kernels at stride 1: an entry of the table for each form. float32
// takes them unless plain sums are asked for, float64 only by name.
#pragma once

#include "algorithms/correlation/phases.h"
#include "algorithms/winograd/grid.h"

namespace fastconv::winograd {

inline constexpr const char* kFamily = "winograd";

// Entry i of the forms, i < kForms.
template <class T>
const PhaseAlgorithm<T>& form(int i);

}  // namespace fastconv::winograd
