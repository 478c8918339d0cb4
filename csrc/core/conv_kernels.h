// SPDX-License-Identifier: MIT
// The convolution kernels of one ISA and element type: a table with a member for each family. Each
// family's header says what its kernels read and write, and what their lanes are.
#pragma once

#include "core/channel_lanes_kernels.h"
#include "core/depthwise_kernels.h"
#include "core/dot_kernels.h"
#include "core/fft_kernels.h"
#include "core/gemm_kernels.h"
#include "core/pack_kernels.h"
#include "core/pixel_tile_kernels.h"
#include "core/types.h"
#include "core/winograd_kernels.h"

namespace fastconv {

template <class T>
struct ConvKernels {
  GemmKernels<T> gemm;
  ChannelLanesKernels<T> channel_lanes;
  PixelTileKernels<T> pixel_tile;
  DepthwiseKernels<T> depthwise;
  DotKernels<T> dot;
  FftKernels<T> fft;
  WinogradKernels<T> winograd;
  void (*pack_panel)(const PackArgs<T>&) noexcept;
  void (*gather_rows)(const RowArgs<T>&) noexcept;
  // y[2 * i] = even[i] and y[2 * i + 1] = odd[i] for i < n.
  void (*interleave)(const T* even, const T* odd, index_t n, T* y) noexcept;
  // The sum of `rows` rows of n elements, which begin `step` apart; accumulated in double.
  double (*sum)(const T* x, index_t n, index_t rows, index_t step) noexcept;
  // Sums that go on in double from slice to slice: totals[i] = x[i] if `first`, else totals[i] +=
  // x[i]; then, if `last`, x[i] = totals[i]; for i < n.
  void (*add_to_totals)(T* x, double* totals, index_t n, bool first, bool last) noexcept;
};

}  // namespace fastconv
