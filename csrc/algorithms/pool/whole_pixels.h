// SPDX-License-Identifier: MIT
// Images in pixels whose window is the whole image: they are one line. Of sums of few channels some
// neighbouring pixels are taken for one pixel of more channels, which fill the vectors; the sums of
// these are added up in the end.
#pragma once

#include "algorithms/pool/sliding.h"

namespace fastconv::pool {

template <class T>
struct WholePixels {
  static constexpr const char* kName = "whole_pixels";
  static constexpr bool kReadsPixels = true;
  static bool suits(const Problem& problem) { return problem.layout == Layout::pixels; }
  static WholePixels prepare(const Problem& problem);

  index_t scratch(int threads) const { return sums_bytes + sliding.scratch(threads); }
  void run(const Problem& problem, const Arrays<T>& arrays, const Exec& exec,
           std::byte* scratch) const noexcept;

  const char* refusal = nullptr;
  index_t side_by_side = 1;  // pixels that are taken for one
  index_t sums_bytes = 0;    // of their sums
  Sliding<T> sliding{};
};

}  // namespace fastconv::pool
