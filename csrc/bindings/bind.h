// SPDX-License-Identifier: MIT
// Each file of bindings has one function, which adds its part to the module. module.cpp calls them
// all.
#pragma once

#include <pybind11/pybind11.h>

namespace fastconv {

namespace py = pybind11;

void bind_runtime(py::module_& m);
void bind_conv(py::module_& m);
void bind_conv_grad(py::module_& m);
void bind_plan(py::module_& m);
void bind_stream(py::module_& m);
void bind_shapes(py::module_& m);
void bind_pool(py::module_& m);
void bind_pool_grad(py::module_& m);
void bind_fold(py::module_& m);
void bind_elementwise(py::module_& m);
void bind_prelu(py::module_& m);
void bind_norm(py::module_& m);
void bind_add(py::module_& m);
void bind_filter(py::module_& m);
void bind_layers(py::module_& m);
void bind_capi(py::module_& m);
void bind_tensors(py::module_& m);
void bind_testing(py::module_& m);
void bind_simulator(py::module_& testing);

}  // namespace fastconv
