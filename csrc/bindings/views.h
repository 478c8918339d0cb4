// SPDX-License-Identifier: MIT
// Copies between an array's elements, wherever they lie, and contiguous memory in kernels' order.
#pragma once

#include <pybind11/numpy.h>

#include "bindings/arrays.h"
#include "core/types.h"

namespace fastconv {

bool contiguous(const View& view, index_t item);
bool aligned(const void* data, index_t item);
bool is_native(const py::array& array);

// These copy the elements of the view, which belong to `array`, to or from contiguous memory in
// native byte order. Images whose channels are neighbours are copied by SIMD, on up to `threads`
// threads; NumPy copies all others.
void copy_in(const View& view, const py::array& array, DType dtype, void* to, int threads);
void copy_out(const View& view, const py::array& array, DType dtype, void* from, int threads);

}  // namespace fastconv
