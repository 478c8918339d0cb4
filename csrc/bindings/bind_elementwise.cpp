// SPDX-License-Identifier: MIT
// The bindings of activations, softmax and their gradients.
#include <algorithm>
#include <iterator>

#include "algorithms/elementwise/elementwise.h"
#include "bindings/arguments.h"
#include "bindings/bind.h"
#include "bindings/elementwise_arrays.h"
#include "bindings/fast_call.h"
#include "bindings/unlocked.h"
#include "core/dispatch.h"
#include "core/require.h"

namespace fastconv {
namespace {

py::object run(Activation kind, double slope, py::handle x_value, py::handle threads,
               py::handle out) {
  const RowsResult y(x_value, "x", out);
  const Exec exec = make_exec(to_threads(threads));
  with_float(y.x().dtype, [&]<class T>() {
    const Unlocked unlocked;
    activate<T>(exec, kind, static_cast<T>(slope), y.x().as<T>(), y.as<T>(), y.pairs());
  });
  return y.finish();
}

py::object run_grad(Activation kind, double slope, py::handle dy_value, py::handle x_value,
                    py::handle threads, py::handle out) {
  const Elements x = to_elements(x_value, "x"), dy = to_elements(dy_value, "grad_output");
  expect_like(x, "x", dy, "grad_output");
  const Exec exec = make_exec(to_threads(threads));
  const ElementsResult dx(x, out, {&x, &dy});
  with_float(x.dtype, [&]<class T>() {
    const Unlocked unlocked;
    activate_grad<T>(exec, kind, static_cast<T>(slope), x.as<T>(), dy.as<T>(), dx.as<T>(),
                     x.dims[0]);
  });
  return dx.finish();
}

Activation to_gelu(py::handle approximate) {
  if (!PyUnicode_Check(approximate.ptr()))
    throw py::type_error(sentence("approximate must be a str, got ", shown(approximate)));
  if (PyUnicode_CompareWithASCIIString(approximate.ptr(), "none") == 0) return Activation::gelu;
  if (PyUnicode_CompareWithASCIIString(approximate.ptr(), "tanh") == 0)
    return Activation::gelu_tanh;
  refuse("approximate must be 'none' or 'tanh', got ", shown(approximate));
}

SoftmaxShape softmax_shape(const Shape& shape, py::handle axis_value) {
  // An array without axes is one row of one element.
  const index_t rank = std::max<index_t>(1, std::ssize(shape));
  const index_t axis = to_index(axis_value, "axis");
  if (axis < -rank || axis >= rank)
    refuse("axis must be from ", -rank, " to ", rank - 1, " for an array of shape ", text_of(shape),
           ", got ", axis);
  SoftmaxShape s{.outer = 1, .n = 1, .inner = 1};
  const index_t along = axis < 0 ? axis + rank : axis;
  for (index_t i = 0; i < std::ssize(shape); ++i)
    (i < along ? s.outer : i == along ? s.n : s.inner) *= shape[static_cast<std::size_t>(i)];
  return s;
}

py::object run_softmax(py::handle x_value, py::handle axis, py::handle threads, py::handle out) {
  const Elements x = to_elements(x_value, "x");
  const SoftmaxShape shape = softmax_shape(x.shape, axis);
  const Exec exec = make_exec(to_threads(threads));
  const ElementsResult y(x, out, {&x});
  with_float(x.dtype, [&]<class T>() {
    const Unlocked unlocked;
    softmax<T>(exec, shape, x.as<T>(), y.as<T>());
  });
  return y.finish();
}

py::object run_softmax_grad(py::handle dy_value, py::handle x_value, py::handle axis,
                            py::handle threads, py::handle out) {
  const Elements x = to_elements(x_value, "x"), dy = to_elements(dy_value, "grad_output");
  expect_like(x, "x", dy, "grad_output");
  const SoftmaxShape shape = softmax_shape(x.shape, axis);
  const Exec exec = make_exec(to_threads(threads));
  const ElementsResult dx(x, out, {&x}, {&dy});
  with_float(x.dtype, [&]<class T>() {
    const Unlocked unlocked;
    softmax_grad<T>(exec, shape, x.as<T>(), dy.as<T>(), dx.as<T>());
  });
  return dx.finish();
}

struct Plain {  // an activation without parameters
  const char *name, *grad_name;
  Activation kind;
};
constexpr Plain kPlain[] = {{"relu", "relu_grad", Activation::relu},
                            {"relu6", "relu6_grad", Activation::relu6},
                            {"sigmoid", "sigmoid_grad", Activation::sigmoid},
                            {"tanh", "tanh_grad", Activation::tanh},
                            {"silu", "silu_grad", Activation::silu},
                            {"hardswish", "hardswish_grad", Activation::hardswish},
                            {"hardsigmoid", "hardsigmoid_grad", Activation::hardsigmoid},
                            {"softplus", "softplus_grad", Activation::softplus}};

}  // namespace

void bind_elementwise(py::module_& m) {
  using Value = py::handle;
  for (const Plain& plain : kPlain) {
    const Activation kind = plain.kind;
    m.def(plain.name,
          [kind](Value x, Value threads, Value out) { return run(kind, 0, x, threads, out); });
    m.def(plain.grad_name, [kind](Value dy, Value x, Value threads, Value out) {
      return run_grad(kind, 0, dy, x, threads, out);
    });
  }
  m.def("leaky_relu", [](Value x, Value slope, Value threads, Value out) {
    return run(Activation::leaky_relu, to_double(slope, "negative_slope"), x, threads, out);
  });
  m.def("leaky_relu_grad", [](Value dy, Value x, Value slope, Value threads, Value out) {
    return run_grad(Activation::leaky_relu, to_double(slope, "negative_slope"), dy, x, threads,
                    out);
  });
  m.def("elu", [](Value x, Value alpha, Value threads, Value out) {
    return run(Activation::elu, to_double(alpha, "alpha"), x, threads, out);
  });
  m.def("elu_grad", [](Value dy, Value x, Value alpha, Value threads, Value out) {
    return run_grad(Activation::elu, to_double(alpha, "alpha"), dy, x, threads, out);
  });
  m.def("gelu", [](Value x, Value approximate, Value threads, Value out) {
    return run(to_gelu(approximate), 0, x, threads, out);
  });
  m.def("gelu_grad", [](Value dy, Value x, Value approximate, Value threads, Value out) {
    return run_grad(to_gelu(approximate), 0, dy, x, threads, out);
  });
  def_fast<&run_softmax>(m, "softmax");
  m.def("softmax_grad", &run_softmax_grad);
}

}  // namespace fastconv
