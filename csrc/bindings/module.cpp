// SPDX-License-Identifier: MIT
// The module fastconv._native. Each function checks its arguments, allocates, releases the GIL and
// computes. Python's half of fastconv calls them with every argument in place; users call that.
#include "bindings/arguments.h"
#include "bindings/bind.h"

PYBIND11_MODULE(_native, m) {
  m.doc() = "The compiled half of fastconv; use the functions of the package instead.";
  fastconv::bind_context(m);
  fastconv::bind_runtime(m);
  fastconv::bind_testing(m);
  fastconv::bind_conv(m);
  fastconv::bind_conv_grad(m);
  fastconv::bind_pool(m);
  fastconv::bind_pool_grad(m);
  fastconv::bind_plan(m);
  fastconv::bind_stream(m);
  fastconv::bind_shapes(m);
  fastconv::bind_fold(m);
  fastconv::bind_elementwise(m);
  fastconv::bind_prelu(m);
  fastconv::bind_norm(m);
  fastconv::bind_add(m);
  fastconv::bind_filter(m);
  fastconv::bind_layers(m);
  fastconv::bind_capi(m);
  fastconv::bind_tensors(m);
}
