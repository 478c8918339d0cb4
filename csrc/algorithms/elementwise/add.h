// SPDX-License-Identifier: MIT
// The sum of two arrays, of which either may be repeated along some axes.
#pragma once

#include "algorithms/elementwise/fused.h"
#include "algorithms/elementwise/strided_loop.h"

namespace fastconv {

// y = activation(a + b); y may be a or b where they are not repeated. The arrays of the loop are a,
// b and y.
template <class T>
void add(const Exec& exec, const StridedLoop<3>& loop, const T* a, const T* b,
         const Fused<T>& fused, T* y) noexcept;

}  // namespace fastconv
