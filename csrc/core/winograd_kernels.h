// SPDX-License-Identifier: MIT
// Signatures of the Winograd transforms of one ISA and dtype. F(m, r) computes m neighbouring
// outputs of r taps from alpha = m + r - 1 inputs with alpha multiplications instead of m * r.
// Lanes are tiles; a "plane" holds one value of every tile.
#pragma once

#include "core/types.h"

namespace fastconv {

struct WinogradScheme {
  int m, r, alpha;
};
// What the kernels are compiled for, along one axis; F(1, 1) leaves an axis as it is.
inline constexpr WinogradScheme kSchemes[] = {{1, 1, 1}, {2, 3, 4}, {4, 3, 6}, {2, 5, 6}};
inline constexpr int kNumSchemes = 4;
inline constexpr int kMostAlpha = 6, kMostShared = 3;

// A row of the image, `at` from its first element, of which tile t reads elements start + (t * m +
// j)
// * step, j < alpha; value j of tile t goes to dst[j * ld + t], for each of up to kMostShared rows
// of tiles that read the same row.
struct TileRow {
  index_t at, start, n;  // n tiles
  index_t dst[kMostShared];
  int n_dst;
};
template <class T>
struct TileRowsArgs {
  const T* image;
  const T* next;  // the image whose rows are wanted after these
  index_t width, step;
  PadMode mode;
  const TileRow* rows;
  index_t n_rows;
  T* dst;
  index_t ld;
};

// One 1-D transform of many planes: term i of line q, `vectors` wide, is at src[q * src_line +
// i * src_term], its result j at dst[q * dst_line + j * dst_term].
template <class T>
struct PlanesArgs {
  const T* src;
  index_t src_term, src_line;
  T* dst;
  index_t dst_term, dst_line;
  index_t lines, vectors;
};

// The last transform of one output channel: lines of planes become `lines` rows of pixels, tiles
// side by side; rows are ldc apart.
template <class T>
struct PixelRowArgs {
  const T* src;
  index_t src_term, src_line;
  T* dst;
  index_t ldc, lines, vectors;
  T bias;
};

// Finished pixels and where they belong: to[run.to + i * step] = from[run.from + i] +
// residual[run.to + i * step], i < run.n; residual may be null, or `to`.
struct PixelRun {
  index_t from, to, n;
};
template <class T>
struct StoreRunsArgs {
  const PixelRun* runs;
  index_t n_runs;
  const T* from;
  const T* residual;
  T* to;
  index_t step;
};

template <class T>
struct WinogradKernels {
  void (*tile_rows[kNumSchemes])(const TileRowsArgs<T>&) noexcept;
  void (*input[kNumSchemes])(const PlanesArgs<T>&) noexcept;
  void (*output[kNumSchemes])(const PlanesArgs<T>&) noexcept;
  bool (*pixel_rows[kNumSchemes])(const PixelRowArgs<T>&) noexcept;  // whether all are finite
  void (*weights[kNumSchemes])(const PlanesArgs<T>&) noexcept;
  // Adjoints, for the gradient of the weights: of `output`, from m values to alpha; of `weights`,
  // from alpha to r.
  void (*grads[kNumSchemes])(const PlanesArgs<T>&) noexcept;
  void (*sums[kNumSchemes])(const PlanesArgs<T>&) noexcept;
  void (*store_runs)(const StoreRunsArgs<T>&) noexcept;
};

}  // namespace fastconv
