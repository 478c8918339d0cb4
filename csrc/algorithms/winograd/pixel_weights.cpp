// SPDX-License-Identifier: MIT
#include "algorithms/winograd/pixel_weights.h"

#include <algorithm>

#include "core/parallel.h"

namespace fastconv::winograd {
namespace {

// Transforms the weights of n input channels from c0 on, at most kRun of them, for one vector of
// output channels: `at` is where that vector begins in its block of `ld` lanes at place 0, and
// places lie `plane` apart. Each place is copied as a run, since places may lie a power of two
// apart.
constexpr index_t kRun = 16;
template <class T>
void pack_run(const Correlation& r, const TileGrid& grid, const T* weights, const T* end,
              index_t rows, index_t n, T* to, index_t ld, index_t plane,
              const Exec& exec) noexcept {
  constexpr index_t kMostTaps = 25, kMostLanes = 16, kMostTap = 5;
  constexpr int kMostPlaces = kMostAlpha * kMostAlpha;
  const ConvKernels<T>& kernels = exec.kernels<T>().conv;
  const index_t lanes = kernels.gemm.lanes, taps = r.taps(), places = grid.alphas();
  const index_t w_taps = taps / grid.h.scheme().r, w_alpha = grid.w.scheme().alpha;
  T gathered[kRun * kMostTaps * kMostLanes], half[kMostTap * kMostAlpha * kMostLanes];
  T done[kMostPlaces * kRun * kMostLanes];
  kernels.channel_lanes.pack({.w = weights,
                              .end = end,
                              .row_step = r.w_m,
                              .rows = rows,
                              .channel_step = r.w_c,
                              .channels = n,
                              .slots = grid.slots.data(),
                              .taps = static_cast<index_t>(grid.slots.size()),
                              .dst = gathered,
                              .slot_step = lanes,
                              .ld = taps * lanes,
                              .keep = lanes});
  const index_t done_plane = kRun * lanes;
  for (index_t c = 0; c < n; ++c) {
    kernels.winograd.weights[grid.w.index()]({.src = gathered + c * taps * lanes,
                                              .src_term = lanes,
                                              .src_line = w_taps * lanes,
                                              .dst = half,
                                              .dst_term = lanes,
                                              .dst_line = w_alpha * lanes,
                                              .lines = taps / w_taps,
                                              .vectors = 1});
    kernels.winograd.weights[grid.h.index()]({.src = half,
                                              .src_term = w_alpha * lanes,
                                              .src_line = lanes,
                                              .dst = done + c * lanes,
                                              .dst_term = w_alpha * done_plane,
                                              .dst_line = done_plane,
                                              .lines = w_alpha,
                                              .vectors = 1});
  }
  for (index_t xi = 0; xi < places; ++xi)
    for (index_t c = 0; c < n; ++c)
      std::copy_n(done + xi * done_plane + c * lanes, lanes, to + xi * plane + c * ld);
}

}  // namespace

template <class T>
void pack_pixel_block(const Correlation& r, const TileGrid& grid, const ChannelBlocks& out,
                      const T* weights, index_t g, index_t block, T* to,
                      const Exec& exec) noexcept {
  const index_t lanes = out.lanes, ld = out.nv(block) * lanes, plane = r.c * ld;
  for (index_t j = 0; j < out.rows(block); j += lanes)
    for (index_t c = 0; c < r.c; c += kRun)
      pack_run(r, grid, weights + g * r.w_group + (out.first(block) + j) * r.w_m + c * r.w_c,
               weights + r.groups * r.w_group, std::min(lanes, out.rows(block) - j),
               std::min(kRun, r.c - c), to + c * ld + j, ld, plane, exec);
}

template <class T>
void pack_pixel_weights(const Correlation& r, const TileGrid& grid, const ChannelBlocks& out,
                        const T* weights, T* packed, const Exec& exec) noexcept {
  const index_t tasks = r.groups * out.blocks;
  const double work = double(pixel_weights_size(r, grid, out));
  parallel_for(tasks, useful_threads(tasks, work, exec.threads), [&](index_t task, int) {
    const index_t g = task / out.blocks, block = task % out.blocks;
    T* to = packed + pixel_weights_at(r, grid, out, g, block, 0);
    pack_pixel_block(r, grid, out, weights, g, block, to, exec);
  });
}

template void pack_pixel_block(const Correlation&, const TileGrid&, const ChannelBlocks&,
                               const float*, index_t, index_t, float*, const Exec&) noexcept;
template void pack_pixel_block(const Correlation&, const TileGrid&, const ChannelBlocks&,
                               const double*, index_t, index_t, double*, const Exec&) noexcept;
template void pack_pixel_weights(const Correlation&, const TileGrid&, const ChannelBlocks&,
                                 const float*, float*, const Exec&) noexcept;
template void pack_pixel_weights(const Correlation&, const TileGrid&, const ChannelBlocks&,
                                 const double*, double*, const Exec&) noexcept;

}  // namespace fastconv::winograd
