// SPDX-License-Identifier: MIT
// im2col and its adjoint: windows of (N, C, H, W) as columns of (N, C * kh * kw, L), rows ordered
// (channel, tap of h, tap of w), columns by the place of the window.
#pragma once

#include "core/conv_desc.h"
#include "core/exec.h"

namespace fastconv {

struct FoldDesc {
  index_t batch = 1, channels = 1;
  Axis h, w;
  constexpr index_t taps() const { return h.kernel * w.kernel; }
  constexpr index_t rows() const { return channels * taps(); }
  constexpr index_t columns() const { return h.out * w.out; }
};

// Returns `d`, or throws std::invalid_argument if an array of it cannot be addressed.
const FoldDesc& validated(const FoldDesc& d);

// y = the windows of x, with zeros beyond its edges.
template <class T>
void unfold(const Exec& exec, const FoldDesc& d, const T* x, T* y) noexcept;

// x = every element of y added to where unfold reads it from.
template <class T>
void fold(const Exec& exec, const FoldDesc& d, const T* y, T* x) noexcept;

}  // namespace fastconv
