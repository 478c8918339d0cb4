// SPDX-License-Identifier: MIT
// The Fourier transform of one long line, whose neighbouring elements are the lanes of a vector
// (FftTurn in core/fft_kernels.h says how), cut into stages and these into small parts, so that a
// stream can spread it over many calls.
#pragma once

#include <vector>

#include "algorithms/common/blocking.h"
#include "algorithms/fft/transform.h"
#include "core/exec.h"

namespace fastconv::fft {

template <class T>
class LongLine {
 public:
  // Of `points` complex numbers: a power of 2, at least lanes * lanes.
  LongLine(index_t points, index_t lanes);

  index_t points() const { return points_; }
  index_t vectors() const { return points_ / lanes_; }  // pairs of planes
  index_t elements() const { return 2 * points_; }      // of T
  const T* angles() const { return angles_.data(); }    // what wind and unwind read

  // What a stage is made of: how many things, which are independent of each other, and the
  // operations of each.
  struct Stage {
    index_t things, operations;
  };
  const std::vector<Stage>& stages() const { return stages_; }
  // Computes some things of a stage, which reads src and writes dst.
  void run(std::size_t stage, Range things, const T* src, T* dst, bool inverse,
           const FftKernels<T>& kernels) const noexcept;
  // The whole transform of `a`, with `b` as a second place; returns the one of both in which the
  // result is.
  T* run_all(T* a, T* b, bool inverse, const FftKernels<T>& kernels) const noexcept;

 private:
  index_t blocks() const { return vectors() / lanes_; }
  void append_stages(const std::vector<Pass>& passes);

  index_t points_, lanes_;
  std::vector<Pass> before_, after_;  // the turn
  std::vector<Stage> stages_;
  std::vector<T> twiddles_, turns_, angles_;
};

}  // namespace fastconv::fft
