// SPDX-License-Identifier: MIT
// The gradient of the maximum of each plane, whose place is found again from the input.
#pragma once

#include "algorithms/pool/tables.h"

namespace fastconv::pool {

template <class T>
class GlobalMaxGrad {
 public:
  // `d` has one window a plane.
  explicit GlobalMaxGrad(const PoolDesc& d) : d_(d), maxima_(d, {.op = PoolOp::max}) {}

  index_t scratch(int threads) const { return found_bytes() + maxima_.scratch(threads); }
  void run(const T* x, const T* dy, T* dx, const Exec& exec, std::byte* scratch) const noexcept;

 private:
  index_t found_bytes() const;  // of the maxima and their places

  PoolDesc d_;
  Indices<T> maxima_;
};

}  // namespace fastconv::pool
