// SPDX-License-Identifier: MIT
// How `fft` is cut into tasks, and where its parts lie in scratch memory.
//
// All lines of a task are the lanes of one wide row of vectors. A column is a block of one phase of
// one image; its lanes are the rows that the outputs of the task read:
//
//     lane = column * height + row        height = the rows of outputs + the halo
//
// so that tap t of the kernel's height and part p of its width read the lanes that lie shift[t] +
// p * height further on, and the products at each frequency are those of an indirect gemm.
#pragma once

#include <vector>

#include "algorithms/common/blocking.h"
#include "algorithms/fft/axis.h"
#include "algorithms/fft/rows.h"
#include "core/exec.h"
#include "core/memory.h"

namespace fastconv::fft {

struct SharedCut {
  LineAxis axis;
  RowAxis rows;
  Blocks blocks;
  Tile tile = {};
  index_t kc = 0;          // terms of a slice of a product
  index_t height = 0;      // lanes of a column
  index_t out_rows = 0;    // of a column, at most
  index_t row_blocks = 0;  // into which rows of outputs are cut
  // Columns that a range of tasks shares out: those of one phase of one image if kernels have
  // several parts, and else all of them; and how often there are so many.
  index_t columns = 0, ranges = 0;
  index_t task_columns = 0;       // of a task, at most
  index_t column_blocks = 0;      // into which a range is cut
  index_t chunk = 0, chunks = 0;  // output channels of a task; tasks that they are cut into
  index_t slice = 0;              // input channels that are transformed together
  index_t planes = 0;             // of a frequency of a line: 2, or 3 with the negated real parts
  index_t in_lanes = 0, out_lanes = 0;  // of a task, in whole vectors
  // If there are fewer tasks than threads, all threads work on one task after another: on its
  // lines, then on its products, then on its results.
  bool split = false;
  std::vector<index_t> offsets = {};  // where each term of a slice reads, at one frequency

  index_t terms(const Correlation& r) const {  // of one input channel
    return r.h.n_taps() * axis.combs * blocks.parts;
  }
  index_t components() const { return rows.n_residues() * axis.combs; }  // of one input channel
  index_t tasks(const Correlation& r) const {
    return r.batch == 0 ? 0 : r.groups * chunks * row_blocks * ranges * column_blocks;
  }
};

// With so few output channels a kernel of its own adds their products: a gemm tile of one or two
// rows waits for its loads.
inline constexpr index_t kFewOutputs = 2;

// How many lanes, channels and panels of output channels a task has: `most` bytes of spectra each
// of inputs and of outputs, and lanes enough that those which are only read are few beside them.
template <class T>
index_t share_lanes(const Correlation& r, SharedCut& cut, index_t lanes) {
  constexpr index_t item = sizeof(T), kMost = 4 << 20, kVectors = 6;
  const Blocks& b = cut.blocks;
  const index_t halo = cut.rows.halo, height = r.h.count + halo;
  const index_t apart = (b.parts - 1) * height, all = cut.columns * height;
  const index_t least = std::min(ceil_div(all, lanes), index_t{2}) * lanes + halo + apart;
  const index_t in_lane = b.frequencies() * cut.planes * cut.components() * item;
  const index_t out_lane = b.frequencies() * 2 * item;
  cut.slice = std::clamp(kMost / (in_lane * least), index_t{1}, r.c);
  cut.slice = ceil_div(r.c, ceil_div(r.c, cut.slice));
  const index_t panels = ceil_div(r.m, cut.tile.mr);
  const index_t some = std::clamp(kMost / (out_lane * least * cut.tile.mr), index_t{1}, panels);
  cut.chunks = ceil_div(panels, some);
  const index_t fits = std::min(kMost / (in_lane * cut.slice) - halo - apart,
                                kMost / (out_lane * std::min(r.m, some * cut.tile.mr)));
  const index_t wanted = std::max({kVectors * lanes, 3 * halo, apart / 2});
  return std::clamp(fits / lanes * lanes, lanes, ceil_div(wanted, lanes) * lanes);
}

// Cuts the lanes so that every thread gets equally many tasks, where there are few of them, but no
// task that would fill less than a vector.
inline void share_tasks(const Correlation& r, SharedCut& cut, index_t most, index_t lanes,
                        index_t threads) {
  cut.row_blocks = ceil_div(r.h.count, most);
  cut.out_rows = ceil_div(r.h.count, cut.row_blocks);
  cut.height = cut.out_rows + cut.rows.halo;
  const index_t fit = cut.row_blocks > 1 ? 1 : std::max(most / cut.height, index_t{1});
  const index_t others = r.groups * cut.chunks * cut.row_blocks * cut.ranges;
  index_t count = ceil_div(cut.columns, fit);
  if (others * count < 4 * threads && others % threads != 0)
    count = std::min(ceil_div(cut.columns * cut.height, lanes), ceil_div(count, threads) * threads);
  cut.task_columns = ceil_div(cut.columns, std::min(count, cut.columns));
  cut.column_blocks = ceil_div(cut.columns, cut.task_columns);
  cut.split = others * cut.column_blocks < threads;
  const index_t panels = ceil_div(r.m, cut.tile.mr);
  cut.chunk = ceil_div(panels, cut.chunks) * cut.tile.mr;
  cut.chunks = ceil_div(r.m, cut.chunk);
}

template <class T>
SharedCut shared_cut(const Correlation& r, index_t size, const Exec& exec) {
  const auto& gemm = exec.kernels<T>().conv.gemm;
  const index_t lanes = gemm.lanes;
  const LineAxis axis(r.w);
  SharedCut cut{.axis = axis, .rows = RowAxis(r.h), .blocks = Blocks(axis, size)};
  const Blocks& b = cut.blocks;
  cut.tile = choose_tile(gemm, r.m);
  cut.kc = most_terms<T>();
  cut.planes = r.m <= kFewOutputs ? 2 : 3;
  const index_t phases = std::max<index_t>(r.batch, 1) * axis.phases;
  cut.ranges = b.parts == 1 ? 1 : phases;
  cut.columns = b.parts == 1 ? phases * b.blocks : b.blocks;
  share_tasks(r, cut, share_lanes<T>(r, cut, lanes), lanes, exec.threads);
  cut.out_lanes = ceil_div(cut.task_columns * cut.height, lanes) * lanes;
  cut.in_lanes =
      ceil_div(cut.out_lanes + (b.parts - 1) * cut.height + cut.rows.halo, lanes) * lanes;
  for (index_t c = 0; c < cut.slice; ++c)
    for (std::size_t t = 0; t < cut.rows.of.size(); ++t)
      for (index_t u = 0; u < axis.combs; ++u)
        for (index_t p = 0; p < b.parts; ++p)
          cut.offsets.push_back(((c * cut.rows.n_residues() + cut.rows.of[t]) * axis.combs + u) *
                                    cut.planes * cut.in_lanes +
                                cut.rows.shift[t] + p * cut.height);
  for (int i = 0; i < kAhead; ++i) cut.offsets.push_back(0);  // a gemm tile fetches ahead
  return cut;
}

}  // namespace fastconv::fft
