// SPDX-License-Identifier: MIT
// How the filter of a stream is cut. The first taps, the head, are summed directly. Each level has
// the next ones, in parts of N taps: once N samples have come they are transformed, multiplied by
// all parts and transformed back. A level begins at tap 2N, so that its outputs are not due before
// another N samples have come: its work is spread evenly over those, and nobody waits for it.
//
//     taps   [ head: 2N | N | N | N | N | N | N | 4N   | 4N   | .. ]      levels of N, 4N, 16N ..
#pragma once

#include <algorithm>
#include <vector>

#include "core/conv_desc.h"

namespace fastconv::fft {

struct LevelCut {
  index_t points;  // N
  index_t parts;   // of N taps each, from tap 2N on
};

struct LongCut {
  index_t head;  // taps
  index_t step;  // the samples of the smallest level's parts
  std::vector<LevelCut> levels;
};

// For k taps between each of c input and m output channels, and vectors of `lanes` elements. Parts
// of the smallest level fill whole blocks of a transform (LongLine). A level of parts that are 4
// times as long costs transforms, and spares most of the products of the level before.
inline LongCut long_cut(index_t k, index_t c, index_t m, index_t lanes) {
  constexpr index_t kShortest = 64, kLongest = 65536, kTransforms = 6;  // in products of a part
  const index_t step = std::max(kShortest, lanes * lanes), pairs = c * m;
  const index_t saved = std::max(kTransforms * (c + m) / pairs, index_t{1});
  LongCut cut{std::min(k, 2 * step), step, {}};
  for (index_t n = step; k > 2 * n; n *= 4) {
    const bool last = 4 * n > kLongest || k <= (8 + saved) * n;
    cut.levels.push_back({n, last ? ceil_div(k - 2 * n, n) : 6});
    if (last) break;
  }
  return cut;
}

// Whether it pays not to sum all taps directly. In cycles a sample with vectors of 16 elements, on
// a Zen 4, blocks of 64: a tap takes 0.12 or, where tiles have several rows, 0.07; a level 10 for
// the transforms of a channel, and 2 for each product.
inline bool long_pays(index_t k, index_t c, index_t m, index_t lanes) {
  const LongCut cut = long_cut(k, c, m, lanes);
  if (cut.levels.empty()) return false;
  const double pairs = double(c) * double(m);
  double cycles = 0;
  for (const LevelCut& level : cut.levels)
    cycles += 10 * double(c + m) + 2 * pairs * double(level.parts);
  return cycles < (m < 4 ? 0.12 : 0.07) * pairs * double(k - cut.head);
}

}  // namespace fastconv::fft
