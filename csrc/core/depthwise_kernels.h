// SPDX-License-Identifier: MIT
// The tiles of depthwise convolutions: each output channel sees one input channel, so that there is
// no matrix product to make of it. In run, run_rows and run_pairs lanes are pixels of one channel;
// in run_pixels, its gradient and run_line lanes are channels.
#pragma once

#include "core/types.h"

namespace fastconv {

// `rows` by `nv` vectors of results of one channel, from a strip:
//
//     c[r * ldc + j] = init[r * ldc + j] + bias +
//                      sum over p < k of a[p] * b[r * row_step + offsets[p] + j]
//
//     b                 offsets[p]                          c
//     |------------------>[ lanes | lanes | lanes ]         [ lanes | lanes | tail ]   r = 0
//     |- row_step + ----->[ lanes | lanes | lanes ]         [ lanes | lanes | tail ]   r = 1, + ldc
//
// Rows of the strip are readable for whole vectors; `tail` lanes of the last are written.
template <class T>
struct DepthwiseArgs {
  index_t k;   // taps
  const T* a;  // a weight for each
  const T* b;
  index_t row_step;
  const index_t* offsets;
  T* c;
  index_t ldc;
  const T* init;  // or null for zeros
  T bias;
  int tail;                   // from 1 to lanes
  const T* limits = nullptr;  // as in TileArgs
};

// The same without a strip, from rows of the image itself, at stride s = 1 or 2 (3 taps of h here):
//
//     rows[0]   [ x x x x x x x ] -.
//     rows[1]   [ x x x x x x x ]  |- r = 0    c[r * ldc + j] = init[r * ldc + j] + bias +
//     rows[2]   [ x x x x x x x ] -+             sum over the taps h and w of
//     rows[3]   [ x x x x x x x ]  |- r = 1      a[h * a_row + w * a_column] *
//     rows[4]   [ x x x x x x x ] -'  (s = 2)    rows[r * s + h][start + j * s + w * w_step]
//                0 ...      width
//
// Elements before column 0 and from column `width` on count as zeros and are not touched. A tile
// computes DepthwiseKernels::rows rows of outputs and writes the first `lines` of them, so that the
// rows of the image that belong to all of them have to be there: ones of zeros will do. At stride 2
// tiles are at most two vectors wide.
template <class T>
struct DepthwiseRowsArgs {
  const T* const* rows;
  index_t width, start;
  index_t w_taps, w_step;  // the number of taps along a row, and the distance of what they read
  const T* a;
  index_t a_row, a_column;  // either may be negative, where a kernel is read backwards
  T* c;
  index_t ldc;
  const T* init;  // as c, or null for zeros
  T bias;
  int lines, tail;
  const T* limits = nullptr;  // as in TileArgs
  bool contended = false;     // as in TileArgs
};

// The gradient of a convolution at stride 2 along the row. Even columns of the result take one half
// of the taps ("kind" 0), odd ones the other half; the two are computed side by side and zipped:
//
//     c[r * ldc + 2 * i + kind] =
//         bias + sum over the taps t of that kind of a[t] * rows[row[t] + r][start[t] + i]
//
//     kind 0:  [ e0 e1 e2 .. ]  \  r-th row of c:
//     kind 1:  [ o0 o1 o2 .. ]  /  [ e0 o0 e1 o1 | e2 o2 .. ]    n elements, at most 2 * lanes
//
// As above, columns outside 0..width are zeros, and kPairRows rows are computed, `lines` written.
inline constexpr int kPairRows = 4;
template <class T>
struct DepthwisePairsArgs {
  const T* const* rows;
  index_t width;
  int taps[2];           // of either kind; the lists row, start and a hold kind 0's first
  const index_t* row;    // of each tap: which of `rows` it reads for r = 0
  const index_t* start;  // of each tap: the column that it reads for i = 0
  const T* a;
  T* c;
  index_t ldc;
  T bias;
  int lines;
  index_t n;  // elements of a row of c that may be written, of both kinds together
};

// Lanes are channels: a pixel is one vector. For `rows` rows of `columns` outputs,
//
//     y[r * y_row + j * y_step] =
//         bias + sum over t < taps of w[w_at[t]] * x[x_at[t] + r * x_row + j * x_step]
//
// where each index tells where a vector begins, and what was in y is added unless `overwrite`.
//
//     x    x_at[t]                                  y
//     |------->[px] x_step [px] x_step [px]         [px] y_step [px] y_step [px]   r = 0
//     | x_row +[px]        [px]        [px]   y_row +[px]       [px]        [px]   r = 1
//
// The gradient of the weights reads y as the gradient of the outputs, and adds to the doubles at
// sums[w_at[t]] the products of y and x, summed over all outputs; it takes neither w nor bias.
template <class T>
struct DepthwisePixelsArgs {
  index_t taps;
  const T* w;
  const index_t* w_at;
  const T* x;
  const index_t* x_at;
  index_t rows, columns, x_row, x_step;
  T* y;
  index_t y_row, y_step;
  const T* bias = nullptr;
  bool overwrite = false;
};

// A line of n pixels as they lie in an array whose channels are neighbours. For each of `blocks`
// vectors of channels, of which the last has `tail` lanes,
//
//     y[i * y_step] = clamp(init[i * init_step] + bias +
//                           sum over h < rows, t < lines of
//                           w[h * w_row + t * w_line] * x[h * x_row + t * x_line + i * x_step])
//
//     x  [b0][b1][b2..   [b0][b1][b2..   [b0][b1][b2..      y  [b0][b1][b2..   [b0][b1][b2..
//        '--- x_step ---'                                      '--- y_step ---'
//
// where blocks are neighbours in every array; those of w and bias are whole vectors. If `pair`, the
// same for the row of outputs below, at y + y_row, which reads from x + x_row and init + init_row.
// Beside it, `ahead_rows` rows of pixels are fetched that the next lines read: from x + ahead on,
// ahead_step apart.
//
// Where groups have some channels each, as many as outputs and a part of a vector, an output adds
// `terms` products for each tap, one for each channel of its group: the weights of the next one lie
// w_term further, and its elements of x are in the lanes places[term * lanes + i] of the vector at
// hand. Blocks are whole then, and lines no pair.
template <class T>
struct DepthwiseLineArgs {
  index_t n, blocks;
  int tail;
  index_t rows, lines;  // taps of h, and of w; there may be none
  const T* x;
  index_t x_step, x_line, x_row;
  const T* w;
  index_t w_line, w_row;
  T* y;
  index_t y_step;
  const T* init;  // or null for zeros; may be y
  index_t init_step;
  const T* bias;
  T lowest, highest;  // what results are clamped to; NaN stays
  bool pair = false;
  index_t y_row = 0, init_row = 0;
  index_t ahead = 0, ahead_step = 0, ahead_rows = 0;
  index_t terms = 1, w_term = 0;
  const std::int32_t* places = nullptr;
};

// Rows of n elements as they lie in an array of pixels without gaps between them, in several rows
// of outputs at stride 1. For each row i of the band,
//
//     y[i * y_row + e] = clamp(init[i * init_row + e] + bias[e % period] +
//                              sum over h < rows, t < lines of
//                              w[h * w_row + t * w_line + e % period] *
//                                  x[(i + h) * x_row + t * x_line + e])
//
// where the period is a multiple of the lanes.
template <class T>
struct DepthwiseBandArgs {
  index_t n, period;
  index_t lines;  // taps of w
  const T* x;
  index_t x_line, x_row;
  const T* w;
  index_t w_line, w_row;
  T* y;
  index_t y_row;
  const T* init;  // or null for zeros; may be y
  index_t init_row;
  const T* bias;
  T lowest, highest;  // what results are clamped to; NaN stays
};

// The rows of a kernel for which there are bands, and the rows of outputs of a band.
inline constexpr int kBandKernels = 4;
inline constexpr int kBandRows[kBandKernels] = {3, 5, 7, 9};
inline constexpr int kBandHeights = 4;  // 1, 2, 4 and 8

inline constexpr int kDepthwiseHeights = 3;  // kernels of 3, 5 and 7 rows
inline constexpr int kDepthwiseNv = 4;
inline constexpr int kDepthwiseShapes = 4;  // rows by vectors: 1 x 8, 2 x 4, 4 x 2, 8 x 1

template <class T>
struct DepthwiseKernels {
  using Run = void (*)(const DepthwiseArgs<T>&) noexcept;
  Run run[kDepthwiseShapes][8];  // [log2 rows][nv - 1]; null above the shape's width
  using RunRows = void (*)(const DepthwiseRowsArgs<T>&) noexcept;
  RunRows run_rows[2][kDepthwiseHeights][kDepthwiseNv];  // [s - 1][(taps of h - 3) / 2][nv - 1]
  int rows[2][kDepthwiseNv];                             // that such a tile has: [s - 1][nv - 1]
  void (*run_pairs)(const DepthwisePairsArgs<T>&) noexcept;
  void (*run_pixels)(const DepthwisePixelsArgs<T>&) noexcept;
  void (*run_line)(const DepthwiseLineArgs<T>&) noexcept;
  using RunBand = void (*)(const DepthwiseBandArgs<T>&) noexcept;
  RunBand run_band[kBandKernels][kBandHeights];
  void (*run_pixels_grad)(const DepthwisePixelsArgs<T>&, double* sums) noexcept;
};

}  // namespace fastconv
