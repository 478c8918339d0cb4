// SPDX-License-Identifier: MIT
// What the bindings of gradients of weights share.
#pragma once

#include "algorithms/weight_grad/algorithm.h"
#include "bindings/arrays.h"

namespace fastconv {

// An image of which gradients of weights and bias are computed: pixels at any distance, or planes
// without gaps.
inline Image to_grad_image(py::handle value, const char* name, int spatial,
                           const Options& options) {
  Image image = to_conv_image(value, name, spatial, options);
  if (!image.pixels && image.image_step != 0) return to_image(value, name, spatial, options);
  return image;
}

// The arguments of a call for the gradient of weights.
template <class T>
weight_grad::Args<T> weight_args(const Image& x, const Image& dy, const Result& dw) {
  weight_grad::Args<T> args{x.as<T>(), dy.as<T>(), dw.as<T>()};
  if (x.pixels) args.x_image = x.image_step, args.x_row = x.row_step, args.x_pixel = x.pixel_step;
  if (dy.pixels)
    args.dy_image = dy.image_step, args.dy_row = dy.row_step, args.dy_pixel = dy.pixel_step;
  return args;
}

}  // namespace fastconv
