// SPDX-License-Identifier: MIT
// What all threads of channel_lanes.h read of an axis.
#pragma once

#include <algorithm>
#include <cstddef>

#include "algorithms/pool/lane_windows.h"
#include "core/memory.h"

namespace fastconv::pool {

// What n windows hold, from the first element to the last.
inline Span hull(const Span* taps, index_t n, index_t step) {
  Span held{0, 0};
  for (index_t o = 0; o < n; ++o) {
    if (taps[o].count == 0) continue;
    const index_t end = taps[o].at + (taps[o].count - 1) * step + 1;
    const index_t stop = std::max(held.at + held.count, end);
    held.at = held.count == 0 ? taps[o].at : std::min(held.at, taps[o].at);
    held.count = stop - held.at;
  }
  return held;
}

template <class T>
struct LaneTables {
  Span* taps;   // of each window
  Span* hulls;  // of each block of windows: what it holds
  T* counts;    // the axis' part of the averages' divisors, which the caller fills
  index_t bytes = 0;

  // Without a `base` it only counts the bytes.
  LaneTables(const LaneWindows& w, index_t block, std::byte* base) {
    const auto take = [&]<class E>(E*& array, index_t n) {
      array = base ? reinterpret_cast<E*>(base + bytes) : nullptr;
      bytes += cache_lines(n * static_cast<index_t>(sizeof(E)));
    };
    take(taps, w.out());
    take(hulls, ceil_div(w.out(), block));
    take(counts, w.axis.out);
    if (!base) return;
    for (index_t o = 0; o < w.out(); ++o) taps[o] = w(o);
    for (index_t o = 0; o < w.out(); o += block)
      hulls[o / block] = hull(taps + o, std::min(block, w.out() - o), w.step());
  }
};

}  // namespace fastconv::pool
