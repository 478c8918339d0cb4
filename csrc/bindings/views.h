// SPDX-License-Identifier: MIT
// Copies between an array's elements, wherever they lie, and contiguous memory in kernels' order.
#pragma once

#include <pybind11/numpy.h>

#include <optional>

#include "bindings/arrays.h"
#include "core/types.h"

namespace fastconv {

// For each of (N, C, H, W) the axis of the caller's array, or -1 where the caller has none. `rank`
// is the number of the caller's axes.
struct AxisMap {
  int of[4];
  int rank;
};
inline AxisMap axis_map(int spatial, bool batched, bool channels_last) {
  const int lead = batched ? 1 : 0;
  const int c = channels_last ? lead + spatial : lead;
  const int first = channels_last ? lead : lead + 1;
  return {{batched ? 0 : -1, c, spatial == 1 ? -1 : first, first + spatial - 1},
          lead + 1 + spatial};
}

bool contiguous(const View& view, index_t item);
bool aligned(const void* data, index_t item);
bool is_native(const py::array& array);

// Elements from an image, a row and a pixel to the next, where there are gaps between them, else 0.
struct Steps {
  index_t image = 0, row = 0, pixel = 0;
};
// The steps of pixels (N, H, W, C) without gaps.
Steps dense_steps(const Dims& nhwc);
// How kernels get from image to image and from pixel to pixel of the view, whose elements belong to
// `array`. Nothing if they cannot read it as it lies: it has other gaps than `gaps` allows, or it
// is not aligned or not native. With Gaps::pixels and Gaps::anywhere the view is (N, H, W, C), else
// (N, C, H, W) or, if it has no gaps, anything. Gaps::anywhere gives every step, with or without
// gaps.
std::optional<Steps> steps_of(const View& view, const py::array& array, Gaps gaps);
// Whether no element of such a view lies in the memory of another one, so that it may be written.
bool writable_apart(const View& view, const Steps& steps, Gaps gaps);

// Whether the arrays have an element in common: exactly, unless it is hard to tell (then true).
bool share_memory(const py::array& a, const py::array& b);

// These copy the elements of the view, which belong to `array`, to or from contiguous memory in
// native byte order. Images whose channels are neighbours are copied by SIMD, on up to `threads`
// threads; NumPy copies all others.
void copy_in(const View& view, const py::array& array, DType dtype, void* to, int threads);
// Copies planes to pixels: the view (N, C, H, W), whose images may lie `image` elements apart.
void copy_to_pixels(const View& view, const py::array& array, index_t image, void* to, int threads);
void copy_out(const View& view, const py::array& array, DType dtype, void* from, int threads);

}  // namespace fastconv
