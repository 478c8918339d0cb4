// SPDX-License-Identifier: MIT
// Signatures of the convolution kernels of one ISA and dtype. Lanes are pixels throughout: a tile
// is `mr` output channels by `nv` vectors of output pixels, kept in registers.
#pragma once

#include "core/types.h"
#include "core/winograd_kernels.h"

namespace fastconv {

// One tap of a kernel along one axis: which weight, and where it reads relative to its output.
struct Tap {
  index_t kernel, offset;
};

inline constexpr int kMaxMr = 12;
inline constexpr int kMaxNv = 6;
inline constexpr int kAhead = 4;  // terms for which a strip's tile fetches rows in advance

// c[i][j] = init[i][j] + bias[i] + sum_p a[p][i] * b[p][j], i < mr, j < (nv - 1) * lanes + tail.
template <class T>
struct TileArgs {
  index_t k;    // the number of terms p
  const T* a;   // packed: a[p * mr + i]
  const T* b;   // rows p of pixels, at p * ldb (run_gemm) or at offsets[p] (run_indirect);
  index_t ldb;  // readable for whole vectors but for run_gemm's last, which reads `tail`
  const index_t* offsets;  // of k + kAhead rows; the last are fetched only
  T* c;
  index_t ldc;
  const T* init;  // rows ldc apart: c itself to accumulate, a residual, or null for zero
  const T* bias;  // one per row, or null
  int tail;       // lanes of the last vector that exist, 1..lanes
  // What later tiles will read, fetched meanwhile: for each two terms as many bytes as they have of
  // a, next_step elements on. By default what lies in `next` like a in a; null for nothing.
  const T* next = nullptr;
  index_t next_step = 0;
};

template <class T>
struct GemmKernels {
  using Run = void (*)(const TileArgs<T>&) noexcept;
  int lanes, max_mr;
  int max_nv[kMaxMr + 1];        // by mr: the most vectors whose accumulators fit the registers
  Run run_gemm[kMaxMr][kMaxNv];  // [mr - 1][nv - 1]
  Run run_indirect[kMaxMr][kMaxNv];
};

// `rows` by `nv` vectors of one channel: c[r][j] = init + bias + sum_p a[p] * b[r * row_step +
// offsets[p] + j]; rows of c and init are ldc apart.
template <class T>
struct DepthwiseArgs {
  index_t k;
  const T* a;
  const T* b;
  index_t row_step;
  const index_t* offsets;
  T* c;
  index_t ldc;
  const T* init;
  T bias;
  int tail;
};

// The same from rows of the image itself, at stride s = 1 or 2, each read once for all the rows of
// outputs that it serves: output (r, j) takes tap h from rows[r * s + h], its first tap of w at
// column start + j * s, others w_step apart; columns outside 0..width are zeros. Of the tile's rows
// the first `lines` are written. At stride 2 tiles are up to two vectors wide.
template <class T>
struct DepthwiseRowsArgs {
  const T* const* rows;
  index_t width, start, w_taps, w_step;
  const T* a;  // tap (h, w) at a[h * a_row + w * a_column]
  index_t a_row, a_column;
  T* c;
  index_t ldc;
  const T* init;
  T bias;
  int lines, tail;
};

// The gradient of a stride of two: of each two neighbouring outputs of a row the first takes the
// first half of the taps, the second the others, and they are stored by turns. Tap t of output row
// r reads row[t] + r of `rows`, from column `start[t]` on; `width` and `lines` are as above, and n
// outputs of each kind's row are wanted together.
template <class T>
struct DepthwisePairsArgs {
  const T* const* rows;
  index_t width;
  int taps[2];  // of either kind, one after another in the lists
  const index_t* row;
  const index_t* start;
  const T* a;
  T* c;
  index_t ldc;
  T bias;
  int lines;
  index_t n;
};
inline constexpr int kPairRows = 4;

// Lanes are channels: for `rows` rows of `columns` outputs, y[j * y_step] = bias + sum over taps t
// of w[w_at[t]] * x[x_at[t] + j * x_step], added to what is there unless `overwrite`. The gradient
// adds to sums[w_at[t]] the products of y, which is then that of the outputs, and x.
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
  const T* bias = nullptr;  // a vector
  bool overwrite = false;
};

inline constexpr int kDepthwiseHeights = 3;  // kernels of 3, 5 and 7 rows
inline constexpr int kDepthwiseNv = 4;
inline constexpr int kDepthwiseShapes = 4;  // (1, 8), (2, 4), (4, 2), (8, 1) rows x vectors

template <class T>
struct DepthwiseKernels {
  using Run = void (*)(const DepthwiseArgs<T>&) noexcept;
  Run run[kDepthwiseShapes][8];  // [log2 rows][nv - 1]; null above the shape's width
  using RunRows = void (*)(const DepthwiseRowsArgs<T>&) noexcept;
  RunRows run_rows[2][kDepthwiseHeights]
                  [kDepthwiseNv];  // [stride - 1][(taps of h - 3) / 2][nv - 1]
  int rows[2][kDepthwiseNv];       // of such a tile
  // A tile of kPairRows rows by a vector of pairs.
  void (*run_pairs)(const DepthwisePairsArgs<T>&) noexcept;
  void (*run_pixels)(const DepthwisePixelsArgs<T>&) noexcept;
  void (*run_pixels_grad)(const DepthwisePixelsArgs<T>&, double* sums) noexcept;
};

// The other orientation: lanes are output channels, pixels are broadcast one by one, so that any
// set of pixels makes a tile. c[out[i]][j] += sum_p x[in[i] + p * x_step] * w[p * nv * lanes + j],
// i < the tile's pixels, j < nv * lanes. There may be more `lines` of k terms, x_line apart in x,
// and more `images` of such lines, x_image apart.
template <class T>
struct ChannelLanesArgs {
  index_t k;
  const T* x;
  index_t x_step;
  const index_t* in;
  const T* w;  // packed
  T* c;
  const index_t* out;
  // k cache lines from here on are wanted soon; if null, the pixels behind the tile's, in each
  // term.
  const T* ahead;
  index_t lines = 1, x_line = 0, images = 1, x_image = 0;
  bool overwrite = false;  // c is written, not added to
};

// One vector of rows of weights, packed as lanes: dst[slots[tap] * slot_step + channel * ld + row],
// zero from `rows` on; taps with slot -1 are left out. Elements of a row's tap are neighbours. Only
// the first `keep` lanes are written.
template <class T>
struct PackLanesArgs {
  const T* w;
  const T* end;  // of all weights: nothing is read from there on
  index_t row_step, rows;
  index_t channel_step, channels;
  const index_t* slots;
  index_t taps;
  T* dst;
  index_t slot_step, ld, keep;
};

// y[row * ldy + i] = c[i * ldc + row] + residual[row * ldy + i], row < rows, i < n. c is readable
// up to whole vectors of rows and of i.
template <class T>
struct StoreLanesArgs {
  const T* c;
  index_t ldc, rows, n;
  T* y;
  index_t ldy;
  const T* residual;  // or null; may be y
};

inline constexpr int kMaxPixels = 12;
inline constexpr int kChannelLanesNv = 2;

template <class T>
struct ChannelLanesKernels {
  using Run = void (*)(const ChannelLanesArgs<T>&) noexcept;
  int max_pixels;
  Run run[kMaxPixels][kChannelLanesNv];  // [pixels - 1][nv - 1]
  void (*pack)(const PackLanesArgs<T>&) noexcept;
  void (*store)(const StoreLanesArgs<T>&) noexcept;
};

// Dot products along the pixels of a strip, not yet summed over the lanes: lane l of
// sums[(i * ld + j) * lanes + l] is the sum over lines q and pixels p = l modulo lanes of
// a[i * lda + q * n + p] * b[q * b_line + offsets[j] + p], added to what is there or `overwrite`.
template <class T>
struct DotArgs {
  index_t n, lines;
  const T* a;
  index_t lda;
  const T* b;
  index_t b_line;
  const index_t* offsets;
  T* sums;
  index_t ld;
  bool overwrite;
};

inline constexpr int kMaxDot = 5;

template <class T>
struct DotKernels {
  using Run = void (*)(const DotArgs<T>&) noexcept;
  int max_mr, max_nr;
  Run run[kMaxDot][kMaxDot];  // [mr - 1][nr - 1]
};

// One axis of an image as a packer reads it.
struct PackAxis {
  index_t in, step;  // length, and the distance between the reads of neighbouring outputs
  const Tap* taps;
  index_t n_taps;
};

// `n` neighbouring outputs of row `oh` of an image, from column `ow`, to position `dst`.
struct RowSegment {
  index_t dst, image, oh, ow, n;
};

// Rows k0..k1 of the im2col matrix, k = (channel, tap of h, tap of w), for a panel of pixels:
// dst[(k - k0) * ld + segment.dst + i]; columns that no segment covers, up to `width`, become 0.
template <class T>
struct PackArgs {
  const T* image;  // the first channel of the group; other images are image_step apart
  index_t image_step;
  PackAxis h, w;
  PadMode mode;
  index_t k0, k1;
  const RowSegment* segments;
  index_t n_segments, width, ld;
  T* dst;
};

// dst[i] = row[start + i * step], i < n, where the row has `width` elements and `mode` beyond them;
// the same for `rows` rows, row_step apart, to dst_step apart, with `above` and `below` rows of
// zeros around them; and for `channels` of those.
template <class T>
struct RowArgs {
  const T* row;
  index_t width, start, step, n;
  PadMode mode;
  T* dst;
  index_t rows = 1, row_step = 0, dst_step = 0;
  index_t above = 0, below = 0;
  index_t channels = 1, channel_step = 0, dst_channel = 0;
};

template <class T>
struct ConvKernels {
  GemmKernels<T> gemm;
  ChannelLanesKernels<T> channel_lanes;
  DepthwiseKernels<T> depthwise;
  DotKernels<T> dot;
  WinogradKernels<T> winograd;
  void (*pack_panel)(const PackArgs<T>&) noexcept;
  void (*gather_rows)(const RowArgs<T>&) noexcept;
  // y[2 * i] = even[i], y[2 * i + 1] = odd[i], i < n.
  void (*interleave)(const T* even, const T* odd, index_t n, T* y) noexcept;
  // Of `rows` rows of n elements, `step` apart; in double.
  double (*sum)(const T* x, index_t n, index_t rows, index_t step) noexcept;
  // totals[i] += x[i], or = x[i] if `first`; then x[i] = totals[i] if `last`; i < n.
  void (*add_to_totals)(T* x, double* totals, index_t n, bool first, bool last) noexcept;
};

}  // namespace fastconv
