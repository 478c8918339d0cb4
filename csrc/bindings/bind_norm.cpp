// SPDX-License-Identifier: MIT
// The bindings of batch normalisation. Those of training are for fastconv.nn: arrays are (N, C,
// ...) and the values that each channel has are float64.
#include <optional>

#include "algorithms/elementwise/batch_norm.h"
#include "algorithms/elementwise/norm_grad.h"
#include "bindings/arguments.h"
#include "bindings/bind.h"
#include "bindings/elementwise_arrays.h"
#include "bindings/fast_call.h"
#include "bindings/strided.h"
#include "bindings/unlocked.h"
#include "core/dispatch.h"
#include "core/require.h"

namespace fastconv {
namespace {

NormShape norm_shape(const Shape& shape) {
  require(shape.size() >= 2, "x must have channels, got shape ", text_of(shape));
  NormShape s{shape[0], shape[1], 1};
  for (std::size_t i = 2; i < shape.size(); ++i) s.plane *= shape[i];
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
  const NormShape s = norm_shape(x.shape);
  const Exec exec = make_exec(to_threads(threads));
  const Result mean({s.channels}, DType::f64, py::none());
  const Result var({s.channels}, DType::f64, py::none());
  with_float(x.dtype, [&]<class T>() {
    const Unlocked unlocked;
    batch_moments<T>(exec, s, x.as<T>(), mean.as<double>(), var.as<double>());
  });
  return py::make_tuple(mean.finish(), var.finish());
}

// Memory for the constants of some channels.
template <class T>
class Constants {
 public:
  explicit Constants(index_t channels)
      : width_(norm_width(channels)), memory_(3 * width_ * index_t{sizeof(T)}) {}
  NormConstants<T> get() const {
    T* at = memory_.as<T>();
    return {at, at + width_, at + 2 * width_};
  }

 private:
  index_t width_;
  Scratch memory_;
};

// The steps of the channels along the axes of an array.
std::vector<index_t> channel_steps(const Strided& x, std::size_t axis) {
  std::vector<index_t> steps(x.shape.size(), 0);
  steps[axis] = 1;
  return steps;
}

// Batch normalisation in training, from what was computed of the batch.
py::object apply(py::handle x_value, py::handle mean, py::handle scale, py::handle shift,
                 py::handle relu_value, py::handle threads) {
  Strided x = to_strided(x_value, "x");
  const NormShape s = norm_shape(x.shape);
  if (!x.in_rows()) x.settle("x");
  const Operand m = to_operand(mean, "mean"), a = to_operand(scale, "scale"),
                b = to_operand(shift, "shift");
  const bool relu = to_bool(relu_value, "relu");
  const Exec exec = make_exec(to_threads(threads));
  const StridedResult y(x.shape, x.dtype, py::none(), {&x});
  const double *means = per_channel(m, "mean", s), *scales = per_channel(a, "scale", s),
               *shifts = per_channel(b, "shift", s);
  const NormLoop loop = loop_over(x.shape, x.strides, channel_steps(x, 1), y.strides());
  with_float(x.dtype, [&]<class T>() {
    const Constants<T> constants(s.channels);
    const Unlocked unlocked(double(loop.size()));
    norm_constants<T>(s.channels, means, scales, shifts, constants.get());
    normalize<T>(exec, loop, x.as<T>(), constants.get(),
                 {.kind = relu ? Activation::relu : Activation::none}, y.as<T>());
  });
  return y.finish();
}

struct NormCall {
  py::handle input, running_mean, running_var, weight, bias, eps, activation, threads, out,
      data_format;
};

// What an evaluation knows of its channels.
struct Evaluation {
  std::size_t axis;  // of the channels
  index_t channels;
  Operand mean, var;
  std::optional<Operand> weight, bias;
  double eps;

  template <class Call>
  Evaluation(const Call& call, const Strided& x)
      : axis(to_channels_last(call.data_format) ? x.shape.size() - 1 : 1) {
    require(x.shape.size() >= 2,
            "input must have at least 2 dimensions, a batch and channels, got ", "shape ",
            text_of(x.shape));
    for (std::size_t i = 1; i < x.shape.size(); ++i)
      if (x.shape[i] == 0)
        refuse("input must have positive lengths (a batch of 0 is allowed), got shape ",
               text_of(x.shape));
    channels = x.shape[axis];
    mean = channel(call.running_mean, "running_mean", x);
    var = channel(call.running_var, "running_var", x);
    if (!call.weight.is_none()) weight = channel(call.weight, "weight", x);
    if (!call.bias.is_none()) bias = channel(call.bias, "bias", x);
    eps = to_double(call.eps, "eps");
    if (!(eps >= 0)) refuse("eps must not be negative, got ", shown(call.eps));
  }

  template <class T>
  NormStatistics<T> statistics() const {
    return {mean.as<T>(), var.as<T>(), weight ? weight->as<T>() : nullptr,
            bias ? bias->as<T>() : nullptr, eps};
  }

 private:
  Operand channel(py::handle value, const char* name, const Strided& x) const {
    Operand operand = to_operand(value, name);
    expect_same_dtype(x, "input", operand, name);
    expect_dims(operand, name, {channels});
    return operand;
  }
};

py::object batch_norm(const NormCall& call) {
  Strided x = to_strided(call.input, "input");
  const Exec exec = make_exec(to_threads(call.threads));
  const ActivationSpec act = to_activation(call.activation);
  const Evaluation known(call, x);
  if (!x.in_rows()) x.settle("input");
  const StridedResult y(x.shape, x.dtype, call.out, {&x});
  const NormLoop loop = loop_over(x.shape, x.strides, channel_steps(x, known.axis), y.strides());
  with_float(x.dtype, [&]<class T>() {
    const Constants<T> constants(known.channels);
    const Unlocked unlocked(double(loop.size()));
    norm_constants<T>(known.channels, known.statistics<T>(), constants.get());
    normalize<T>(exec, loop, x.as<T>(), constants.get(), {act.kind, static_cast<T>(act.slope)},
                 y.as<T>());
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
  const NormShape s = norm_shape(x.shape);
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

struct NormGradCall {
  py::handle input, grad_output, running_mean, running_var, weight, bias, eps, activation, output,
      threads, data_format;
};

// Whether the derivative of an activation can be told from its result.
bool follows_from_output(const ActivationSpec& act) {
  switch (act.kind) {
    case Activation::relu:
    case Activation::relu6:
    case Activation::sigmoid:
    case Activation::tanh:
      return true;
    case Activation::leaky_relu:
      return act.slope >= 0;
    default:
      return false;
  }
}

// An array in C order, of the shape and dtype of x.
Strided whole_like(py::handle value, const char* name, const Strided& x) {
  Strided array = to_strided(value, name);
  expect_like(x, "input", array, name);
  array.settle(name);
  return array;
}

py::tuple evaluation_gradient(const NormGradCall& call) {
  Strided x = to_strided(call.input, "input");
  x.settle("input");
  const Exec exec = make_exec(to_threads(call.threads));
  const ActivationSpec act = to_activation(call.activation);
  const Evaluation known(call, x);
  const Strided dy = whole_like(call.grad_output, "grad_output", x);
  std::optional<Strided> output;
  if (!call.output.is_none()) {
    require(act.kind != Activation::none,
            "output is for a fused activation, and activation is None");
    output = whole_like(call.output, "output", x);
    if (!follows_from_output(act)) output.reset();
  }
  NormShape s{x.shape[0], known.channels, 1};
  for (std::size_t i = 1; i < x.shape.size(); ++i) s.plane *= i == known.axis ? 1 : x.shape[i];
  const bool pixels = known.axis + 1 == x.shape.size();
  const StridedResult dx(x.shape, x.dtype, py::none(), {});
  const Result d_weight({s.channels}, x.dtype, py::none()),
      d_bias({s.channels}, x.dtype, py::none());
  with_float(x.dtype, [&]<class T>() {
    const Constants<T> constants(s.channels);
    const Scratch zero(norm_width(s.channels) * index_t{sizeof(T)});
    const Scratch scratch(norm_grad_bytes(s, pixels));
    const Unlocked unlocked;
    evaluation_grad<T>(exec, s, pixels,
                       {.x = x.as<T>(),
                        .dy = dy.as<T>(),
                        .output = output ? output->as<T>() : nullptr,
                        .dx = dx.as<T>(),
                        .d_weight = d_weight.as<T>(),
                        .d_bias = d_bias.as<T>()},
                       known.statistics<T>(), {constants.get(), zero.as<T>()},
                       {act.kind, static_cast<T>(act.slope)}, scratch.as<double>());
  });
  return py::make_tuple(dx.finish(), d_weight.finish(), d_bias.finish());
}

}  // namespace

void bind_norm(py::module_& m) {
  def_fast<&moments>(m, "batch_moments");
  def_fast<&apply>(m, "normalize");
  def_fast<&batch_norm>(m, "batch_norm");
  def_fast<&evaluation_gradient>(m, "evaluation_grad");
  def_fast<&gradient>(m, "batch_norm_grad");
}

}  // namespace fastconv
