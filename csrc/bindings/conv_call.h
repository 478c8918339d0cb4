// SPDX-License-Identifier: MIT
// What the bindings of convolutions share: arguments into a validated descriptor, with every
// array's shape derived from it.
#pragma once

#include <optional>

#include "algorithms/conv/mapping.h"
#include "bindings/arguments.h"
#include "bindings/arrays.h"
#include "core/dispatch.h"

namespace fastconv {

// The geometry of a convolution.
struct ConvGeometry {
  int rank;
  PerAxis stride, dilation;
  PaddingPair padding;
  index_t groups;
  PadMode mode = PadMode::zeros;
};
// From the fields of a call; a call without a padding mode has zeros.
ConvGeometry to_geometry(int rank, py::handle stride, py::handle padding, py::handle dilation,
                         py::handle groups);
template <class Call>
ConvGeometry geometry_of(const Call& call) {
  ConvGeometry geometry =
      to_geometry(call.rank, call.stride, call.padding, call.dilation, call.groups);
  if constexpr (requires { call.padding_mode; }) geometry.mode = to_pad_mode(call.padding_mode);
  return geometry;
}
template <class Call>
Options options_of(const Call& call) {
  return to_options(call.threads, call.data_format, call.precision);
}

// Weights (C_out, C_in / groups, *kernel), or for transposed (C_in, C_out / groups, *kernel).
struct KernelShape {
  Dims dims;  // as the caller has it
  index_t first, second, h, w;
};
KernelShape kernel_shape(const Dims& dims, const char* name, int rank);

// The descriptor of a convolution of (N, C, H, W); `image` and `kernel` name the arguments.
ConvDesc conv_desc(const Dims& nchw, const KernelShape& kernel, const ConvGeometry& geometry);

// The descriptor whose adjoint is the transposed convolution of (N, C, H, W). `output_padding` and
// `output_size` are per-axis arguments; the size may be the full shape, or None.
ConvDesc transposed_desc(const Dims& nchw, bool batched, bool channels_last,
                         const KernelShape& kernel, const ConvGeometry& geometry,
                         py::handle output_padding, py::handle output_size);

// The same from the shape of the output's gradient, from which output_padding follows.
ConvDesc transposed_desc(const Dims& nchw, const KernelShape& kernel, const ConvGeometry& geometry,
                         const Dims& grad_output);

// The name as the engine has it, null for "auto".
const char* to_algorithm(py::handle value);

// (batch, channels, height, width) of what the descriptor reads and writes.
inline Dims input_dims(const ConvDesc& d) { return {d.batch, d.c_in, d.h.in, d.w.in}; }
inline Dims output_dims(const ConvDesc& d) { return {d.batch, d.c_out, d.h.out, d.w.out}; }

// The bias of `channels` elements in x's dtype, or nothing for None.
std::optional<Operand> to_bias(py::handle bias, const Operand& x, index_t channels);

// Lets other Python threads run meanwhile, unless that costs more than the call: under 100,000 FMAs
// it lasts three microseconds, of which letting go and taking again would be 0.1.
class Unlocked {
 public:
  explicit Unlocked(double fmas) {
    if (fmas > 100e3) release_.emplace();
  }

 private:
  std::optional<py::gil_scoped_release> release_;
};

// Takes memory for one run, packs the weights and runs, letting other Python threads run meanwhile.
// `args` has no packed weights yet.
template <class T>
void run_once(const Mapping<T>& mapping, ConvArgs<T> args);

}  // namespace fastconv
