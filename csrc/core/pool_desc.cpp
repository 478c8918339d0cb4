// SPDX-License-Identifier: MIT
#include "core/pool_desc.h"

#include "core/require.h"

namespace fastconv {

Axis pool_axis(const char* name, index_t in, index_t kernel, index_t stride, index_t dilation,
               const Padding& padding, bool ceil_mode) {
  Axis axis = conv_axis(name, in, kernel, stride, dilation, padding, PadMode::zeros);
  if (padding.word == PadWord::explicit_ && !padding.is_pair)
    require(padding.lo <= axis.reach() / 2, name,
            ": padding given as an int must be at most half of the ", axis.reach(),
            " elements that the kernel reaches, got ", padding.lo,
            "; a (lo, hi) pair may be larger");
  if (!ceil_mode) return axis;
  const index_t padded = in + axis.lo + axis.hi;
  // The last window may hang over, but must begin inside the input or the padding before it.
  axis.out = std::min(ceil_div(padded - axis.reach(), stride) + 1, ceil_div(in + axis.lo, stride));
  return axis;
}

Axis adaptive_axis(const char* name, index_t in, index_t out) {
  require(in >= 1, name, ": the input must have at least one element, got ", in);
  require(in <= kMaxElements, name, ": at most ", kMaxElements, " elements, got ", in);
  require(out >= 0 && out <= kMaxExtent, name, ": output_size must be from 0 to ", kMaxExtent,
          ", got ", out);
  Axis axis{.in = in, .kernel = 0, .out = out};
  if (out > 0 && in % out == 0) axis.kernel = axis.stride = in / out;
  return axis;
}

index_t unpooled_length(const char* name, index_t n, index_t kernel, index_t stride,
                        const Padding& padding, std::optional<index_t> size) {
  const index_t usual = transposed_axis(name, n, kernel, stride, 1, padding, 0, {}).in;
  if (!size) return usual;
  const index_t least = std::max<index_t>(1, usual - stride + 1);
  require(*size >= least && *size < usual + stride, name, ": output_size must be from ", least,
          " to ", usual + stride - 1, ", got ", *size);
  return *size;
}

bool has_empty_window(const Axis& axis) {
  if (axis.lo == 0 && axis.hi == 0) return false;
  const auto any_empty = [&](index_t first, index_t last) {
    for (index_t o = first; o < last; ++o)
      if (span_of(axis, o).count == 0) return true;
    return false;
  };
  // Only windows that begin before the input, and those that end beyond it, can be empty: the
  // others have all their taps inside.
  const index_t inside = std::min(axis.out, ceil_div(axis.lo, axis.stride));
  const index_t beyond = (axis.in + axis.lo - axis.reach()) / axis.stride;
  return any_empty(0, inside) || any_empty(std::max(inside, beyond), axis.out);
}

const PoolDesc& validated(const PoolDesc& d) {
  require(d.channels >= 1, "input must have at least one channel, got ", d.channels);
  const index_t most = std::max(
      product("the input", {std::max<index_t>(d.batch, 1), d.channels, d.h.in, d.w.in}),
      product("the output", {std::max<index_t>(d.batch, 1), d.channels, d.h.out, d.w.out}));
  if (most > kMaxElements)
    throw TooLarge(
        sentence("an array of ", most, " elements is too large; the limit is ", kMaxElements));
  return d;
}

}  // namespace fastconv
