// SPDX-License-Identifier: MIT
// Winograd's transforms. F(m, r) computes m neighbouring outputs of r taps from alpha = m + r - 1
// inputs with alpha multiplications instead of m * r: inputs and taps are transformed to alpha
// values each, these are multiplied one by one, and the products are transformed to outputs. In two
// dimensions inputs are transformed along the width and then along the height, products the other
// way round. Lanes are tiles; a "plane" is an array of one value of every tile of a block.
#pragma once

#include "core/types.h"

namespace fastconv {

struct WinogradScheme {
  int m, r, alpha;
  // How far an output may be from a plain sum, beyond what that errs: so many times u * the sum of
  // its terms' magnitudes, u being half the distance from 1 to the next number. 0 says that it errs
  // as a plain sum does, and not at all on integers.
  int error;
};
// What the kernels are compiled for, along one axis; F(1, 1) leaves an axis as it is.
inline constexpr WinogradScheme kSchemes[] = {{1, 1, 1, 0},  {2, 2, 3, 0},  {4, 2, 5, 50},
                                              {2, 3, 4, 0},  {4, 3, 6, 50}, {2, 5, 6, 50},
                                              {4, 5, 8, 100}};
inline constexpr int kNumSchemes = 7;
inline constexpr int kMostAlpha = 8;   // the largest alpha of a scheme
inline constexpr int kMostShared = 3;  // the most rows of tiles that read the same row of an image

// One row of an image and the n tiles that read it: it begins `at` elements from the start of the
// image, and the first tile reads from column `start` on. Neighbouring rows of tiles overlap: this
// row belongs to n_dst of them, and its values go to each one's dst.
struct TileRow {
  index_t at, start, n;
  index_t dst[kMostShared];
  int n_dst;
};

// Cuts rows of an image into tiles and transforms each along the width:
//
//     row       [ . . 0 1 2 3 4 5 6 7 8 9 .. ]     F(4, 3): alpha = 6 elements a tile, 4 apart
//     tile 0          '---------'
//     tile 1                  '---------'
//     value j of tile t, before the transform, is row[start + (t * m + j) * step]
//
//     dst + row.dst[s] + j * ld  [ t0 t1 t2 .. ]   plane j < alpha of the transformed values
//
template <class T>
struct TileRowsArgs {
  const T* image;
  const T* next;  // the image that is read after this one: its rows are fetched at the same places
  index_t width;  // of the image's rows; `mode` says what stands beyond them
  index_t step;   // between the elements of a tile: the dilation
  PadMode mode;
  const TileRow* rows;
  index_t n_rows;
  T* dst;
  index_t ld;
};

// One one-dimensional transform of planes, all lanes alike, for `lines` independent sets of them.
// `vectors` vectors of each plane are transformed:
//
//     src + q * src_line              dst + q * dst_line
//       + 0 * src_term  [ tiles ]       + 0 * dst_term  [ tiles ]
//       + 1 * src_term  [ tiles ]  -->  + 1 * dst_term  [ tiles ]      for each line q
//            :                               :
//
template <class T>
struct PlanesArgs {
  const T* src;
  index_t src_term, src_line;
  T* dst;
  index_t dst_term, dst_line;
  index_t lines, vectors;
};

// The last transform of an output channel, from planes to rows of pixels, with the bias added. Of
// each line q, tile t becomes the m pixels dst[q * ldc + t * m ..]:
//
//     src + q * src_line                   dst + q * ldc
//       + 0 * src_term  [ t0 t1 t2 .. ]      [ m pixels of t0 | m pixels of t1 | m of t2 | .. ]
//       + 1 * src_term  [ t0 t1 t2 .. ]
//            :           (alpha planes)
//
template <class T>
struct PixelRowArgs {
  const T* src;
  index_t src_term, src_line;
  T* dst;
  index_t ldc, lines, vectors;
  T bias;
};

// Copies finished pixels to where they belong, run after run:
//
//     to[run.to + i * step] = from[run.from + i] + residual[run.residual + i * step],   i < run.n
//
//     from   ..[ 0 1 2 3 ]...          pixels of a run are neighbours here
//     to     ..[ 0 . 1 . 2 . 3 ]..     and `step` apart there (step = 2)
struct PixelRun {
  index_t from, to, n, residual;
};
template <class T>
struct StoreRunsArgs {
  const PixelRun* runs;
  index_t n_runs;
  const T* from;
  const T* residual;  // null for zeros; may be `to`
  T* to;
  index_t step;
  const T* limits = nullptr;  // as in TileArgs
};

// The transforms by scheme, as kSchemes numbers them.
template <class T>
struct WinogradKernels {
  void (*tile_rows[kNumSchemes])(const TileRowsArgs<T>&) noexcept;
  void (*input[kNumSchemes])(const PlanesArgs<T>&) noexcept;   // of inputs: alpha to alpha planes
  void (*output[kNumSchemes])(const PlanesArgs<T>&) noexcept;  // of products: alpha to m
  // As `output`, then to pixels. Returns whether all of them are finite.
  bool (*pixel_rows[kNumSchemes])(const PixelRowArgs<T>&) noexcept;
  void (*weights[kNumSchemes])(const PlanesArgs<T>&) noexcept;  // of taps: r to alpha
  // The adjoints (transposed matrices), for the gradient of the weights: of `output`, from the m
  // gradients of outputs to alpha; of `weights`, from alpha sums to the r gradients of taps.
  void (*grads[kNumSchemes])(const PlanesArgs<T>&) noexcept;
  void (*sums[kNumSchemes])(const PlanesArgs<T>&) noexcept;
  void (*store_runs)(const StoreRunsArgs<T>&) noexcept;
};

}  // namespace fastconv
