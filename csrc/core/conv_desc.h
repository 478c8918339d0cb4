// SPDX-License-Identifier: MIT
// What to compute: the geometry of a convolution, validated once. There is no other description: a
// transposed convolution and all gradients are described by the forward convolution that they
// belong to.
#pragma once

#include <optional>

#include "core/types.h"

namespace fastconv {

constexpr index_t ceil_div(index_t a, index_t b) { return (a + b - 1) / b; }

// How one axis is padded: a word, or (explicit_) the two numbers.
enum class PadWord : int { explicit_, valid, same, same_lower, causal, full };
struct Padding {
  PadWord word = PadWord::explicit_;
  index_t lo = 0, hi = 0;
  bool is_pair = false;  // given as (lo, hi); pools limit what is given as a single int
};

// The element that place `i` of a padded axis of `n` elements is a copy of, or -1 where it is a
// zero. Place 0 is the axis's own first element; the padding before it has negative places.
constexpr index_t padded_source(PadMode mode, index_t i, index_t n) {
  if (i >= 0 && i < n) return i;
  switch (mode) {
    case PadMode::replicate:
      return i < 0 ? 0 : n - 1;
    case PadMode::reflect:
      return i < 0 ? -i : 2 * (n - 1) - i;
    case PadMode::circular:
      return i < 0 ? i + n : i - n;
    case PadMode::symmetric:
      return i < 0 ? -1 - i : 2 * n - 1 - i;
    default:
      return -1;
  }
}

struct Axis {  // one spatial axis; lengths in elements
  index_t in = 1, kernel = 1, stride = 1, dilation = 1, lo = 0, hi = 0;
  index_t out = 1;  // the number of windows, and so of outputs
  // From the first element that a window reads to the last, both included.
  constexpr index_t reach() const { return dilation * (kernel - 1) + 1; }
  bool operator==(const Axis&) const = default;
};

struct ConvDesc {
  int rank = 2;  // 1: a one-dimensional convolution, whose h axis is trivial
  index_t batch = 1, c_in = 1, c_out = 1, groups = 1;
  Axis h, w;
  PadMode mode = PadMode::zeros;
  double pad_value = 0;  // of PadMode::constant
  constexpr index_t c_in_group() const { return c_in / groups; }
  constexpr index_t c_out_group() const { return c_out / groups; }
  constexpr index_t taps() const { return h.kernel * w.kernel; }
  constexpr index_t depth() const { return c_in_group() * taps(); }  // products in one output
  constexpr index_t in_plane() const { return h.in * w.in; }
  constexpr index_t out_plane() const { return h.out * w.out; }
  bool operator==(const ConvDesc&) const = default;
};

// The largest stride, dilation, kernel size or padding, so that products of two of them fit
// index_t.
inline constexpr index_t kMaxExtent = (index_t{1} << 31) - 1;
// The most elements of one array, so that sizes in bytes and sums of a few of them fit index_t.
inline constexpr index_t kMaxElements = index_t{1} << 48;

// The padding in numbers. With the words same and same_lower there are ceil(in / stride) outputs,
// as in TensorFlow and ONNX; the odd element, if there is one, is added behind (same) or before.
struct LoHi {
  index_t lo, hi;
};
LoHi resolve(const Padding& padding, index_t in, index_t kernel, index_t stride, index_t dilation);

// These throw std::invalid_argument unless each number is in its range; `name` is the axis's name
// in the message.
void check_extents(const char* name, index_t in, index_t kernel, index_t stride, index_t dilation);
void check_padding(const char* name, const Padding& padding);

// An axis of a convolution with its padding in numbers; throws std::invalid_argument if there is no
// such axis. `name` is "height", "width" or "length" in messages.
Axis conv_axis(const char* name, index_t in, index_t kernel, index_t stride, index_t dilation,
               const Padding& padding, PadMode mode);

// The length of a transposed convolution's result before output_padding; it may be 0 or less.
index_t transposed_length(const char* name, index_t n, index_t kernel, index_t stride,
                          index_t dilation, const Padding& padding);

// An axis of a transposed convolution of `n` elements, described by the forward convolution that it
// is the adjoint of: .out is n, and .in is the length of the result. `size`, where given, is that
// length; it must be one that the forward convolution shortens to n.
Axis transposed_axis(const char* name, index_t n, index_t kernel, index_t stride, index_t dilation,
                     const Padding& padding, index_t output_padding, std::optional<index_t> size);

// Returns `d`, or throws std::invalid_argument with a sentence that names the offending sizes.
const ConvDesc& validated(const ConvDesc& d);

// "length", or "height" (axis 0) and "width" (axis 1).
const char* axis_name(int rank, int axis);

}  // namespace fastconv
