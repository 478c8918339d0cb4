// SPDX-License-Identifier: MIT
// The outputs of a problem before its phases run: those that no tap reaches become their bias.
#pragma once

#include <algorithm>

#include "algorithms/correlation/algorithm.h"
#include "core/parallel.h"

namespace fastconv {

// The outputs of a problem: batch * channels planes of `plane` elements, in rows of `width`.
struct Outputs {
  index_t batch, channels, plane, width;
  explicit Outputs(const Problem& p)
      : batch(p.batch), channels(p.channels), plane(p.plane), width(p.width) {}
};

// fill_with_bias where the outputs are pixels.
template <class T>
void fill_pixels(const Outputs& outputs, const ConvArgs<T>& args, const Exec& exec) noexcept {
  const index_t rows = outputs.plane / outputs.width, n = outputs.channels;
  const index_t tasks = outputs.batch * rows;
  const double work = double(tasks) * double(outputs.width) * double(n);
  parallel_for(tasks, useful_threads(tasks, work, exec.threads), [&](index_t task, int) {
    const index_t image = task / rows, row = task % rows;
    T* y = args.y + image * args.y_image + row * args.y_row;
    const T* residual = args.residual;
    if (residual) residual += image * args.residual_image + row * args.residual_row;
    for (index_t i = 0; i < outputs.width; ++i, y += args.y_pixel) {
      for (index_t c = 0; c < n; ++c) {  // the residual may be y
        const T bias = args.bias ? args.bias[c] : T{0};
        y[c] = residual ? residual[i * args.residual_pixel + c] + bias : bias;
      }
      activate_pixel(args, exec, 0, y, n);
    }
  });
}

// Writes to every output its bias and its residual, activated. The phases run after this, and
// overwrite the outputs that their taps reach.
template <class T>
void fill_with_bias(const Outputs& outputs, const ConvArgs<T>& args, const Exec& exec) noexcept {
  if (args.y_pixel != 0) return fill_pixels(outputs, args, exec);
  const index_t planes = outputs.batch * outputs.channels, n = outputs.plane;
  const index_t image = args.y_image == 0 ? outputs.channels * n : args.y_image;
  const index_t residual_image =
      args.residual_image == 0 ? outputs.channels * n : args.residual_image;
  const Team team = useful_threads(planes, double(planes) * double(n), exec.threads);
  parallel_for(planes, team, [&](index_t plane, int) {
    const index_t channel = plane % outputs.channels;
    T* y = args.y + plane / outputs.channels * image + channel * n;
    const T bias = args.bias ? args.bias[channel] : T{0};
    if (args.residual) {
      const T* residual = args.residual + plane / outputs.channels * residual_image + channel * n;
      std::transform(residual, residual + n, y, [&](T value) { return value + bias; });
    } else {
      std::fill_n(y, n, bias);
    }
    if (args.activation != Activation::none)
      exec.kernels<T>().elementwise.activate(args.activation, y, y, n, args.slope_of(channel));
  });
}

}  // namespace fastconv
