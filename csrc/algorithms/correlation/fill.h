// SPDX-License-Identifier: MIT
// Outputs that no tap reaches hold their bias alone.
#pragma once

#include <algorithm>

#include "algorithms/correlation/algorithm.h"
#include "core/parallel.h"

namespace fastconv {

struct Outputs {  // a result's planes
  index_t batch, channels, plane;
  explicit Outputs(const Problem& p) : batch(p.batch), channels(p.channels), plane(p.plane) {}
};

// Writes every output: its bias, activated. Phases that reach some of them come after.
template <class T>
void fill_with_bias(const Outputs& outputs, const ConvArgs<T>& args, const Exec& exec) noexcept {
  const index_t planes = outputs.batch * outputs.channels, n = outputs.plane;
  const int threads = useful_threads(planes, double(planes) * double(n), exec.threads);
  parallel_for(planes, threads, [&](index_t plane, int) {
    T* y = args.y + plane * n;
    std::fill_n(y, n, args.bias ? args.bias[plane % outputs.channels] : T{0});
    if (args.activation != Activation::none)
      exec.kernels<T>().elementwise.activate(args.activation, y, y, n, args.slope);
  });
}

}  // namespace fastconv
