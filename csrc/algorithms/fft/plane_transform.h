// SPDX-License-Identifier: MIT
// The Fourier transform of a plane of complex numbers, whose lanes are neighbouring elements of its
// rows. Columns are transformed where they lie; rows as long lines.
#pragma once

#include <vector>

#include "algorithms/fft/long_line.h"

namespace fastconv::fft {

template <class T>
class PlaneTransform {
 public:
  // Of h rows of w numbers. Rows lie one vector further apart than they are long, so that those of
  // a column do not share the same few lines of L1.
  PlaneTransform(index_t h, index_t w, index_t lanes);

  index_t rows() const { return h_; }
  index_t vectors() const { return line_.vectors(); }  // of a row: pairs of planes
  index_t row_elements() const { return step_ * 2 * lanes_; }
  index_t elements() const { return h_ * row_elements(); }

  // Whether the columns' transform ends in the plane where it begins, and not in the other one.
  bool returns() const { return passes_.size() % 2 == 0; }
  // Transforms the columns of `a`, with `b` as a second plane.
  void columns(T* a, T* b, bool inverse, const FftKernels<T>& kernels) const noexcept;
  // Transform one row, with `work` as a second one, and return the one of both in which the result
  // is; or put it into the first one.
  const T* row(T* row, T* work, const FftKernels<T>& kernels) const noexcept {
    return line_.run_all(row, work, false, kernels);
  }
  void row_in_place(T* row, T* work, const FftKernels<T>& kernels) const noexcept;
  // The inverse, from one row to another; both are overwritten.
  void row_back(T* from, T* to, const FftKernels<T>& kernels) const noexcept;

 private:
  index_t h_, lanes_;
  LongLine<T> line_;
  index_t step_;
  std::vector<Pass> passes_;
  std::vector<T> twiddles_;
};

}  // namespace fastconv::fft
