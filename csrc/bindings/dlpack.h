// SPDX-License-Identifier: MIT
// Arrays of other libraries, which hand their memory over by the DLPack protocol.
#pragma once

#include <pybind11/numpy.h>

namespace fastconv {

namespace py = pybind11;

// Whether the type of this object has a method __dlpack__.
bool speaks_dlpack(py::handle value);

// The object's memory as a NumPy array, without a copy; a TypeError that names the argument where
// it lies on another device, or NumPy has no such dtype.
py::array from_dlpack(py::handle value, const char* name);

}  // namespace fastconv
