// SPDX-License-Identifier: MIT
// The sliding windows of pools, as filters take them.
#pragma once

#include <type_traits>

#include "algorithms/filter/problem.h"
#include "core/exec.h"

namespace fastconv::filter {

template <class T>
inline constexpr index_t kLine = 64 / static_cast<index_t>(sizeof(T));

// How many elements of a line are joined before windows slide (SlideLine::joined): as many as
// windows then lie side by side in a vector.
template <class T>
index_t joined_of(index_t kernel, index_t step) {
  index_t joined = 1;
  while (4 * joined <= kernel && joined * step < kLine<T>) joined *= 4;
  return joined;
}

template <class T>
const SlideKernels<T>& slides(const Exec& exec) {
  if constexpr (std::is_floating_point_v<T>)
    return exec.kernels<T>().pool.slide;
  else
    return exec.integers<T>().slide;
}

inline int join_of(Kind kind) {
  return static_cast<int>(kind == Kind::larger    ? Join::larger
                          : kind == Kind::smaller ? Join::smaller
                                                  : Join::total);
}

// Whether extremes of columns are joined in registers, four rows at a time (JoinColumns).
inline bool joins_short(const AxisFilter& axis) {
  constexpr index_t kMost = 32;
  return (axis.kind == Kind::larger || axis.kind == Kind::smaller) && axis.size <= kMost;
}

// Along rows joins cost more with each place, and a window of SlideLine two or three passes.
inline bool joins_short_row(const AxisFilter& axis) {
  constexpr index_t kMost = 8;
  return (axis.kind == Kind::larger || axis.kind == Kind::smaller) && axis.size <= kMost;
}

}  // namespace fastconv::filter
