// SPDX-License-Identifier: MIT
// Pools whose cost does not depend on the length of their windows, whatever these are: the rows of
// an image are pooled along the width, then the results along the height. Values, extremes with
// their places, and gradients of sums; planes and pixels; integers, too.
#pragma once

#include "algorithms/pool/problem.h"
#include "core/exec.h"

namespace fastconv::pool {

template <class T>
struct Sliding {
  static constexpr const char* kName = "sliding";
  static constexpr bool kReadsPixels = true;
  static bool suits(const Problem& problem);
  static Sliding prepare(const Problem& problem);

  index_t scratch(int threads) const;
  void run(const Problem& problem, const Arrays<T>& arrays, const Exec& exec,
           std::byte* scratch) const noexcept;

  // An image, or a plane of one, is a unit; where there are too few of them for the threads, all
  // threads work on the same one.
  bool together(int threads) const { return threads > 1 && units < 4 * threads; }

  const char* refusal = nullptr;
  index_t units = 0, pitch = 0;  // of a row that is pooled along the width
  index_t shared_bytes = 0, image_bytes = 0, thread_bytes = 0;
};

}  // namespace fastconv::pool
