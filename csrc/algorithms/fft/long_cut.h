// SPDX-License-Identifier: MIT
// How the filter of a stream is cut. The first taps, the head, are summed directly. Each level has
// the next ones, in parts of N taps: once N samples have come they are transformed, multiplied by
// all parts and transformed back. A level begins at tap 2N, so that its outputs are not due before
// another N samples have come: its work is spread evenly over those, and nobody waits for it.
//
//     taps   [ head: 2N | N | N | N | N | N | N | 4N   | 4N   | .. ]      levels of N, 4N, 16N ..
#pragma once

#include <algorithm>
#include <cmath>
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

// For k taps and vectors of `lanes` elements. Parts of the smallest level fill whole blocks of a
// transform (LongLine). A level of parts that are 4 times as long pays where it saves so many parts
// of the level before.
inline LongCut long_cut(index_t k, index_t lanes) {
  constexpr index_t kShortest = 64, kLongest = 65536, kSaved = 12;
  const index_t step = std::max(kShortest, lanes * lanes);
  LongCut cut{std::min(k, 2 * step), step, {}};
  for (index_t n = step; k > 2 * n; n *= 4) {
    const bool last = 4 * n > kLongest || k <= (8 + kSaved) * n;
    cut.levels.push_back({n, last ? ceil_div(k - 2 * n, n) : 6});
    if (last) break;
  }
  return cut;
}

}  // namespace fastconv::fft
