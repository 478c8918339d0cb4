// SPDX-License-Identifier: MIT
#include "algorithms/stream/taps.h"

#include <algorithm>
#include <numeric>

#include "core/conv_desc.h"

namespace fastconv::stream {

std::vector<Residue> residues_of(const Desc& d) {
  if (!d.transposed())
    return {{.taps = d.kernel, .at = -(d.kernel - 1) * d.dilation, .apart = d.dilation}};
  // Input q reaches output q * stride + tap * dilation. So output q * stride + r takes those taps
  // whose distance is r modulo the stride: every `step`-th, if there are any.
  std::vector<Residue> residues(static_cast<std::size_t>(d.stride));
  const index_t step = d.stride / std::gcd(d.stride, d.dilation);
  for (index_t tap = 0; tap < std::min(step, d.kernel); ++tap) {
    const index_t distance = tap * d.dilation, r = distance % d.stride;
    residues[static_cast<std::size_t>(r)] = {.taps = ceil_div(d.kernel - tap, step),
                                             .first = tap,
                                             .step = step,
                                             .at = -(distance / d.stride),
                                             .apart = -(step * d.dilation / d.stride)};
  }
  return residues;
}

}  // namespace fastconv::stream
