// SPDX-License-Identifier: MIT
// Tiles that read and write pixels as they lie where channels are neighbours: lanes are output
// channels, and the pixels of a tile lie at an even distance.
#pragma once

#include "core/types.h"

namespace fastconv {

// For each pixel i of the tile and each output channel j < (nv - 1) * lanes + tail,
//
//     y[i * y_step + j] = clamp(init[i * init_step + j] + bias[j] +
//                               sum over the terms p of x[i * x_step + (place of p)] * w[(p), j])
//
//     x    row 0   [ k terms ] x_line [ k terms ] ..     w   [nv * lanes] of each term, in order;
//          row 1   [ k terms ]        [ k terms ] ..         lines begin w_line apart, rows w_row
//           :       x_row further on
//
// where each of `rows` rows has `lines` lines of k terms, which are neighbours in x: the channels
// that a tap reads, or those of all taps of a row of the kernel. There may be no terms.
template <class T>
struct PixelTileArgs {
  index_t k, lines, rows;
  const T* x;
  index_t x_step, x_line, x_row;
  const T* w;
  index_t w_line, w_row;
  T* y;
  index_t y_step;
  const T* init;  // or null for zeros; may be y
  index_t init_step;
  const T* bias;      // nv whole vectors, or null for zeros
  int tail;           // from 1 to lanes
  T lowest, highest;  // what results are clamped to; NaN stays
  // With each term a cache line is fetched into L2, from here on in steps of `ahead_step` elements:
  // weights that will be wanted soon.
  const T* ahead;
  index_t ahead_step;
};

// The most pixels of a tile of 1, 2 or 3 vectors, for any ISA.
inline constexpr int kPixelTileNv = 3, kPixelTilePixels = 12;

template <class T>
struct PixelTileKernels {
  using Run = void (*)(const PixelTileArgs<T>&) noexcept;
  int max_pixels[kPixelTileNv];             // [nv - 1], of this ISA
  Run run[kPixelTilePixels][kPixelTileNv];  // [pixels - 1][nv - 1]
};

}  // namespace fastconv
