// SPDX-License-Identifier: MIT
// Which weights an output of a stream takes, and which samples they meet. A convolution has one
// residue; a transposed one has as many as its stride, since the outputs that come with an input
// take different weights.
#pragma once

#include <vector>

#include "algorithms/stream/engine.h"

namespace fastconv::stream {

// Tap i takes weight number first + i * step of the kernel, and meets the sample that lies
// at + i * apart behind the newest one: both are 0 or negative there.
struct Residue {
  index_t taps = 0;
  index_t first = 0, step = 1;
  index_t at = 0, apart = 0;
};

// One for each of desc.out_step() outputs. Taps are listed in the order in which they are summed.
std::vector<Residue> residues_of(const Desc& desc);

// Weight `tap` of the kernel between input channel c and output channel m of group g.
template <class T>
T weight_of(const Desc& desc, const T* weights, index_t g, index_t c, index_t m, index_t tap) {
  const index_t in = desc.c_in / desc.groups, out = desc.c_out / desc.groups;
  const index_t pair = desc.transposed() ? (g * in + c) * out + m : (g * out + m) * in + c;
  return weights[pair * desc.kernel + tap];
}

}  // namespace fastconv::stream
