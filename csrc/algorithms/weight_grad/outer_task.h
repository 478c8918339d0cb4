// SPDX-License-Identifier: MIT
// One task of the weight gradient by outer products, whether it reads strips or pixels: it computes
// a chunk of the input channels by some units of the output channels of one group.
#pragma once

#include "algorithms/weight_grad/outer_cut.h"
#include "algorithms/weight_grad/sums.h"

namespace fastconv::weight_grad {

template <class T>
class OuterTask {
 protected:
  // `sums` and `totals` are scratch memory of this thread, as large as the cut says.
  OuterTask(const Job<T>& job, const Exec& exec, const Cut& cut, T* sums, double* totals,
            index_t index) noexcept
      : job_(job),
        r_(job.r),
        exec_(exec),
        cut_(cut),
        block_(cut.block),
        sums_(sums),
        totals_(totals) {
    units_ = part(cut.units, cut.unit_tasks, index % cut.unit_tasks);
    const index_t chunk = index / cut.unit_tasks % cut.chunks;
    g_ = index / cut.unit_tasks / cut.chunks;
    c0_ = chunk * cut.channels;
    channels_ = std::min(cut.channels, r_.c - c0_);
  }

  // Goes through all blocks of pixels: begin() makes one the block at hand, and multiply(u, sums,
  // overwrite) adds its terms to the sums of unit u.
  template <class Begin, class Multiply>
  void run_blocks(const Begin& begin, const Multiply& multiply) noexcept {
    for (index_t block = 0; block < cut_.blocks; ++block) {
      n_ = block / block_.pixels.count() * block_.images;
      images_ = std::min(block_.images, r_.batch - n_);
      at_ = block_.pixels.at(block % block_.pixels.count());
      begin();
      const bool last = block + 1 == cut_.blocks;
      const bool full = last || (block + 1) % cut_.most_blocks == 0;
      for (index_t u = units_.begin; u < units_.end; ++u) {
        T* sums = sums_ + live(u) * unit_size();
        multiply(u, sums, block % cut_.most_blocks == 0);
        if (full && cut_.in_double())
          exec_.kernels<T>().conv.add_to_totals(sums, totals_ + live(u) * unit_size(), unit_size(),
                                                block < cut_.most_blocks, last);
        if (last)
          store_sums(job_, exec_, sums, block_.unit, g_,
                     {u * block_.unit, u * block_.unit + outputs(u)}, {c0_, c0_ + channels_});
      }
    }
  }

  // The rows of a unit's sums: a pair of an input channel and a tap each.
  index_t rows() const { return channels_ * r_.taps(); }
  index_t unit_size() const { return rows() * block_.unit; }
  // The number of unit u among those whose sums are live.
  index_t live(index_t u) const { return cut_.blocks == 1 ? 0 : u - units_.begin; }
  index_t outputs(index_t u) const { return std::min(block_.unit, r_.m - u * block_.unit); }

  const Job<T>& job_;
  const Correlation& r_;
  const Exec& exec_;
  const Cut& cut_;
  const Block& block_;
  T* sums_;
  double* totals_;
  Range units_;                 // of output channels
  index_t g_, c0_, channels_;   // the group, its first input channel, and how many these are
  index_t n_ = 0, images_ = 1;  // of the block at hand: its first image, and how many it has
  PixelBlock at_{};             // the block at hand in their planes
};

}  // namespace fastconv::weight_grad
