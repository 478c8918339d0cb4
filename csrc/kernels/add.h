// SPDX-License-Identifier: MIT
// Sums of two arrays, row by row (AddRows in core/elementwise_kernels.h). Memory bounds the speed,
// so that a ReLU behind the sum costs nothing here, and a pass of its own if it comes later.
#pragma once

#include "kernels/norm.h"

namespace fastconv::FC_ISA {

template <class V, bool kRelu, bool kByRow>
FC_INLINE void sum_of_rows(const AddRows<typename V::T>& r) {
  const Part<V> part(r.n);
  for (index_t row = 0; row < r.rows; ++row) {
    const auto *a = r.a + row * r.lda, *b = r.b + row * r.ldb;
    const V all = V::splat(*b);
    map_channel<V>(r.n, 1, 0, r.y + row * r.ldy,
                   [&](index_t i, bool tail) __attribute__((always_inline)) {
                     const V y = part.load(a + i, tail) + (kByRow ? all : part.load(b + i, tail));
                     return kRelu ? relu(y) : y;
                   });
  }
}

template <class V>
void add(const AddRows<typename V::T>& r) noexcept {
  if (r.by_row)
    r.relu ? sum_of_rows<V, true, true>(r) : sum_of_rows<V, false, true>(r);
  else
    r.relu ? sum_of_rows<V, true, false>(r) : sum_of_rows<V, false, false>(r);
}

}  // namespace fastconv::FC_ISA
