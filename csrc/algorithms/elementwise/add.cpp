// SPDX-License-Identifier: MIT
#include "algorithms/elementwise/add.h"

namespace fastconv {

template <class T>
void add(const Exec& exec, const StridedLoop<3>& loop, const T* a, const T* b,
         const Fused<T>& fused, T* y) noexcept {
  // At most one of them is repeated along a row, and it is the second one for the kernel.
  const bool turned = loop.inner(0) == 0;
  const int first = turned ? 1 : 0, second = turned ? 0 : 1;
  const T *left = turned ? b : a, *right = turned ? a : b;
  for_row_blocks(exec, loop, fused.cost(), [&](const RowBlock<3>& r) {
    T* to = y + r.at[2];
    exec.kernels<T>().elementwise.add({.n = r.n,
                                       .rows = r.rows,
                                       .a = left + r.at[first],
                                       .lda = r.ld[first],
                                       .b = right + r.at[second],
                                       .ldb = r.ld[second],
                                       .y = to,
                                       .ldy = r.ld[2],
                                       .by_row = loop.inner(second) == 0,
                                       .relu = fused.relu()});
    fused.apply(exec, to, r.n, r.rows, r.ld[2]);
  });
}

template void add(const Exec&, const StridedLoop<3>&, const float*, const float*,
                  const Fused<float>&, float*) noexcept;
template void add(const Exec&, const StridedLoop<3>&, const double*, const double*,
                  const Fused<double>&, double*) noexcept;

}  // namespace fastconv
