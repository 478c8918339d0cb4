// SPDX-License-Identifier: MIT
// Dot products along the pixels, `mr` by `nr` of them at a time: the gradient of the weights where
// few output channels would leave the lanes of other tiles empty.
#pragma once

#include "core/types.h"

namespace fastconv {

// Multiplies each of mr rows of `a` (gradients of outputs) with each of nr rows of `b` (a strip, at
// its offset for a tap), both of `lines` lines of n pixels. Sums are kept lane by lane:
//
//     a, row i   [ n pixels ][ n pixels ]..               lines lie end to end, rows lda apart
//     b, row j   offsets[j] + [ n pixels ]  [ n pixels ]..            lines are b_line apart
//     sums       [ lanes ][ lanes ]..                     those of (i, j) at (i * ld + j) * lanes
//
//     sums[(i * ld + j) * lanes + l] += sum over q < lines and p = l, l + lanes, l + 2 * lanes, ..
//                                       of a[i * lda + q * n + p] * b[q * b_line + offsets[j] + p]
//
// so that the caller has to add up the lanes of a sum when it is complete (ConvKernels::sum).
template <class T>
struct DotArgs {
  index_t n, lines;
  const T* a;
  index_t lda;
  const T* b;
  index_t b_line;
  const index_t* offsets;  // nr of them
  T* sums;
  index_t ld;
  bool overwrite;  // sums are overwritten, not added to
};

inline constexpr int kMaxDot = 5;  // the most rows of a or b that any ISA takes at a time

template <class T>
struct DotKernels {
  using Run = void (*)(const DotArgs<T>&) noexcept;
  int max_mr, max_nr;         // of this ISA
  Run run[kMaxDot][kMaxDot];  // [mr - 1][nr - 1]
};

}  // namespace fastconv
