// SPDX-License-Identifier: MIT
// What the bindings of convolutions share. Arguments become a validated descriptor, from which
// every array's shape follows.
#pragma once

#include <optional>

#include "algorithms/conv/mapping.h"
#include "bindings/arguments.h"
#include "bindings/arrays.h"
#include "bindings/unlocked.h"
#include "core/dispatch.h"

namespace fastconv {

// The arguments that say how a kernel moves over an image of `rank` spatial axes.
struct ConvGeometry {
  int rank;
  PerAxis stride, dilation;
  PaddingPair padding;
  index_t groups;
  PadSpec pad = {};
};
// These take the fields of a call. A call that has no padding mode pads with zeros.
ConvGeometry to_geometry(int rank, py::handle stride, py::handle padding, py::handle dilation,
                         py::handle groups);
template <class Call>
ConvGeometry geometry_of(const Call& call) {
  ConvGeometry geometry =
      to_geometry(call.rank, call.stride, call.padding, call.dilation, call.groups);
  if constexpr (requires { call.padding_mode; }) geometry.pad = to_pad_spec(call.padding_mode);
  return geometry;
}
template <class Call>
Options options_of(const Call& call) {
  return to_options(call.threads, call.data_format, call.precision);
}

// The shape of weights: (C_out, C_in / groups, *kernel), or for transposed convolutions
// (C_in, C_out / groups, *kernel).
struct KernelShape {
  Dims dims;              // the shape as the caller has it
  index_t first, second;  // the lengths of its first two axes
  index_t h, w;           // the size of the kernel; h is 1 in one dimension
};
KernelShape kernel_shape(const Dims& dims, const char* name, int rank);

// The descriptor of a convolution of an image of shape (N, C, H, W).
ConvDesc conv_desc(const Dims& nchw, const KernelShape& kernel, const ConvGeometry& geometry);

// The descriptor whose adjoint is the transposed convolution of an image of shape (N, C, H, W).
// `output_padding` and `output_size` have a value for each axis; `output_size` may also be the full
// shape, or None.
ConvDesc transposed_desc(const Dims& nchw, bool batched, bool channels_last,
                         const KernelShape& kernel, const ConvGeometry& geometry,
                         py::handle output_padding, py::handle output_size);

// The same, with the output_padding in numbers.
ConvDesc transposed_desc(const Dims& nchw, const KernelShape& kernel, const ConvGeometry& geometry,
                         const PerAxis& output_padding);
// The output_padding of the transposed convolution that d's adjoint is, also where it was given as
// an output_size.
PerAxis output_padding_of(const ConvDesc& d, const ConvGeometry& geometry);

// The same, with the shape of the output's gradient, from which the output_padding follows.
ConvDesc transposed_desc(const Dims& nchw, const KernelShape& kernel, const ConvGeometry& geometry,
                         const Dims& grad_output);

// The name as the table of algorithms spells it, or null for "auto".
const char* to_algorithm(py::handle value);

// The arguments of a call that reads x and the residual, if there is one, and writes y.
template <class T>
ConvArgs<T> args_of(const Image& x, const Image* residual, const Result& y) {
  ConvArgs<T> args{.x = x.as<T>(),
                   .packed = nullptr,
                   .weights = nullptr,
                   .bias = nullptr,
                   .residual = nullptr,
                   .y = y.as<T>()};
  args.x_image = x.image_step, args.x_row = x.row_step, args.x_pixel = x.pixel_step;
  args.y_image = y.image_step(), args.y_row = y.row_step(), args.y_pixel = y.pixel_step();
  if (residual == nullptr) return args;
  args.residual = residual->as<T>();
  args.residual_image = residual->image_step;
  args.residual_row = residual->row_step, args.residual_pixel = residual->pixel_step;
  return args;
}

// The gaps that a result may have which is written as pixels, or as planes.
inline Gaps gaps_of(bool pixels) { return pixels ? Gaps::anywhere : Gaps::images; }

// The shapes (N, C, H, W) of what the convolution d reads and writes.
inline Dims input_dims(const ConvDesc& d) { return {d.batch, d.c_in, d.h.in, d.w.in}; }
inline Dims output_dims(const ConvDesc& d) { return {d.batch, d.c_out, d.h.out, d.w.out}; }

// The bias of `channels` elements in x's dtype, or nothing for None.
std::optional<Operand> to_bias(py::handle bias, const Operand& x, index_t channels);
// The slopes of a prelu in x's dtype, one for each of `channels` channels; a single one goes to
// act.slope, and there are none then, nor for another activation. Takes act.slopes away.
std::optional<Operand> to_slopes(ActivationSpec& act, const Operand& x, index_t channels);
// Takes memory for one run, packs the weights and runs, while other Python threads run. `args` has
// no packed weights yet.
template <class T>
void run_once(const Mapping<T>& mapping, ConvArgs<T> args);

}  // namespace fastconv
