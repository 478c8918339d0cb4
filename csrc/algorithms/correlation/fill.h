// SPDX-License-Identifier: MIT
// The outputs of a problem before its phases run: those that no tap reaches become their bias.
#pragma once

#include <algorithm>

#include "algorithms/correlation/algorithm.h"
#include "core/parallel.h"

namespace fastconv {

// The outputs of a problem: batch * channels planes of `plane` elements.
struct Outputs {
  index_t batch, channels, plane;
  explicit Outputs(const Problem& p) : batch(p.batch), channels(p.channels), plane(p.plane) {}
};

// Writes to every output its bias, activated. The phases run after this, and overwrite the outputs
// that their taps reach.
template <class T>
void fill_with_bias(const Outputs& outputs, const ConvArgs<T>& args, const Exec& exec) noexcept {
  const index_t planes = outputs.batch * outputs.channels, n = outputs.plane;
  const index_t image = args.y_image == 0 ? outputs.channels * n : args.y_image;
  const Team team = useful_threads(planes, double(planes) * double(n), exec.threads);
  parallel_for(planes, team, [&](index_t plane, int) {
    const index_t channel = plane % outputs.channels;
    T* y = args.y + plane / outputs.channels * image + channel * n;
    std::fill_n(y, n, args.bias ? args.bias[channel] : T{0});
    if (args.activation != Activation::none)
      exec.kernels<T>().elementwise.activate(args.activation, y, y, n, args.slope_of(channel));
  });
}

}  // namespace fastconv
