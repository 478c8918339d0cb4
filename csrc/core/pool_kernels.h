// SPDX-License-Identifier: MIT
// Signatures of the pooling kernels of one ISA and dtype.
#pragma once

#include "core/types.h"

namespace fastconv {

// How the elements of a window are joined. NaN wins over all in max, min and abs_max; among equals
// the first wins. `powers`, sums of abs(x)**p, has no kernel.
enum class PoolOp : int { max, min, sum, abs_max, abs_sum, squares, powers };
inline constexpr int kPoolKernels = 6;
inline constexpr index_t kMostLanes = 16;  // at least as many as any vector has

struct PoolAxis {
  index_t in, kernel, stride, dilation, lo;
};

// Outputs oh0..oh1 by ow0..ow1 of one plane. Kernel rows are joined into one row, which starts at
// the first window's first column, holds the op's neutral element where the plane has nothing, and
// is split by stride, so that neighbouring windows read neighbours: tap t of the window at ow0 + j
// is row[offsets[t] + j].
template <class T>
struct PoolArgs {
  const T* x;
  PoolAxis h, w;
  index_t oh0, oh1, ow0, ow1;
  T* row;  // row_size elements
  index_t row_size;
  index_t phase_step;     // stride 2: even columns at row, odd ones this far behind
  const index_t* phases;  // stride > 2: columns phases[i] + j * stride, at
  index_t n_phases;       //   row + line + i * phase_step, behind
  index_t line;           //   the unsplit row of this many elements
  const index_t* offsets;
  const T* h_counts;  // null, or what sums are divided by: h_counts[oh] * w_counts[ow]
  const T* w_counts;
  T* y;  // the plane's
  index_t out_w;
};

// The taps of one window that lie inside the input: `count` of them, a step apart, from `at`.
struct Span {
  index_t at, count;
};

// The windows of a block along an axis.
struct PixelAxis {
  const Span* taps;       // of each window, in elements of the input
  index_t n, step;        // windows; between taps
  index_t first, size;    // what is there of the input
  index_t long_window;    // 0, or the length of windows that start `stride` apart from `start` on,
  index_t stride, start;  // to be joined as long ones are
};

// Windows over pixels of `channels` neighbours; so are results. Steps of rows are in elements.
template <class T>
struct PixelArgs {
  const T* x;  // the first pixel that is there
  index_t x_row, channels;
  PixelAxis h, w;
  T* row;             // of joined rows, row_size elements each: one, or h.n where h slides, or
  index_t row_size;   //   2 * h.size for places; whole vectors are read at the end of a row
  T* ends;            // kMostLanes elements for each window that starts within another
  const T* h_counts;  // null, or what sums are divided by: h_counts[oh] * w_counts[ow]
  const T* w_counts;
  T* y;
  index_t y_row;
  T* places;  // of `places`: h * in_w + w in the plane
  index_t places_row, in_w;
};

template <class T>
struct PoolKernels {
  void (*block[kPoolKernels])(const PoolArgs<T>&) noexcept;
  void (*pixels[kPoolKernels])(const PixelArgs<T>&) noexcept;
  // y[r] = all n elements of row r joined; rows lie behind one another, n >= kMostLanes.
  void (*planes[kPoolKernels])(const T* x, index_t n, index_t rows, T* y) noexcept;
  void (*places[2])(const PixelArgs<T>&) noexcept;  // of maxima, of minima; no window is empty
  T (*largest)(const T* x, index_t n) noexcept;     // n >= 1; the first of equals, NaN over all
  T (*smallest)(const T* x, index_t n) noexcept;
};

// Of integers, which PoolOp max, min and sum take: y[i] = y[i] joined with x[i * step].
template <class T>
struct IntegerPools {
  void (*join[3])(const T* x, index_t step, index_t n, T* y) noexcept;
};
struct AllIntegerPools : IntegerPools<std::int8_t>,
                         IntegerPools<std::int16_t>,
                         IntegerPools<std::int32_t>,
                         IntegerPools<std::int64_t>,
                         IntegerPools<std::uint8_t>,
                         IntegerPools<std::uint16_t>,
                         IntegerPools<std::uint32_t>,
                         IntegerPools<std::uint64_t> {};

}  // namespace fastconv
