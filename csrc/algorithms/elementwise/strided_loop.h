// SPDX-License-Identifier: MIT
// Loops over the elements of arrays of one shape that lie in memory in different ways: whole
// arrays, slices of the channels of larger ones, or arrays that are repeated along some axes.
//
//     x  [ n elements ]......[ n elements ]......[ n elements ]      step[0] = {.., ldx, 1}
//     b  [ b ] for all of them                                       step[1] = {.., 0, 0}
//     y  [ n elements ][ n elements ][ n elements ]                  step[2] = {.., n, 1}
//
// Elements are independent, so that neither the blocks nor the threads can change a bit.
#pragma once

#include <algorithm>

#include "algorithms/common/blocking.h"
#include "core/conv_desc.h"
#include "core/exec.h"
#include "core/parallel.h"

namespace fastconv {

template <int kArrays>
struct StridedLoop {
  static constexpr int kMostAxes = 64;  // NumPy's limit
  int rank = 0;
  index_t length[kMostAxes];
  index_t step[kArrays][kMostAxes];  // in elements; 0 where an array is repeated

  // Adds an axis inside of those that are there. Axes along which every array goes on evenly become
  // one, and an axis of length 1 is none.
  void add_axis(index_t n, const index_t (&steps)[kArrays]) {
    if (n == 1) return;
    bool merges = rank > 0;
    for (int i = 0; i < kArrays; ++i) merges = merges && step[i][rank - 1] == n * steps[i];
    rank += merges ? 0 : 1;
    length[rank - 1] = merges ? length[rank - 1] * n : n;
    for (int i = 0; i < kArrays; ++i) step[i][rank - 1] = steps[i];
  }
  // Gives a loop over a single element its axis. To be called after the last add_axis.
  void finish() {
    if (rank == 0) {
      rank = 1;
      length[0] = 1;
      for (int i = 0; i < kArrays; ++i) step[i][0] = 1;
    }
  }
  index_t inner(int array) const { return step[array][rank - 1]; }
  index_t size() const {
    index_t n = 1;
    for (int i = 0; i < rank; ++i) n *= length[i];
    return n;
  }
};

// Some neighbouring rows of a loop: n elements each, every array's first one at `at`, and the rows
// `ld` apart.
template <int kArrays>
struct RowBlock {
  index_t n, rows;
  index_t at[kArrays], ld[kArrays];
};

// So many elements are in L1 when the activation passes over them again, beside what they are
// computed from.
inline constexpr index_t kBlockOfRows = 2048;

// Calls body(block) for all elements of the loop, in blocks of at most kBlockOfRows elements.
// `cost` is what one element costs, in elements moved.
template <int kArrays, class Body>
void for_row_blocks(const Exec& exec, const StridedLoop<kArrays>& loop, double cost,
                    const Body& body) noexcept {
  const index_t n = loop.length[loop.rank - 1], total = loop.size();
  if (total == 0) return;
  // The units that are shared out: parts of long rows, of whole cache lines, or whole short ones.
  const index_t width = ceil_div(ceil_div(n, ceil_div(n, kBlockOfRows)), 64) * 64;
  const index_t parts = ceil_div(n, width), units = total / n * parts;
  const index_t together = std::max<index_t>(1, kBlockOfRows / n);  // short rows of a block
  const index_t across = loop.rank > 1 ? loop.length[loop.rank - 2] : 1;
  const index_t tasks =
      std::min({units, ceil_div(total, 4 * kBlockOfRows), index_t{8} * exec.threads});
  const auto run = [&](index_t task, int) {
    const Range range = part(units, tasks, task);
    for (index_t unit = range.begin; unit < range.end;) {
      const index_t row = unit / parts, first = unit % parts * width;
      RowBlock<kArrays> block{.n = std::min(n - first, width), .rows = 1, .at = {}, .ld = {}};
      if (parts == 1) block.rows = std::min({together, range.end - unit, across - row % across});
      for (int i = 0; i < kArrays; ++i) {
        block.at[i] = first * loop.inner(i);
        block.ld[i] = loop.rank > 1 ? loop.step[i][loop.rank - 2] : 0;
      }
      index_t rest = row;
      for (int axis = loop.rank - 2; axis >= 0; rest /= loop.length[axis], --axis)
        for (int i = 0; i < kArrays; ++i)
          block.at[i] += rest % loop.length[axis] * loop.step[i][axis];
      body(block);
      unit += block.rows;
    }
  };
  parallel_for(tasks, useful_threads(tasks, double(total) * cost, exec.threads), run);
}

}  // namespace fastconv
