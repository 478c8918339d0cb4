// SPDX-License-Identifier: MIT
// The bindings of functions that compute shapes without arrays. They use the arithmetic of the
// functions that compute the arrays, so that the two cannot disagree.
#include "bindings/bind.h"
#include "bindings/conv_call.h"
#include "core/require.h"

namespace fastconv {
namespace {

// The number of spatial axes: weights have two axes more than that.
int rank_of(const Dims& weight) {
  require(weight.rank == 3 || weight.rank == 4,
          "weight_shape must have 3 entries (1-D) or 4 (2-D), got ", weight.text());
  return weight.rank - 2;
}

py::tuple conv_output_shape(py::handle input_shape, py::handle weight_shape, py::handle stride,
                            py::handle padding, py::handle dilation, py::handle groups,
                            py::handle data_format) {
  const bool last = to_channels_last(data_format);
  const Dims weight = to_dims(weight_shape, "weight_shape", 0);
  const int rank = rank_of(weight);
  const ConvGeometry g = to_geometry(rank, stride, padding, dilation, groups);
  const ImageSize size = to_image_size(input_shape, "input_shape", rank, last);
  const ConvDesc d = conv_desc(size.nchw, kernel_shape(weight, "weight_shape", rank), g);
  return as_tuple(caller_dims(output_dims(d), rank, size.batched, last));
}

py::tuple conv_transpose_output_shape(py::handle input_shape, py::handle weight_shape,
                                      py::handle stride, py::handle padding,
                                      py::handle output_padding, py::handle groups,
                                      py::handle dilation, py::handle output_size,
                                      py::handle data_format) {
  const bool last = to_channels_last(data_format);
  const Dims weight = to_dims(weight_shape, "weight_shape", 0);
  const int rank = rank_of(weight);
  const ConvGeometry g = to_geometry(rank, stride, padding, dilation, groups);
  const ImageSize size = to_image_size(input_shape, "input_shape", rank, last);
  const ConvDesc d =
      transposed_desc(size.nchw, size.batched, last, kernel_shape(weight, "weight_shape", rank), g,
                      output_padding, output_size);
  return as_tuple(caller_dims(input_dims(d), rank, size.batched, last));
}

py::tuple resolve_padding(py::handle padding, py::handle length, py::handle kernel,
                          py::handle stride, py::handle dilation) {
  const Padding asked = to_axis_padding(padding);
  const index_t n = to_index(length, "length"), k = to_index(kernel, "kernel");
  const index_t s = to_index(stride, "stride"), d = to_index(dilation, "dilation");
  check_extents("length", n, k, s, d);
  check_padding("length", asked);
  const auto [lo, hi] = resolve(asked, n, k, s, d);
  return py::make_tuple(lo, hi);
}

}  // namespace

void bind_shapes(py::module_& m) {
  m.def("conv_output_shape", &conv_output_shape);
  m.def("conv_transpose_output_shape", &conv_transpose_output_shape);
  m.def("resolve_padding", &resolve_padding);
}

}  // namespace fastconv
