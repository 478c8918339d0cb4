// SPDX-License-Identifier: MIT
// The bindings of PReLU and its gradients.
#include "algorithms/elementwise/prelu.h"
#include "bindings/arguments.h"
#include "bindings/bind.h"
#include "bindings/elementwise_arrays.h"
#include "bindings/fast_call.h"
#include "bindings/unlocked.h"
#include "core/dispatch.h"
#include "core/memory.h"
#include "core/require.h"

namespace fastconv {
namespace {

// The slopes are one, or one for each channel. As in PyTorch, channels are axis 1, and an array of
// fewer than two axes has one channel; with channels last they are the last axis.
PreluShape prelu_shape(const Elements& x, const Elements& slopes, bool channels_last) {
  require(slopes.shape.size() <= 1, "weight must be one slope or a vector of them, got shape ",
          text_of(slopes.shape));
  const std::size_t rank = x.shape.size(), axis = channels_last ? rank - 1 : 1;
  if (slopes.dims[0] == 1) return {1, 1, x.dims[0]};
  const index_t channels = rank < 2 ? 1 : x.shape[axis];
  require(slopes.dims[0] == channels, "weight must hold one slope, or one for each of the ",
          channels, " channels of x of shape ", text_of(x.shape), ", got ", slopes.dims[0]);
  PreluShape s{1, channels, 1};
  for (std::size_t i = 0; i < rank; ++i)
    if (i != axis) (i < axis ? s.outer : s.inner) *= x.shape[i];
  return s;
}

py::object run(py::handle x_value, py::handle weight, py::handle threads, py::handle out,
               py::handle data_format) {
  const Elements x = to_elements(x_value, "x"), slopes = to_elements(weight, "weight");
  expect_same_dtype(x, "x", slopes, "weight");
  const PreluShape shape = prelu_shape(x, slopes, to_channels_last(data_format));
  const Exec exec = make_exec(to_threads(threads));
  const ElementsResult y(x, out, {&x}, {&slopes});
  with_float(x.dtype, [&]<class T>() {
    const Scratch scratch(prelu_scratch<T>(shape));
    const Unlocked unlocked;
    prelu<T>(exec, shape, slopes.as<T>(), x.as<T>(), y.as<T>(), scratch.bytes());
  });
  return y.finish();
}

py::tuple run_grad(py::handle dy_value, py::handle x_value, py::handle weight, py::handle threads,
                   py::handle out, py::handle data_format) {
  const Elements x = to_elements(x_value, "x"), dy = to_elements(dy_value, "grad_output"),
                 slopes = to_elements(weight, "weight");
  expect_like(x, "x", dy, "grad_output");
  expect_same_dtype(x, "x", slopes, "weight");
  const PreluShape shape = prelu_shape(x, slopes, to_channels_last(data_format));
  const Exec exec = make_exec(to_threads(threads));
  const ElementsResult dx(x, out, {&x, &dy}, {&slopes});
  const ElementsResult d_slopes(slopes, py::none(), {});
  with_float(x.dtype, [&]<class T>() {
    const Scratch scratch(prelu_grad_scratch<T>(shape));
    const Unlocked unlocked;
    prelu_grad<T>(exec, shape, slopes.as<T>(), x.as<T>(), dy.as<T>(), dx.as<T>(), d_slopes.as<T>(),
                  scratch.bytes());
  });
  return py::make_tuple(dx.finish(), d_slopes.finish());
}

}  // namespace

void bind_prelu(py::module_& m) {
  def_fast<&run>(m, "prelu");
  def_fast<&run_grad>(m, "prelu_grad");
}

}  // namespace fastconv
