// SPDX-License-Identifier: MIT
// How work is shared out to threads: into how many blocks and chunks it is cut for so many of them,
// and parts of a step for each. It changes no sum.
#pragma once

#include <algorithm>

#include "algorithms/common/blocking.h"
#include "core/parallel.h"

namespace fastconv {

// Into how many blocks of outputs, and chunks of output channels, the work of an image is cut.
struct Cuts {
  index_t blocks, chunks;
};

// Cuts `images` images into `least` blocks each, or, where these are few for the threads, into up
// to `most` blocks and `chunks` chunks. Of these cuts the one is taken that leaves the busiest
// thread the least, which load(cuts) tells; of cuts that are about equal the coarsest.
template <class Load>
Cuts share_out(index_t least, index_t most, index_t chunks, index_t images, index_t threads,
               const Load& load) {
  const index_t few = 4 * threads;
  Cuts best{least, 1};
  if (threads <= 1 || images * least >= few) return best;
  double least_load = load(best);
  for (index_t n = std::min(threads, chunks); n >= 1; --n)
    for (index_t blocks = least; blocks <= std::min(most, least + few); ++blocks)
      if (const double other = load({blocks, n}); other < 0.98 * least_load)
        least_load = other, best = {blocks, n};
  return best;
}

// Whether `n` parts of at most `most` things, of `all`, leave some of the threads without work for
// a sixth of the time.
inline bool idle(index_t n, index_t most, index_t all, index_t threads) {
  return 6 * ceil_div(n, threads) * most * threads > 7 * all;
}
// Whether n equal parts do so.
inline bool uneven(index_t n, index_t threads) { return idle(n, 1, n, threads); }

// Calls f(part of 0..n, thread) for all parts, of which each thread of the team gets some four.
template <class F>
void share_parts(index_t n, const Team& team, const F& f) noexcept {
  const index_t parts = std::min(n, index_t{4} * team.threads);
  parallel_for(parts, team, [&](index_t i, int thread) { f(part(n, parts, i), thread); });
}

}  // namespace fastconv
