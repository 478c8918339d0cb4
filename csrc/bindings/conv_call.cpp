// SPDX-License-Identifier: MIT
// How the arguments of convolutions become descriptors, and how one call runs.
#include "bindings/conv_call.h"

#include <algorithm>
#include <string_view>
#include <utility>

#include "algorithms/conv/table.h"
#include "core/memory.h"
#include "core/require.h"

namespace fastconv {

ConvGeometry to_geometry(int rank, py::handle stride, py::handle padding, py::handle dilation,
                         py::handle groups) {
  const ConvGeometry geometry{.rank = rank,
                              .stride = to_per_axis(stride, "stride", rank, 1),
                              .dilation = to_per_axis(dilation, "dilation", rank, 1),
                              .padding = to_padding(padding, rank),
                              .groups = to_index(groups, "groups")};
  require(geometry.groups >= 1 && geometry.groups <= kMaxExtent, "groups must be from 1 to ",
          kMaxExtent, ", got ", geometry.groups);
  return geometry;
}

KernelShape kernel_shape(const Dims& dims, const char* name, int rank) {
  if (dims.rank != rank + 2)
    refuse(
        name, " must have ", rank + 2, " dimensions (channels, channels / groups, kernel), got ",
        "shape ", dims.text(),
        dims.rank == rank ? sentence("; one filter of one channel is ", name, "[None, None]") : "");
  for (int i = 0; i < dims.rank; ++i)
    if (dims[i] < 1) refuse(name, " must have positive lengths, got shape ", dims.text());
  return {dims, dims[0], dims[1], rank == 1 ? 1 : dims[2], dims[rank + 1]};
}

namespace {

void check_channels(const Dims& nchw, index_t groups, index_t per_group, const char* side,
                    const KernelShape& kernel) {
  if (nchw[1] % groups != 0 || nchw[1] / groups != per_group)
    refuse("weight of shape ", kernel.dims.text(), " with groups=", groups, " takes ",
           product("weight", {per_group, groups}), " ", side, " channels, but input has ", nchw[1]);
}

}  // namespace

ConvDesc conv_desc(const Dims& nchw, const KernelShape& kernel, const ConvGeometry& g) {
  check_channels(nchw, g.groups, kernel.second, "input", kernel);
  ConvDesc d{.rank = g.rank,
             .batch = nchw[0],
             .c_in = nchw[1],
             .c_out = kernel.first,
             .groups = g.groups,
             .h = {},
             .w = {},
             .mode = g.pad.mode,
             .pad_value = g.pad.value};
  if (g.rank == 2)
    d.h = conv_axis("height", nchw[2], kernel.h, g.stride.h, g.dilation.h, g.padding.h, g.pad.mode);
  d.w = conv_axis(axis_name(g.rank, 1), nchw[3], kernel.w, g.stride.w, g.dilation.w, g.padding.w,
                  g.pad.mode);
  return validated(d);
}

namespace {

// The descriptor of the convolution whose adjoint is the transposed one, still without its axes.
ConvDesc transposed_channels(const Dims& nchw, const KernelShape& kernel, const ConvGeometry& g) {
  if (nchw[1] != kernel.first)
    refuse("weight of shape ", kernel.dims.text(), " takes ", kernel.first,
           " input channels, but input has ", nchw[1]);
  return {.rank = g.rank,
          .batch = nchw[0],
          .c_in = product("the output", {kernel.second, g.groups}),
          .c_out = nchw[1],
          .groups = g.groups,
          .h = {},
          .w = {}};
}

// The spatial lengths in output_size, which has these alone or the full shape of the result.
struct OutputSize {
  std::optional<index_t> h, w;
};
OutputSize to_output_size(py::handle value, int rank, const Dims& channels, bool batched,
                          bool channels_last) {
  Dims size;
  // One int stands for all axes.
  if (PyIndex_Check(value.ptr()) && !py::isinstance<py::array>(value)) {
    const PerAxis lengths = to_per_axis(value, "output_size", rank, 1);
    size = rank == 1 ? Dims{lengths.w} : Dims{lengths.h, lengths.w};
  } else {
    size = to_dims(value, "output_size", 0);
  }
  if (size.rank == 1 && rank == 2) size = {size[0], size[0]};
  const bool whole = size.rank == rank + (batched ? 2 : 1);
  require(whole || size.rank == rank, "output_size must be the ", rank,
          " spatial lengths or the full shape, got ", size.text());
  const int first = whole ? (batched ? 1 : 0) + (channels_last ? 0 : 1) : 0;
  OutputSize result{std::nullopt, size[first + rank - 1]};
  if (rank == 2) result.h = size[first];
  if (whole) {
    const Dims full{channels[0], channels[1], result.h.value_or(1), *result.w};
    const Dims wanted = caller_dims(full, rank, batched, channels_last);
    require(size == wanted, "output_size as a full shape must be ", wanted.text(), " here, got ",
            size.text());
  }
  return result;
}

// Adds the axes to such a descriptor.
ConvDesc with_axes(ConvDesc d, const Dims& nchw, const KernelShape& kernel, const ConvGeometry& g,
                   const PerAxis& extra, const OutputSize& size) {
  if (g.rank == 2)
    d.h = transposed_axis("height", nchw[2], kernel.h, g.stride.h, g.dilation.h, g.padding.h,
                          extra.h, size.h);
  d.w = transposed_axis(axis_name(g.rank, 1), nchw[3], kernel.w, g.stride.w, g.dilation.w,
                        g.padding.w, extra.w, size.w);
  return validated(d);
}

}  // namespace

ConvDesc transposed_desc(const Dims& nchw, bool batched, bool channels_last,
                         const KernelShape& kernel, const ConvGeometry& g,
                         py::handle output_padding, py::handle output_size) {
  const ConvDesc d = transposed_channels(nchw, kernel, g);
  const PerAxis extra = to_per_axis(output_padding, "output_padding", g.rank, 0);
  OutputSize size;
  if (!output_size.is_none()) {
    require(extra.h == 0 && extra.w == 0,
            "output_padding and output_size exclude each other; got both");
    size = to_output_size(output_size, g.rank, {nchw[0], d.c_in}, batched, channels_last);
  }
  return with_axes(d, nchw, kernel, g, extra, size);
}

ConvDesc transposed_desc(const Dims& nchw, const KernelShape& kernel, const ConvGeometry& g,
                         const PerAxis& output_padding) {
  return with_axes(transposed_channels(nchw, kernel, g), nchw, kernel, g, output_padding, {});
}

PerAxis output_padding_of(const ConvDesc& d, const ConvGeometry& g) {
  const auto beyond = [](const Axis& axis, const Padding& padding) {
    return axis.in -
           transposed_length("", axis.out, axis.kernel, axis.stride, axis.dilation, padding);
  };
  return {g.rank == 2 ? beyond(d.h, g.padding.h) : 0, beyond(d.w, g.padding.w)};
}

ConvDesc transposed_desc(const Dims& nchw, const KernelShape& kernel, const ConvGeometry& g,
                         const Dims& grad_output) {
  ConvDesc d = transposed_channels(nchw, kernel, g);
  const auto axis = [](const char* name, index_t n, index_t k, index_t stride, index_t dilation,
                       const Padding& padding, index_t length) {
    const index_t least = transposed_length(name, n, k, stride, dilation, padding);
    const index_t most = least + std::max(stride, dilation) - 1;
    require(length >= least && length <= most, name, ": grad_output must have from ",
            std::max<index_t>(least, 1), " to ", most, " elements, got ", length);
    return transposed_axis(name, n, k, stride, dilation, padding, length - least, std::nullopt);
  };
  if (g.rank == 2)
    d.h = axis("height", nchw[2], kernel.h, g.stride.h, g.dilation.h, g.padding.h, grad_output[2]);
  d.w = axis(axis_name(g.rank, 1), nchw[3], kernel.w, g.stride.w, g.dilation.w, g.padding.w,
             grad_output[3]);
  return validated(d);
}

const char* to_algorithm(py::handle value) {
  if (PyUnicode_Check(value.ptr())) {
    if (PyUnicode_CompareWithASCIIString(value.ptr(), "auto") == 0) return nullptr;
    if (const char* name = known_name(py::cast<std::string_view>(value))) return name;
  }
  throw py::value_error(sentence("algorithm must be 'auto', ", family_names(),
                                 " or the name of an entry that a plan's explain() lists, got ",
                                 shown(value)));
}

std::optional<Operand> to_bias(py::handle bias, const Operand& x, index_t channels) {
  if (bias.is_none()) return {};
  Operand operand = to_operand(bias, "bias");
  expect_same_dtype(x, "input", operand, "bias");
  expect_dims(operand, "bias", {channels});
  return operand;
}

std::optional<Operand> to_slopes(ActivationSpec& act, const Operand& x, index_t channels) {
  const py::object value = std::exchange(act.slopes, {});
  if (!value) return {};
  constexpr const char* kName = "activation: prelu's slopes";
  Operand slopes = to_operand(value, kName);
  expect_same_dtype(x, "input", slopes, kName);
  const index_t n = slopes.dims.size();
  require(slopes.dims.rank <= 1 && (n == 1 || n == channels), kName,
          " must be one or one for each of the ", channels, " output channels, got shape ",
          slopes.dims.text());
  if (n > 1) return slopes;
  act.slope = with_float(x.dtype, [&]<class T>() { return static_cast<double>(*slopes.as<T>()); });
  return {};
}

template <class T>
void run_once(const Mapping<T>& mapping, ConvArgs<T> args) {
  const index_t packed = mapping.packed_bytes();
  const Scratch scratch(packed + mapping.workspace_bytes());
  args.packed = scratch.as<T>();
  const Unlocked unlocked(mapping.fmas());
  mapping.pack(args.weights, scratch.as<T>());
  mapping.run(args, scratch.bytes() + packed);
}

template void run_once(const Mapping<float>&, ConvArgs<float>);
template void run_once(const Mapping<double>&, ConvArgs<double>);

}  // namespace fastconv
