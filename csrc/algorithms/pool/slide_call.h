// SPDX-License-Identifier: MIT
// What all units of a call of sliding.h share, and their memory.
#pragma once

#include <algorithm>
#include <limits>
#include <numeric>
#include <type_traits>

#include "algorithms/pool/lane_windows.h"
#include "algorithms/pool/problem.h"
#include "algorithms/pool/slide_windows.h"
#include "core/memory.h"

namespace fastconv::pool {

inline Join join_of(PoolOp op) {
  if (op == PoolOp::max || op == PoolOp::abs_max) return Join::larger;
  return op == PoolOp::min ? Join::smaller : Join::total;
}

template <class K>
K none_of(PoolOp op) {
  using Limits = std::numeric_limits<K>;
  if (op == PoolOp::max) return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  if (op == PoolOp::min) return Limits::has_infinity ? Limits::infinity() : Limits::max();
  return 0;
}

// A number that compares as x does. All integers, and those of 64 bits without a sign with the
// middle of their range at 0, pass as int64.
template <class K, class T>
K key_of(T x) {
  if constexpr (std::is_same_v<T, std::uint64_t> && std::is_same_v<K, std::int64_t>)
    return static_cast<K>(x ^ (std::uint64_t{1} << 63));
  else
    return static_cast<K>(x);
}

// Whether kernels find places with K.
template <class K>
inline constexpr bool kFindsPlaces = std::is_floating_point_v<K> || std::is_same_v<K, std::int64_t>;

template <class K>
using PlaceBits = std::conditional_t<sizeof(K) == 4, std::int32_t, std::int64_t>;

template <class K>
K to_place(index_t place) {
  return __builtin_bit_cast(K, static_cast<PlaceBits<K>>(place));
}

template <class K>
index_t from_place(K place) {
  return static_cast<index_t>(__builtin_bit_cast(PlaceBits<K>, place));
}

// How many windows of a series are completed by one block, at most.
inline index_t block_of(const LaneWindows& w) {
  const index_t apart = w.axis.stride / std::gcd(w.axis.stride, w.axis.dilation);
  return std::min(w.out(), w.axis.kernel / apart + 1);
}

// How many elements of a line are joined before its windows slide: as many windows as then lie side
// by side fill a vector of any ISA.
template <class K>
index_t joined_of(const SlideLineWindows& line) {
  constexpr index_t kWidth = 64 / static_cast<index_t>(sizeof(K));
  index_t joined = 1;
  while (4 * joined <= line.kernel && joined * line.step < kWidth) joined *= 4;
  return joined;
}

// Takes parts of the scratch, one after the other; without a `base` it only counts the bytes.
struct Parts {
  std::byte* base;
  index_t bytes = 0;

  template <class E>
  E* take(index_t n) {
    E* part = base ? reinterpret_cast<E*>(base + bytes) : nullptr;
    bytes += cache_lines(n * static_cast<index_t>(sizeof(E)));
    return part;
  }
  template <class E>
  Cells<E> take_cells(index_t n, bool places) {
    E* values = take<E>(n);
    return {values, places ? take<E>(n) : nullptr};
  }
};

// What is the same for all units of a call. K is the type that kernels compute with: that of the
// elements, but 64 bits for places of integers, whatever their type.
template <class T, class K>
struct SlideCall {
  const Problem& problem;
  LaneWindows h, w;
  SlideAxis h_series, w_series;
  SlideLineWindows line;
  index_t depth;  // elements of a pixel; 1 in planes
  index_t pitch;  // of a row that is pooled along the width
  K none;

  explicit SlideCall(const Problem& p);
  bool gradient() const { return problem.use == Use::sum_grad; }
  bool places() const { return problem.use == Use::indices; }
  bool pixels() const { return problem.layout == Layout::pixels; }
  bool divides() const { return problem.pooling.average; }
  // Whether there is nothing to do along the height.
  bool flat() const { return h.in() == 1 && h.out() == 1 && h.axis.kernel == 1 && h.axis.lo == 0; }
  // Whether results go to the scratch before they go to where they belong.
  bool stages() const { return places() || (pixels() && problem.pixels_apart); }
  index_t width_in() const { return w.in() * depth; }
  index_t width_out() const { return w.out() * depth; }
  index_t widest() const { return std::max(width_in(), width_out()); }
};

// The scratch that all threads read: the two parts of the divisors of averages.
template <class T>
struct SlideDivisors {
  T *rows, *columns;
  index_t bytes;
  SlideDivisors(const Problem& problem, std::byte* base);
  void fill(const Problem& problem) const;
};

// Of one unit: its rows pooled along the width, and results that are staged.
template <class K>
struct SlideImageMemory {
  Cells<K> rows, results;
  index_t bytes;
  template <class T>
  SlideImageMemory(const SlideCall<T, K>& call, std::byte* base);
};

// Of one thread: the line, its windows, and what the kernels need.
template <class K>
struct SlideThreadMemory {
  Cells<K> line, windows, ends;
  K* rest;
  index_t bytes;
  template <class T>
  SlideThreadMemory(const SlideCall<T, K>& call, std::byte* base);
};

template <class T, class K>
SlideCall<T, K>::SlideCall(const Problem& p)
    : problem(p),
      h{p.d.h, p.use == Use::sum_grad},
      w{p.d.w, p.use == Use::sum_grad},
      h_series(p.d.h, p.use == Use::sum_grad),
      w_series(p.d.w, p.use == Use::sum_grad),
      line(p.d.w, p.use == Use::sum_grad),
      depth(p.layout == Layout::pixels ? p.d.channels : 1),
      none(none_of<K>(p.pooling.op)) {
  // Rows that lie a multiple of 4 KiB apart would share a few sets of the L1.
  constexpr auto kLine = static_cast<index_t>(64 / sizeof(K)), kSets = 16 * kLine;
  pitch = ceil_div(width_out(), kLine) * kLine;
  if (pitch % kSets == 0) pitch += kLine;
}

template <class T>
SlideDivisors<T>::SlideDivisors(const Problem& problem, std::byte* base) {
  Parts parts{base};
  rows = parts.take<T>(problem.pooling.average ? problem.d.h.out : 0);
  columns = parts.take<T>(problem.pooling.average ? problem.d.w.out : 0);
  bytes = parts.bytes;
}

template <class T>
void SlideDivisors<T>::fill(const Problem& problem) const {
  const PoolDesc& d = problem.d;
  if (!problem.pooling.average) return;
  for (index_t o = 0; o < d.h.out; ++o) rows[o] = static_cast<T>(problem.pooling.rows(d, o));
  for (index_t o = 0; o < d.w.out; ++o) columns[o] = static_cast<T>(problem.pooling.columns(d, o));
}

template <class K>
template <class T>
SlideImageMemory<K>::SlideImageMemory(const SlideCall<T, K>& call, std::byte* base) {
  Parts parts{base};
  rows = parts.take_cells<K>(call.flat() ? 0 : call.h.in() * call.pitch, call.places());
  results = parts.take_cells<K>(call.stages() ? call.h.out() * call.width_out() : 0, call.places());
  bytes = parts.bytes;
}

template <class K>
template <class T>
SlideThreadMemory<K>::SlideThreadMemory(const SlideCall<T, K>& call, std::byte* base) {
  constexpr index_t kStrip = kSlideStrip / static_cast<index_t>(sizeof(K));
  Parts parts{base};
  const SlideLineWindows& l = call.line;
  const index_t slack = kSlideSlack + l.step, size = std::max<index_t>(0, l.size()) + slack;
  const bool pixels = call.pixels();
  line = parts.take_cells<K>(pixels ? call.width_in() : size, call.places());
  windows = parts.take_cells<K>(pixels ? 0 : std::max<index_t>(0, l.n) + slack, call.places());
  rest = parts.take<K>(pixels || join_of(call.problem.pooling.op) != Join::total ? 0 : size);
  const index_t in_line = std::min(l.kernel / joined_of<K>(l), l.n) + 1;
  const index_t in_row = pixels ? block_of(call.w) : std::max<index_t>(1, in_line);
  ends = parts.take_cells<K>(std::max(block_of(call.h), in_row) * kStrip, call.places());
  bytes = parts.bytes;
}

}  // namespace fastconv::pool
