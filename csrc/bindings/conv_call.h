// SPDX-License-Identifier: MIT
// What the bindings of convolutions share: arguments into a validated descriptor, with every
// array's shape derived from it.
#pragma once

#include <optional>

#include "algorithms/conv/conv.h"
#include "bindings/arguments.h"
#include "bindings/arrays.h"
#include "core/dispatch.h"

namespace fastconv {

// The geometry arguments of a convolution, as they came.
struct ConvGeometry {
  int rank;
  PerAxis stride, dilation;
  PaddingPair padding;
  index_t groups;
  PadMode mode = PadMode::zeros;
};
ConvGeometry to_geometry(int rank, py::handle stride, py::handle padding, py::handle dilation,
                         py::handle groups, py::handle padding_mode);

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

Algorithm to_algorithm(py::handle value);

// (batch, channels, height, width) of what the descriptor reads and writes.
inline Dims input_dims(const ConvDesc& d) { return {d.batch, d.c_in, d.h.in, d.w.in}; }
inline Dims output_dims(const ConvDesc& d) { return {d.batch, d.c_out, d.h.out, d.w.out}; }

// The bias of `channels` elements in x's dtype, or nothing for None.
std::optional<Operand> to_bias(py::handle bias, const Operand& x, index_t channels);

// Runs a lowered convolution: packs the weights, allocates the workspace, drops the GIL.
struct ConvMemory {
  const void* x;
  const void* weights;
  const void* bias;
  const void* residual;
  void* y;
  ActivationSpec activation;
};
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

template <class T>
void run_call(const Lowered& lowered, const ConvMemory& memory, const Exec& exec);

}  // namespace fastconv
