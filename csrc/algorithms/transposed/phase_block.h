// SPDX-License-Identifier: MIT
// A block of outputs of all phases. They wait in a buffer until all are summed, and are then copied
// to where they belong. Two phases whose outputs alternate in a row are copied together.
#pragma once

#include <algorithm>
#include <vector>

#include "algorithms/common/pixel_blocks.h"
#include "algorithms/correlation/job.h"

namespace fastconv::transposed {

// How many rows and columns of each phase a block has at most. At the borders some phases may have
// one row or column fewer than others.
struct BlockSize {
  index_t rows = 1, columns = 1;
  index_t plane() const { return rows * columns; }
  // The elements of the buffer, which holds all output channels of all phases.
  index_t elements(const std::vector<Correlation>& phases) const {
    return static_cast<index_t>(phases.size()) * phases.front().m * plane();
  }
};

template <class T>
class PhaseBlock {
 public:
  PhaseBlock(const ConvArgs<T>& args, const std::vector<Correlation>& phases, BlockSize size,
             const Exec& exec, T* buffer, index_t n, index_t g, const PixelBlock& block) noexcept
      : job_(args, phases.front()),
        phases_(phases),
        size_(size),
        exec_(exec),
        buffer_(buffer),
        n_(n),
        g_(g),
        block_(block) {}

  // Where in the buffer the outputs of channel m of a phase begin. Rows of outputs lie size.columns
  // apart, channels size.plane().
  T* at(std::size_t phase, index_t m) const {
    return buffer_ + (static_cast<index_t>(phase) * phases_[phase].m + m) * size_.plane();
  }
  // How many rows and columns of this block the phase has.
  index_t rows(std::size_t phase) const {
    return std::min(block_.rows, phases_[phase].h.count - block_.row);
  }
  index_t columns(std::size_t phase) const {
    return std::min(block_.columns, phases_[phase].w.count - block_.column);
  }
  const Job<T>& job() const { return job_; }

  // Finishes all outputs of the buffer and copies them to y.
  void store() noexcept {
    for (std::size_t i = 0; i < phases_.size(); ++i) {
      const bool pair = are_pair(i);
      for (index_t m = 0; m < phases_[i].m; ++m)
        for (index_t row = 0; row < rows(i); ++row) {
          if (pair)
            store_pair(i, m, row);
          else
            scatter_row(phases_[i], finished(i, m, row), columns(i), block_.row + row,
                        block_.column, job_.y + job_.plane(n_, g_, m));
        }
      if (pair) ++i;
    }
  }

 private:
  // Whether phases i and i + 1 write the even and the odd outputs of the same rows.
  bool are_pair(std::size_t i) const {
    if (i + 1 >= phases_.size()) return false;
    const Correlation &even = phases_[i], &odd = phases_[i + 1];
    return even.w.out_step == 2 && even.w.out_start == 0 && odd.w.out_start == 1 &&
           even.h.out_start == odd.h.out_start;
  }

  // Stores one row of phases i and i + 1, whose outputs alternate.
  void store_pair(std::size_t i, index_t m, index_t row) noexcept {
    const Correlation& r = phases_[i];
    const T* even = finished(i, m, row);
    const index_t both = std::max(columns(i + 1), index_t{0});
    T* y = job_.y + job_.plane(n_, g_, m) +
           (r.h.out_start + (block_.row + row) * r.h.out_step) * r.w.out + 2 * block_.column;
    exec_.kernels<T>().conv.interleave(even, finished(i + 1, m, row), both, y);
    if (columns(i) > both) y[2 * both] = even[both];
  }

  // Adds the residual, which only a forward convolution has, to a row of a phase, and applies the
  // activation.
  const T* finished(std::size_t i, index_t m, index_t row) noexcept {
    T* c = at(i, m) + row * size_.columns;
    const index_t n = columns(i);
    if (const T* residual = job_.residual_of(n_, g_, m)) {
      residual += (block_.row + row) * phases_[i].w.out + block_.column;
      for (index_t j = 0; j < n; ++j) c[j] += residual[j];
    }
    if (n > 0) activate_rows(job_, exec_, job_.channel(g_, m), c, n, 1, n);
    return c;
  }

  const Job<T> job_;
  const std::vector<Correlation>& phases_;
  BlockSize size_;
  const Exec& exec_;
  T* buffer_;
  index_t n_, g_;
  PixelBlock block_;
};

// What it costs to store a phase's outputs, `vectors` vectors of them in each output channel: kRow
// cycles for each row of a channel, and for a vector kPair cycles if neighbours are stored, or two
// phases together. Otherwise outputs are stored one by one, kElement cycles each. Fitted on
// 16@16 -> 32@32 and 128@28 -> 56 at stride 2, within 5 %.
inline double store_cycles(const Correlation& r, double vectors, index_t lanes) {
  constexpr double kRow = 40, kPair = 4, kElement = 1.2;
  const double vector = r.w.out_step <= 2 ? kPair : kElement * double(lanes);
  return double(r.m) * (double(r.h.count) * kRow + vectors * vector);
}

}  // namespace fastconv::transposed
