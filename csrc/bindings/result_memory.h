// SPDX-License-Identifier: MIT
// New arrays for results. They own their data, as any array does; the data of a large one comes
// from the pool in core/memory.h, and goes back there when the array dies.
#pragma once

#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

namespace fastconv {

namespace py = pybind11;

// np.empty(shape, dtype), or MemoryError.
py::array fresh_array(py::dtype dtype, int rank, const py::ssize_t* shape);

}  // namespace fastconv
