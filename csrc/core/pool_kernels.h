// SPDX-License-Identifier: MIT
// The pooling kernels of one ISA and element type. To "join" the elements of a window is to reduce
// them to one: to their maximum, their sum, and so on.
#pragma once

#include "core/slide_kernels.h"
#include "core/types.h"

namespace fastconv {

// How the elements of a window are joined. In max, min and abs_max a NaN wins over everything, and
// among equals (0 and -0 are) the first wins. `powers`, the sum of abs(x)**p, has no kernel.
enum class PoolOp : int { max, min, sum, abs_max, abs_sum, squares, powers };
inline constexpr int kPoolKernels = 6;     // all but `powers`
inline constexpr index_t kMostLanes = 16;  // no vector of any ISA has more

struct PoolAxis {
  index_t in, kernel, stride, dilation, lo;  // `lo` is the padding before the first element
};

// Lanes are columns. Outputs oh0..oh1 by ow0..ow1 of one plane, one row of them after another: the
// rows of a window are joined column by column, into `row`, and then the taps within that row.
//
//     x    kernel row 0  [ x x x x x x x x ]  \  joined       row  [ e e 0 1 2 3 4 5 6 7 e e ]
//          kernel row 1  [ x x x x x x x x ]   > column  -->       position 0 is the first column
//          kernel row 2  [ x x x x x x x x ]  /  by column         of window ow0; e: op's neutral
//
//     y[oh * out_w + ow0 + j] = row[offsets[0] + j] joined with row[offsets[1] + j], ..
//
// So that windows of stride s > 1 read neighbours, too, `row` is split into the positions that are
// 0, 1, .. modulo s. At stride 2 even positions begin at row, odd ones at row + phase_step. Beyond,
// the unsplit row of `line` elements comes first; behind it, from row + line + i * phase_step on,
// lie the positions phases[i] + j * stride, for the n_phases that taps ask for.
template <class T>
struct PoolArgs {
  const T* x;  // the plane
  PoolAxis h, w;
  index_t oh0, oh1, ow0, ow1;
  T* row;
  index_t row_size;  // of all that is described above
  index_t phase_step;
  const index_t* phases;
  index_t n_phases;
  index_t line;
  const index_t* offsets;  // for each tap of w
  const T* h_counts;       // null, or results are divided by h_counts[oh] * w_counts[ow]
  const T* w_counts;
  T* y;  // the plane of results, out_w columns wide
  index_t out_w;
};

// The taps of one window that lie inside the input: the first is `at`, and there are `count`.
struct Span {
  index_t at, count;
};

// The windows of a block along one axis. `taps` counts from the start of the whole axis, of which
// `size` elements from `first` on are there (in PixelArgs::x).
struct PixelAxis {
  const Span* taps;  // of each window
  index_t n, step;   // the number of windows; the distance between taps
  index_t first, size;
  // 0, or, where it pays to join windows by the algorithm for long ones, their length. They begin
  // at start, start + stride, .. and may begin or end outside the axis.
  index_t long_window;
  index_t stride, start;
};

// Lanes are channels: a pixel is `channels` neighbouring elements, of the input and of results, so
// that each lane has the same window, whatever its shape.
//
//     x                                          y
//     [pixel][pixel][pixel][pixel]  h.first      [pixel][pixel]   window row 0
//     [pixel][pixel][pixel][pixel]  x_row on     [pixel][pixel]   y_row on
//     [pixel][pixel][pixel][pixel]
//      w.first
//
// The rows of a window are joined first, into a row of w.size pixels in `row`, then its columns.
// `row` is memory for rows of row_size elements, at whose end whole vectors are read: for one row;
// or, if h.long_window is not 0, for h.n of them; or, for the kernels `places`, for 2 * h.size: for
// each row of the input one of values and one of places.
template <class T>
struct PixelArgs {
  const T* x;
  index_t x_row, channels;
  PixelAxis h, w;
  T* row;
  index_t row_size;
  T* ends;            // for long windows: kMostLanes elements for each that begins within another
  const T* h_counts;  // null, or results are divided by h_counts[oh] * w_counts[ow] of the block
  const T* w_counts;
  T* y;
  index_t y_row;
  T* places;  // only for the kernels `places`: h * in_w + w of each result in its plane
  index_t places_row, in_w;
};

template <class T>
struct PoolKernels {
  void (*block[kPoolKernels])(const PoolArgs<T>&) noexcept;
  void (*pixels[kPoolKernels])(const PixelArgs<T>&) noexcept;
  // y[r] = all n elements of row r joined. Rows lie end to end, and n >= kMostLanes.
  void (*planes[kPoolKernels])(const T* x, index_t n, index_t rows, T* y) noexcept;
  // Maxima [0] or minima [1] with their places. No window may be empty.
  void (*places[2])(const PixelArgs<T>&) noexcept;
  // The extremes of n >= 1 elements: the first of equals, NaN before everything.
  T (*largest)(const T* x, index_t n) noexcept;
  T (*smallest)(const T* x, index_t n) noexcept;
  SlideKernels<T> slide;
  PlaceKernels<T> slide_places;
  // y[i] = x[i] as `op` takes it: itself, its magnitude, its square, or its magnitude to `power`.
  void (*take)(PoolOp op, double power, const T* x, index_t n, T* y) noexcept;
  // y[i] /= rows * columns[i], or rows alone where columns is null.
  void (*divide)(T* y, index_t n, T rows, const T* columns) noexcept;
  // The two elementwise steps of the gradient of p-norms y of x, before and behind the gradient of
  // a sum: factors[i] = dy[i] * y[i]^(1 - p), or 0 where y[i] is; and dx[i] *= sign(x[i]) *
  // abs(x[i])^(p - 1), or 0 where x[i] is.
  void (*norm_factors)(double p, const T* y, const T* dy, index_t n, T* factors) noexcept;
  void (*norm_slopes)(double p, const T* x, index_t n, T* dx) noexcept;
};

// Of integers, for PoolOp max, min and sum: y[i] becomes y[i] joined with x[i * step].
template <class T>
struct IntegerPools {
  void (*join[3])(const T* x, index_t step, index_t n, T* y) noexcept;
  SlideKernels<T> slide;
};
struct AllIntegerPools : IntegerPools<std::int8_t>,
                         IntegerPools<std::int16_t>,
                         IntegerPools<std::int32_t>,
                         IntegerPools<std::int64_t>,
                         IntegerPools<std::uint8_t>,
                         IntegerPools<std::uint16_t>,
                         IntegerPools<std::uint32_t>,
                         IntegerPools<std::uint64_t> {
  PlaceKernels<std::int64_t> places;  // of all integers
};

}  // namespace fastconv
