// SPDX-License-Identifier: MIT
// Convolution and transposed convolution, forward.
#include "bindings/bind.h"
#include "bindings/conv_call.h"
#include "bindings/fast_call.h"
#include "bindings/lowered.h"

namespace fastconv {
namespace {

py::object conv(int rank, py::handle input, py::handle weight, py::handle bias, py::handle stride,
                py::handle padding, py::handle dilation, py::handle groups, py::handle padding_mode,
                py::handle activation, py::handle residual, py::handle algorithm,
                py::handle threads, py::handle out, py::handle data_format, py::handle precision) {
  const Options options = to_options(threads, data_format, precision);
  const ActivationSpec act = to_activation(activation);
  const Algorithm asked = to_algorithm(algorithm);
  const ConvGeometry geometry = to_geometry(rank, stride, padding, dilation, groups, padding_mode);
  const Image x = to_image(input, "input", rank, options);
  const Operand w = to_operand(weight, "weight");
  expect_same_dtype(x, "input", w, "weight");
  const ConvDesc d = conv_desc(x.dims, kernel_shape(w.dims, "weight", rank), geometry);
  const auto b = to_bias(bias, x, d.c_out);
  std::optional<Image> res;
  if (!residual.is_none()) {
    res = to_image(residual, "residual", rank, options);
    expect_same_dtype(x, "input", *res, "residual");
    expect_image(*res, "residual", output_dims(d), rank, x.batched, options.channels_last);
  }
  const Result y(output_dims(d), rank, x.batched, options, x.dtype, out,
                 {&x, &w, b ? &*b : nullptr, res ? &*res : nullptr}, res ? &*res : nullptr);
  const Exec exec = make_exec(options.threads);
  with_float(x.dtype, [&]<class T>() {
    const auto lowered = lowered_forward<T>(d, {asked, options.highest}, exec);
    run_call<T>(*lowered,
                {x.data, w.data, b ? b->data : nullptr, res ? res->data : nullptr, y.as<T>(), act},
                exec);
  });
  return y.finish();
}

py::object conv_transpose(int rank, py::handle input, py::handle weight, py::handle bias,
                          py::handle stride, py::handle padding, py::handle output_padding,
                          py::handle groups, py::handle dilation, py::handle output_size,
                          py::handle activation, py::handle algorithm, py::handle threads,
                          py::handle out, py::handle data_format, py::handle precision) {
  const Options options = to_options(threads, data_format, precision);
  const ActivationSpec act = to_activation(activation);
  const Algorithm asked = to_algorithm(algorithm);
  const ConvGeometry geometry =
      to_geometry(rank, stride, padding, dilation, groups, py::str("zeros"));
  const Image x = to_image(input, "input", rank, options);
  const Operand w = to_operand(weight, "weight");
  expect_same_dtype(x, "input", w, "weight");
  const ConvDesc d =
      transposed_desc(x.dims, x.batched, options.channels_last,
                      kernel_shape(w.dims, "weight", rank), geometry, output_padding, output_size);
  const auto b = to_bias(bias, x, d.c_in);
  const Result y(input_dims(d), rank, x.batched, options, x.dtype, out,
                 {&x, &w, b ? &*b : nullptr});
  const Exec exec = make_exec(options.threads);
  with_float(x.dtype, [&]<class T>() {
    const auto lowered = lowered_adjoint<T>(d, {asked, options.highest}, exec);
    run_call<T>(*lowered, {x.data, w.data, b ? b->data : nullptr, nullptr, y.as<T>(), act}, exec);
  });
  return y.finish();
}

}  // namespace

void bind_conv(py::module_& m) {
  def_fast<&conv>(m, "conv");
  def_fast<&conv_transpose>(m, "conv_transpose");
}

}  // namespace fastconv
