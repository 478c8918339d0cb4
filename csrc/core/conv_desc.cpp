// SPDX-License-Identifier: MIT
#include "core/conv_desc.h"

#include <algorithm>

#include "core/require.h"

namespace fastconv {

const char* axis_name(int rank, int axis) {
  return rank == 1 ? "length" : axis == 0 ? "height" : "width";
}

void check_extents(const char* name, index_t in, index_t kernel, index_t stride, index_t dilation) {
  require(in >= 1, name, ": the input must have at least one element, got ", in);
  require(kernel >= 1, name, ": kernel size must be positive, got ", kernel);
  require(stride >= 1, name, ": stride must be positive, got ", stride);
  require(dilation >= 1, name, ": dilation must be positive, got ", dilation);
  require(std::max({kernel, stride, dilation}) <= kMaxExtent, name,
          ": kernel size, stride and dilation must be at most ", kMaxExtent, ", got ", kernel, ", ",
          stride, " and ", dilation);
  require(dilation * (kernel - 1) < kMaxElements, name, ": a kernel may reach at most ",
          kMaxElements, " elements, got kernel size ", kernel, " at dilation ", dilation);
  require(in <= kMaxElements, name, ": at most ", kMaxElements, " elements, got ", in);
}

void check_padding(const char* name, const Padding& padding) {
  if (padding.word != PadWord::explicit_) return;
  require(padding.lo >= 0 && padding.hi >= 0, name, ": padding must not be negative, got (",
          padding.lo, ", ", padding.hi, ")");
  require(std::max(padding.lo, padding.hi) <= kMaxExtent, name, ": padding must be at most ",
          kMaxExtent, ", got (", padding.lo, ", ", padding.hi, ")");
}

namespace {

// As in PyTorch, padding reflects the input once and repeats a circle once, so that it cannot be
// longer than the input.
void check_mode(const char* name, PadMode mode, index_t in, LoHi pad) {
  const index_t most = std::max(pad.lo, pad.hi);
  if (mode == PadMode::reflect)
    require(most < in, name, ": reflect padding must be less than the input's ", in, ", got (",
            pad.lo, ", ", pad.hi, ")");
  if (mode == PadMode::circular || mode == PadMode::symmetric)
    require(most <= in, name, mode == PadMode::circular ? ": circular" : ": symmetric",
            " padding must be at most the input's ", in, ", got (", pad.lo, ", ", pad.hi, ")");
}

}  // namespace

LoHi resolve(const Padding& padding, index_t in, index_t kernel, index_t stride, index_t dilation) {
  const index_t reach = dilation * (kernel - 1) + 1;
  switch (padding.word) {
    case PadWord::explicit_:
      return {padding.lo, padding.hi};
    case PadWord::valid:
      return {0, 0};
    case PadWord::causal:
      return {reach - 1, 0};
    case PadWord::full:
      return {reach - 1, reach - 1};
    case PadWord::same:
    case PadWord::same_lower:
      break;
  }
  const index_t out = (in - 1) / stride + 1;
  const index_t total = std::max<index_t>(0, (out - 1) * stride + reach - in);
  const index_t half = total / 2;
  return padding.word == PadWord::same ? LoHi{half, total - half} : LoHi{total - half, half};
}

Axis conv_axis(const char* name, index_t in, index_t kernel, index_t stride, index_t dilation,
               const Padding& padding, PadMode mode) {
  check_extents(name, in, kernel, stride, dilation);
  check_padding(name, padding);
  const auto [lo, hi] = resolve(padding, in, kernel, stride, dilation);
  check_mode(name, mode, in, {lo, hi});
  Axis axis{.in = in, .kernel = kernel, .stride = stride, .dilation = dilation, .lo = lo, .hi = hi};
  const index_t padded = in + lo + hi;
  require(axis.reach() <= padded, name, ": the kernel reaches ", axis.reach(),
          " elements (kernel size ", kernel, ", dilation ", dilation,
          ") but the padded input has only ", padded);
  axis.out = (padded - axis.reach()) / stride + 1;
  return axis;
}

index_t transposed_length(const char* name, index_t n, index_t kernel, index_t stride,
                          index_t dilation, const Padding& padding) {
  check_extents(name, n, kernel, stride, dilation);
  check_padding(name, padding);
  require(padding.word != PadWord::causal && padding.word != PadWord::full,
          "padding: ", padding.word == PadWord::causal ? "'causal'" : "'full'",
          " has no meaning for a transposed convolution; use ints, pairs, 'valid', 'same' or "
          "'same_lower'");
  index_t grown = 0;
  require(!__builtin_mul_overflow(n, stride, &grown) && grown <= kMaxElements, name,
          ": a length of ", n, " at stride ", stride, " gives a result too large to address");
  const bool same = padding.word == PadWord::same || padding.word == PadWord::same_lower;
  if (same) return grown;  // also where the kernel is shorter than the stride
  const auto [lo, hi] = resolve(padding, grown, kernel, stride, dilation);
  return (n - 1) * stride + dilation * (kernel - 1) + 1 - lo - hi;
}

Axis transposed_axis(const char* name, index_t n, index_t kernel, index_t stride, index_t dilation,
                     const Padding& padding, index_t output_padding, std::optional<index_t> size) {
  const index_t least = transposed_length(name, n, kernel, stride, dilation, padding);
  require(output_padding >= 0 && output_padding < std::max(stride, dilation), name,
          ": output_padding must be at least 0 and smaller than stride or dilation (",
          std::max(stride, dilation), "), got ", output_padding);
  const auto [lo, hi] = resolve(padding, n * stride, kernel, stride, dilation);
  const index_t first = std::max<index_t>(least, 1);
  if (size)
    require(*size >= first && *size < least + stride, name, ": output_size must be from ", first,
            " to ", least + stride - 1, ", got ", *size);
  const index_t length = size.value_or(least + output_padding);
  require(length >= 1, name, ": padding (", lo, ", ", hi, ") leaves nothing of an output of ",
          least + lo + hi);
  return {.in = length,
          .kernel = kernel,
          .stride = stride,
          .dilation = dilation,
          .lo = lo,
          .hi = hi,
          .out = n};
}

const ConvDesc& validated(const ConvDesc& d) {
  require(d.c_in >= 1, "input must have at least one channel, got ", d.c_in);
  require(d.c_out >= 1, "weight must have at least one output channel, got ", d.c_out);
  require(d.groups >= 1, "groups must be positive, got ", d.groups);
  require(d.c_in % d.groups == 0, "groups must divide the input channels: ", d.c_in,
          " channels, groups=", d.groups);
  require(d.c_out % d.groups == 0, "groups must divide the output channels: ", d.c_out,
          " channels, groups=", d.groups);
  const index_t most =
      std::max({product("the input", {std::max<index_t>(d.batch, 1), d.c_in, d.h.in, d.w.in}),
                product("the output", {std::max<index_t>(d.batch, 1), d.c_out, d.h.out, d.w.out}),
                product("the weight", {d.c_out, d.c_in_group(), d.h.kernel, d.w.kernel})});
  if (most > kMaxElements)
    throw TooLarge(
        sentence("an array of ", most, " elements is too large; the limit is ", kMaxElements));
  return d;
}

}  // namespace fastconv
