// SPDX-License-Identifier: MIT
// Tiles whose lanes are output channels: vectors of weights meet the elements of pixels one by one,
// so that any set of pixels, wherever they lie, makes a tile. With them come the kernels that pack
// weights as lanes and that store results as planes.
#pragma once

#include "core/types.h"

namespace fastconv {

// For each pixel i of the tile and each output channel j < nv * lanes,
//
//     c[out[i] + j] += sum over the terms p of x[in[i] + (place of p)] * w[p * nv * lanes + j]
//
//     x, term 0  ..#...#..#....     w, term 0  [ lanes | lanes ]     c + out[0]  [ lanes | lanes ]
//     x, term 1  ..#...#..#....     w, term 1  [ lanes | lanes ]     c + out[1]  [ lanes | lanes ]
//        :         '---'--'-- in[i]    :       without a gap            :
//
// where there are k terms, x_step apart in x. Or there are `lines` times k terms, whose lines begin
// x_line apart, or `images` times these, which begin x_image apart; w runs on through all of them.
// (In the gradient of weights the terms are pixels: they form lines, and lines form images.)
template <class T>
struct ChannelLanesArgs {
  index_t k;
  const T* x;
  index_t x_step;
  const index_t* in;  // for each pixel of the tile
  const T* w;
  T* c;
  const index_t* out;  // for each pixel of the tile
  // What will be wanted soon: with every term one cache line is fetched into L2; the lines follow
  // one another from here on. If null, every term fetches into L1 instead the element of its own x
  // that lies 2 * (pixels of the tile) beyond the first pixel: where the pixels of tiles are
  // neighbours, the tile after the next one reads it.
  const T* ahead;
  index_t lines = 1, x_line = 0, images = 1, x_image = 0;
  bool overwrite = false;  // c is overwritten, not added to
};

// Packs weights as lanes: one vector for each tap and channel, whose lane `row` is output channel
// `row`.
//
//     w: a row holds channels of taps        dst: a block for each slot, a vector for each channel
//     row 0 [t0 t1 t2|t0 t1 t2|..]           slot of t0: [r0 r1 .. 0 0] [r0 r1 .. 0 0] ..  ld apart
//     row 1 [t0 t1 t2|t0 t1 t2|..]           slot of t1: [r0 r1 .. 0 0] [r0 r1 .. 0 0] ..
//            channels are channel_step apart      :      slots are slot_step apart
//
//     dst[slots[tap] * slot_step + channel * ld + row] =
//         w[row * row_step + channel * channel_step + tap]
//
// Lanes from `rows` on become 0. A tap whose slot is -1 is left out. With `lds` each tap has an ld
// of its own, as the taps of several phases do.
template <class T>
struct PackLanesArgs {
  const T* w;
  const T* end;  // where the array of all weights ends: nothing is read from there on
  index_t row_step, rows;
  index_t channel_step, channels;
  const index_t* slots;  // for each tap
  index_t taps;
  T* dst;
  index_t slot_step, ld;
  index_t keep;      // lanes that are written of each vector; at least `rows`
  bool few = false;  // whether few taps have a slot: of the others as much as possible is not read
  const index_t* lds = nullptr;  // for each tap, instead of ld
};

// Stores results, whose lanes are channels, as the planes of these channels:
//
//     c: pixels of channels, ldc apart       y: planes of pixels, ldy apart
//     i = 0  [ r0 r1 r2 .. ]                 row 0  [ i0 i1 i2 i3 .. ]
//     i = 1  [ r0 r1 r2 .. ]                 row 1  [ i0 i1 i2 i3 .. ]
//
//     y[row * ldy + i] = c[i * ldc + row] + residual[row * ldy + i],  row < rows, i < n
//
// c is readable up to whole vectors along both of its axes.
template <class T>
struct StoreLanesArgs {
  const T* c;
  index_t ldc, rows, n;
  T* y;
  index_t ldy;
  const T* residual;  // or null for zeros; may be y
};

inline constexpr int kMaxPixels = 12;  // of a tile of any ISA
inline constexpr int kChannelLanesNv = 2;

template <class T>
struct ChannelLanesKernels {
  using Run = void (*)(const ChannelLanesArgs<T>&) noexcept;
  int max_pixels;                        // of a tile of this ISA
  Run run[kMaxPixels][kChannelLanesNv];  // [pixels - 1][nv - 1]
  void (*pack)(const PackLanesArgs<T>&) noexcept;
  void (*store)(const StoreLanesArgs<T>&) noexcept;
};

}  // namespace fastconv
