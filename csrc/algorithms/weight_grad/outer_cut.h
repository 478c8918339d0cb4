// SPDX-License-Identifier: MIT
// How weight gradients by outer products are cut into tasks and blocks, whether they read strips or
// pixels.
#pragma once

#include <algorithm>

#include "algorithms/common/blocking.h"
#include "algorithms/common/pixel_blocks.h"
#include "algorithms/correlation/correlation.h"
#include "core/cache.h"
#include "core/exec.h"
#include "core/parallel.h"

namespace fastconv::weight_grad {

// A block of pixels, by the output channels that a tile holds.
struct Block {
  bool in_place;       // whether x itself serves as the strip
  index_t nv, unit;    // the vectors and the lanes of a unit of output channels
  PixelBlocks pixels;  // of one image
  index_t images;      // of a block, at most: several only if it has all of their pixels
};

// `flat`: the planes of x and dy are cut as if each was one row. `whole`: rows are not cut.
template <class T>
Block block_for(const Correlation& r, bool in_place, bool flat, bool whole, const Exec& exec) {
  const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
  Block block{};
  block.in_place = in_place;
  block.nv = std::min<index_t>(kChannelLanesNv, ceil_div(r.m, lanes));
  block.unit = block.nv * lanes;
  // The gradients of a block, which every row of a tile reads again, take a little more than L1.
  // With half of L1, or with all of it, the tiles take as long; but larger blocks have fewer
  // borders, whose rows are gathered twice (2 % at 64@56).
  const index_t most = std::max({cache_sizes().l1 * 5 / 4 / (block.unit * index_t{sizeof(T)}),
                                 index_t{16}, whole ? r.w.count : index_t{1}});
  block.pixels = flat ? PixelBlocks(1, r.pixels(), most) : PixelBlocks(r.h.count, r.w.count, most);
  block.images = 1;
  if (block.pixels.count() == 1)
    block.images = std::clamp(most / r.pixels(), index_t{1}, std::max<index_t>(r.batch, 1));
  return block;
}

// A task computes a chunk of the input channels by some units of the output channels of one group.
// It goes through all images and blocks of pixels in order, whatever the number of threads.
struct Cut {
  Block block;
  index_t blocks;       // of pixels, in all images
  index_t most_blocks;  // that are added in T before a sum goes on in double
  index_t units, task_units,
      unit_tasks;            // units of a group; of a task; tasks that they are cut into
  index_t channels, chunks;  // input channels of a chunk; chunks of a group
  index_t strip, sums;       // the elements of each thread's strip and sums

  bool in_double() const { return blocks > most_blocks; }
};

// `channel` is how many elements of each input channel a block of an image reads.
template <class T>
Cut cut_for(const Correlation& r, const Block& block, index_t channel, const Exec& exec) {
  Cut cut{};
  cut.block = block;
  cut.blocks = ceil_div(r.batch, cut.block.images) * cut.block.pixels.count();
  // A sum of 2,048 terms in float errs by 1e-6 of its norm or less.
  constexpr index_t kMostTerms = 2048;
  const index_t terms = cut.block.pixels.pixels() * cut.block.images;
  cut.most_blocks = std::max(kMostTerms / terms, index_t{1});
  if (sizeof(T) == sizeof(double)) cut.most_blocks = cut.blocks;

  // The strip of a task and its sums take a quarter of L2 each, and 4 units read the same strip. If
  // there is one block of pixels, a unit is finished before the next one begins, so that only the
  // sums of one unit are live.
  constexpr index_t kSharing = 4;
  cut.units = ceil_div(r.m, cut.block.unit);
  cut.task_units = cut.blocks == 1 ? cut.units : std::min(cut.units, kSharing);
  const auto live_units = [&] { return cut.blocks == 1 ? 1 : cut.task_units; };
  const index_t quarter = cache_sizes().l2 / 4 / index_t{sizeof(T)};
  const index_t per_channel =
      std::max(channel * cut.block.images, r.taps() * cut.block.unit * live_units());
  cut.chunks = ceil_div(r.c, std::clamp(quarter / per_channel, index_t{1}, r.c));
  // Each thread should get equally many tasks, unless there are many of them.
  const index_t threads = useful_threads(exec.threads, r.fmas(), exec.threads).threads;
  const index_t few = 4 * threads;
  const auto tasks = [&] { return r.groups * cut.chunks * ceil_div(cut.units, cut.task_units); };
  while (tasks() < few && tasks() % threads != 0 && cut.task_units > 1)
    cut.task_units = ceil_div(cut.task_units, 2);
  if (tasks() < few && tasks() % threads != 0) cut.chunks = std::min(r.c, cut.chunks * threads);
  cut.channels = ceil_div(r.c, cut.chunks);
  cut.chunks = ceil_div(r.c, cut.channels);
  cut.unit_tasks = ceil_div(cut.units, cut.task_units);
  cut.strip = cut.block.in_place ? 0 : cut.channels * channel * cut.block.images;
  cut.sums = cut.channels * r.taps() * cut.block.unit * live_units();
  return cut;
}

}  // namespace fastconv::weight_grad
