// SPDX-License-Identifier: MIT
// The bindings of batch normalisation, for fastconv.nn. Arrays are (N, C, ...) in C order; the
// values that each channel has are float64.
#include <optional>

#include "algorithms/elementwise/batch_norm.h"
#include "bindings/arguments.h"
#include "bindings/bind.h"
#include "bindings/elementwise_arrays.h"
#include "bindings/fast_call.h"
#include "bindings/unlocked.h"
#include "core/dispatch.h"
#include "core/require.h"

namespace fastconv {
namespace {

NormShape norm_shape(const Elements& x) {
  require(x.shape.size() >= 2, "x must have channels, got shape ", text_of(x.shape));
  NormShape s{x.shape[0], x.shape[1], 1};
  for (std::size_t i = 2; i < x.shape.size(); ++i) s.plane *= x.shape[i];
  return s;
}

// The argument as one value for each channel, which must be (C,) of float64.
const double* per_channel(const Operand& a, const char* name, const NormShape& s) {
  require(a.dtype == DType::f64, name, " must be float64");
  expect_dims(a, name, {s.channels});
  return a.as<double>();
}

py::tuple moments(py::handle x_value, py::handle threads) {
  const Elements x = to_elements(x_value, "x");
  const NormShape s = norm_shape(x);
  const Exec exec = make_exec(to_threads(threads));
  const Result mean({s.channels}, DType::f64, py::none());
  const Result var({s.channels}, DType::f64, py::none());
  with_float(x.dtype, [&]<class T>() {
    const Unlocked unlocked;
    batch_moments<T>(exec, s, x.as<T>(), mean.as<double>(), var.as<double>());
  });
  return py::make_tuple(mean.finish(), var.finish());
}

py::object apply(py::handle x_value, py::handle mean, py::handle scale, py::handle shift,
                 py::handle relu_value, py::handle threads) {
  const Elements x = to_elements(x_value, "x");
  const NormShape s = norm_shape(x);
  const Operand m = to_operand(mean, "mean"), a = to_operand(scale, "scale"),
                b = to_operand(shift, "shift");
  const bool relu = to_bool(relu_value, "relu");
  const Exec exec = make_exec(to_threads(threads));
  const ElementsResult y(x, py::none(), {&x});
  const double *means = per_channel(m, "mean", s), *scales = per_channel(a, "scale", s),
               *shifts = per_channel(b, "shift", s);
  with_float(x.dtype, [&]<class T>() {
    const Unlocked unlocked;
    normalize<T>(exec, s, x.as<T>(), means, scales, shifts, relu, y.as<T>());
  });
  return y.finish();
}

py::tuple gradient(py::handle dy_value, py::handle x_value, py::handle mean, py::handle inverse,
                   py::handle weight, py::handle relu_value, py::handle threads) {
  const Elements x = to_elements(x_value, "x"), dy = to_elements(dy_value, "grad_output");
  expect_like(x, "x", dy, "grad_output");
  std::optional<Elements> relu;
  if (!relu_value.is_none()) {
    relu = to_elements(relu_value, "relu");
    expect_like(x, "x", *relu, "relu");
  }
  const NormShape s = norm_shape(x);
  const Operand m = to_operand(mean, "mean"), i = to_operand(inverse, "inverse"),
                w = to_operand(weight, "weight");
  const Exec exec = make_exec(to_threads(threads));
  const ElementsResult dx(x, py::none(), {&x, &dy});
  const Result d_weight({s.channels}, DType::f64, py::none());
  const Result d_bias({s.channels}, DType::f64, py::none());
  const double *means = per_channel(m, "mean", s), *inverses = per_channel(i, "inverse", s),
               *weights = per_channel(w, "weight", s);
  with_float(x.dtype, [&]<class T>() {
    const Unlocked unlocked;
    batch_norm_grad<T>(exec, s, dy.as<T>(), x.as<T>(), relu ? relu->as<T>() : nullptr, means,
                       inverses, weights, dx.as<T>(), d_weight.as<double>(), d_bias.as<double>());
  });
  return py::make_tuple(dx.finish(), d_weight.finish(), d_bias.finish());
}

}  // namespace

void bind_norm(py::module_& m) {
  def_fast<&moments>(m, "batch_moments");
  def_fast<&apply>(m, "normalize");
  def_fast<&gradient>(m, "batch_norm_grad");
}

}  // namespace fastconv
