// SPDX-License-Identifier: MIT
// How `fft_channels` is cut into tasks.
#pragma once

#include "algorithms/common/blocking.h"
#include "algorithms/fft/axis.h"
#include "algorithms/fft/rows.h"
#include "core/exec.h"

namespace fastconv::fft {

struct ChannelsCut {
  LineAxis axis;
  RowAxis rows;
  Blocks blocks;
  index_t out_rows = 1, row_blocks = 1;  // rows of outputs of a task; parts that they are cut into
  index_t block_chunks = 1;              // into which the blocks of a phase are cut

  index_t in_rows() const { return out_rows + rows.halo; }
  index_t terms(const Correlation& r) const { return r.h.n_taps() * axis.combs * blocks.parts; }
  index_t line(index_t lanes) const { return blocks.frequencies() * 2 * lanes; }  // elements
  index_t slots() const { return blocks.parts * rows.n_residues() * axis.combs * in_rows(); }
  // The tasks of a vector of channels.
  index_t tasks_of_vector(const Correlation& r) const {
    return r.batch * row_blocks * axis.phases * block_chunks;
  }
};

template <class T>
ChannelsCut channels_cut(const Correlation& r, index_t size, const Exec& exec) {
  const index_t lanes = exec.kernels<T>().conv.gemm.lanes, threads = exec.threads;
  const LineAxis axis(r.w);
  ChannelsCut cut{.axis = axis, .rows = RowAxis(r.h), .blocks = Blocks(axis, size)};
  // The spectra of the rows of a task take half of L2, or three times as many rows as the halo.
  const index_t row =
      cut.blocks.parts * cut.rows.n_residues() * axis.combs * cut.line(lanes) * index_t{sizeof(T)};
  const index_t most =
      std::max({cache_sizes().l2 / 2 / row - cut.rows.halo, 3 * cut.rows.halo, index_t{1}});
  cut.row_blocks = ceil_div(r.h.count, most);
  cut.out_rows = ceil_div(r.h.count, cut.row_blocks);
  // Each thread should get some tasks. The parts of a long kernel overlap from chunk to chunk.
  const index_t tasks = std::max<index_t>(ceil_div(r.groups, lanes) * cut.tasks_of_vector(r), 1);
  const index_t wanted = cut.blocks.parts == 1 ? 4 * threads : threads;
  cut.block_chunks = std::min(cut.blocks.blocks, ceil_div(wanted, tasks));
  return cut;
}

}  // namespace fastconv::fft
