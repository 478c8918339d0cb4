// SPDX-License-Identifier: MIT
// The types that all code shares. ISA files include this header, so that nothing here has a
// function body.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastconv {

// Every length, stride and offset, in elements unless a name says bytes.
using index_t = std::ptrdiff_t;

// What stands in the padding of an image: zeros; the image mirrored at its first and last element;
// this element; the image again; the image mirrored beyond its ends, so that the first and last
// element stand there twice; or a number, of which the kernels know nothing (frame.h).
enum class PadMode : int { zeros, reflect, replicate, circular, symmetric, constant };

// How far results may be from those of plain sums; docs/precision.md has the bounds. The numbers
// are those of the C API.
enum class Precision : int {
  high,     // faster algorithms, if they err little; in float64 integers stay exact beside Fourier
            // transforms
  highest,  // only algorithms that add the terms of the sums themselves
  medium,   // faster algorithms that err more
};

// PReLU is a leaky_relu whose slope differs by channel.
enum class Activation : int {
  none,
  relu,
  relu6,
  leaky_relu,
  sigmoid,
  tanh,
  silu,
  gelu,
  gelu_tanh,
  hardswish,
  hardsigmoid,
  elu,
  softplus
};

}  // namespace fastconv
