// SPDX-License-Identifier: MIT
// The bindings of convolution and transposed convolution.
#include "bindings/bind.h"
#include "bindings/conv_call.h"
#include "bindings/fast_call.h"

namespace fastconv {
namespace {

struct ConvCall {
  int rank;
  py::handle input, weight, bias, stride, padding, dilation, groups, padding_mode, activation,
      residual, algorithm, threads, out, data_format, precision;
};

struct TransposedCall {
  int rank;
  py::handle input, weight, bias, stride, padding, output_padding, groups, dilation, output_size,
      activation, algorithm, threads, out, data_format, precision;
};

// The arrays of a call, after all checks.
struct Arrays {
  const Image& x;
  const Operand& w;
  const Operand* bias;
  const Image* residual;
  const Result& y;
  const Operand* slopes;
};

void run(const ConvDesc& d, Pass pass, Request request, const Options& options,
         const ActivationSpec& activation, const Arrays& arrays, bool y_pixels) {
  const Exec exec = make_exec(options.threads);
  request.layouts = {arrays.x.pixels, y_pixels};
  with_float(arrays.x.dtype, [&]<class T>() {
    ConvArgs<T> args = args_of<T>(arrays.x, arrays.residual, arrays.y);
    args.weights = arrays.w.as<T>();
    args.bias = arrays.bias ? arrays.bias->as<T>() : nullptr;
    args.activation = activation.kind;
    args.slope = static_cast<T>(activation.slope);
    args.slopes = arrays.slopes ? arrays.slopes->as<T>() : nullptr;
    run_once(Mapping<T>(d, pass, request, exec), args);
  });
}

py::object conv(const ConvCall& call) {
  const int rank = call.rank;
  const Options options = options_of(call);
  ActivationSpec act = to_activation(call.activation, true);
  const Request request{.algorithm = to_algorithm(call.algorithm), .precision = options.precision};
  const ConvGeometry geometry = geometry_of(call);
  const Image x = to_conv_image(call.input, "input", rank, options);
  const Operand w = to_operand(call.weight, "weight");
  expect_same_dtype(x, "input", w, "weight");
  const ConvDesc d = conv_desc(x.dims, kernel_shape(w.dims, "weight", rank), geometry);
  const auto b = to_bias(call.bias, x, d.c_out);
  const auto s = to_slopes(act, x, d.c_out);
  const bool pixels = result_is_pixels(output_dims(d), rank, x.batched, options, call.out);
  std::optional<Image> res;
  if (!call.residual.is_none()) {
    res = to_conv_image(call.residual, "residual", rank, options, pixels);
    expect_same_dtype(x, "input", *res, "residual");
    expect_image(*res, "residual", output_dims(d), rank, x.batched, options.channels_last);
  }
  const Operand *bias = b ? &*b : nullptr, *slopes = s ? &*s : nullptr;
  const Image* residual = res ? &*res : nullptr;
  const Result y(output_dims(d), rank, x.batched, options, x.dtype, call.out,
                 {&x, &w, bias, residual, slopes}, residual, gaps_of(pixels));
  run(d, Pass::forward, request, options, act, {x, w, bias, residual, y, slopes}, pixels);
  return y.finish();
}

py::object conv_transpose(const TransposedCall& call) {
  const int rank = call.rank;
  const Options options = options_of(call);
  ActivationSpec act = to_activation(call.activation, true);
  const Request request{.algorithm = to_algorithm(call.algorithm), .precision = options.precision};
  const ConvGeometry geometry = geometry_of(call);
  const Image x = to_conv_image(call.input, "input", rank, options);
  const Operand w = to_operand(call.weight, "weight");
  expect_same_dtype(x, "input", w, "weight");
  const ConvDesc d = transposed_desc(x.dims, x.batched, options.channels_last,
                                     kernel_shape(w.dims, "weight", rank), geometry,
                                     call.output_padding, call.output_size);
  const auto b = to_bias(call.bias, x, d.c_in);
  const auto s = to_slopes(act, x, d.c_in);
  const Operand *bias = b ? &*b : nullptr, *slopes = s ? &*s : nullptr;
  const bool pixels = result_is_pixels(input_dims(d), rank, x.batched, options, call.out);
  const Result y(input_dims(d), rank, x.batched, options, x.dtype, call.out, {&x, &w, bias, slopes},
                 nullptr, gaps_of(pixels));
  run(d, Pass::adjoint, request, options, act, {x, w, bias, nullptr, y, slopes}, pixels);
  return y.finish();
}

}  // namespace

void bind_conv(py::module_& m) {
  def_fast<&conv>(m, "conv");
  def_fast<&conv_transpose>(m, "conv_transpose");
}

}  // namespace fastconv
