// SPDX-License-Identifier: MIT
// Storing finished sums. The sums of a unit of output channels are rows of `unit` lanes, a row for
// each pair of an input channel and a tap.
#pragma once

#include "algorithms/common/blocking.h"
#include "algorithms/weight_grad/algorithm.h"

namespace fastconv::weight_grad {

// Transposes the sums of output channels m and input channels c of group g into dw.
template <class T>
void store_sums(const Job<T>& job, const Exec& exec, const T* sums, index_t unit, index_t g,
                Range m, Range c) noexcept {
  const Correlation& r = job.r;
  exec.kernels<T>().elementwise.transpose(
      {.x = sums,
       .ldx = unit,
       .y = job.dw + (g * r.m + m.begin) * r.k() + c.begin * r.taps(),
       .ldy = r.k(),
       .rows = c.size() * r.taps(),
       .columns = m.size()});
}

}  // namespace fastconv::weight_grad
