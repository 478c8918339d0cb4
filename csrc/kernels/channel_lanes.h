// SPDX-License-Identifier: MIT
// Tiles whose lanes are output channels (core/channel_lanes_kernels.h): MR pixels by NV vectors of
// packed weights. For each term of the sum, NV vectors of weights are loaded, and one element of
// each pixel is copied to all lanes (splat):
//
//                          wj[0]     wj[1]       NV vectors of weights, loaded
//     x[in[0]], splat  *   acc[0][0] acc[0][1]   MR * NV accumulators
//     x[in[1]], splat  *   acc[1][0] acc[1][1]
//
// The pixels lie anywhere, at offsets in integer registers. Each splat reads 4 or 8 bytes of x;
// reading weights from L2 or L3 bounds the speed where few pixels share them, else the FMA units
// do. Below are the kernels that pack weights as lanes, and that transpose results to planes.
#pragma once

#include "core/channel_lanes_kernels.h"
#include "simd/common.h"

namespace fastconv::FC_ISA {

// Adds TERMS terms to all accumulators. The offsets of many pixels do not all fit the integer
// registers; one that has to be read from memory is then read once for TERMS terms.
template <int TERMS, class V, int MR, int NV>
FC_INLINE void add_pixels(const typename V::T* x, index_t x_step, const index_t (&in)[MR],
                          const typename V::T* w, V (&acc)[MR][NV]) {
  V wj[TERMS][NV];
  FC_UNROLL for (int p = 0; p < TERMS; ++p) FC_UNROLL for (int j = 0; j < NV; ++j) {
    wj[p][j] = V::load(w + (p * NV + j) * V::lanes);
    hold(wj[p][j]);
  }
  FC_UNROLL for (int i = 0; i < MR; ++i) FC_UNROLL for (int p = 0; p < TERMS; ++p) {
    const V xi = V::splat(x[in[i] + p * x_step]);
    FC_UNROLL for (int j = 0; j < NV; ++j) acc[i][j] = fma(xi, wj[p][j], acc[i][j]);
  }
}

// Adds the terms of all lines and images. BEHIND: the pixels of a later tile are fetched, not what
// `ahead` tells. Either way has a loop of its own, so that fetching needs no registers beyond those
// that the loop has. Where terms are taken in pairs, an odd one at the end fetches nothing.
template <bool BEHIND, class V, int MR, int NV>
FC_INLINE void add_lines(const ChannelLanesArgs<typename V::T>& t, const index_t (&in)[MR],
                         V (&acc)[MR][NV]) {
  constexpr int kTerms = (MR + 2) * NV + 1 <= V::registers ? 2 : 1;  // two rows of weights fit
  constexpr int kLine = 64 / sizeof(typename V::T);
  const auto* x = t.x + t.in[0];
  const auto* w = t.w;
  const auto* ahead = t.ahead;
  const index_t x_step = t.x_step, skip = t.x_line - t.k * t.x_step;
  const index_t skip_image = t.x_image - t.lines * t.x_line;
  index_t left = t.lines;
  for (index_t line = t.images * t.lines; line > 0; --line, x += skip) {
    index_t p = t.k;
    for (; p >= kTerms; p -= kTerms, x += kTerms * x_step, w += kTerms * NV * V::lanes) {
      FC_UNROLL for (int i = 0; i < kTerms; ++i) {
        if constexpr (BEHIND)
          __builtin_prefetch(x + i * x_step + 2 * MR);
        else
          __builtin_prefetch(ahead, 0, 2), ahead += kLine;
      }
      add_pixels<kTerms>(x, x_step, in, w, acc);
    }
    for (; p > 0; --p, x += x_step, w += NV * V::lanes) add_pixels<1>(x, x_step, in, w, acc);
    if (--left == 0) left = t.lines, x += skip_image;
  }
}

template <class V, int MR, int NV>
void channel_lanes_tile(const ChannelLanesArgs<typename V::T>& t) noexcept {
  V acc[MR][NV];
  index_t in[MR];  // where the pixels lie, from the first of them on
  FC_UNROLL for (int i = 0; i < MR; ++i) {
    in[i] = t.in[i] - t.in[0];
    FC_UNROLL for (int j = 0; j < NV; ++j) acc[i][j] =
        t.overwrite ? V::zero() : V::load(t.c + t.out[i] + j * V::lanes);
  }
  if (t.ahead)
    add_lines<false>(t, in, acc);
  else
    add_lines<true>(t, in, acc);
  FC_UNROLL for (int i = 0; i < MR; ++i) FC_UNROLL for (int j = 0; j < NV; ++j) acc[i][j].store(
      t.c + t.out[i] + j * V::lanes);
}

// The number of elements that load_columns takes from each row, and so of columns that it gives.
template <class T>
struct Columns {
  enum { n = 16 / sizeof(T) };
};

// As load_columns, but of `rows` rows of n elements only, which may be fewer than it takes; zeros
// stand for what is missing. Goes through memory.
template <class V>
FC_INLINE void load_columns_n(const typename V::T* p, index_t step, index_t rows, index_t n,
                              V (&columns)[Columns<typename V::T>::n]) {
  constexpr int width = Columns<typename V::T>::n;
  typename V::T block[V::lanes * width] = {};
  for (index_t i = 0; i < rows; ++i)
    for (index_t j = 0; j < n; ++j) block[i * width + j] = p[i * step + j];
  load_columns(block, width, columns);
}

// Packs n neighbouring elements of each row: the taps of `channel`, then those of the next. Blocks
// of rows are transposed in registers, so that each column becomes one vector of lanes. `a` comes
// by value, because the compiler has to expect that stores change what is behind a reference.
template <class V, bool OwnLd>
FC_INLINE void pack_runs(const PackLanesArgs<typename V::T> a, index_t channel, index_t n) {
  constexpr index_t width = Columns<typename V::T>::n;
  const auto* w = a.w + channel * a.channel_step;
  // Rows that are missing may be read, too, as far as the array goes; they are not stored.
  const index_t reach = (V::lanes - 1) * a.row_step + width;
  const auto readable = [&](index_t e) { return a.end - (w + e) >= reach; };
  const index_t whole = n >= width && readable(n - width) ? n / width * width : 0;
  index_t tap = 0, e = 0;
  auto* dst = a.dst + (OwnLd ? 0 : channel * a.ld);
  const auto next_channel = [&] { OwnLd ? ++channel : (dst += a.ld, 0); };
  const int keep = static_cast<int>(a.keep), rows = static_cast<int>(a.rows);
  const auto put = [&](V column) {
    if (a.slots[tap] >= 0) {
      auto* to = dst + a.slots[tap] * a.slot_step + (OwnLd ? channel * a.lds[tap] : 0);
      if (rows >= keep)
        keep == V::lanes ? column.store(to) : column.store_n(to, keep);
      else
        V::zero().store_n(to, keep), column.store_n(to, rows);
    }
    if (++tap == a.taps) tap = 0, next_channel();
  };
  // Whether none of the next columns has a slot; then passes over them.
  const auto pass = [&] {
    index_t next = tap;
    for (index_t j = 0; j < width; ++j) {
      if (a.slots[next] >= 0) return false;
      if (++next == a.taps) next = 0;
    }
    for (tap += width; tap >= a.taps; tap -= a.taps) next_channel();
    return true;
  };
  V columns[width];
  for (; e < whole; e += width) {
    if (a.few && pass()) continue;
    load_columns(w + e, a.row_step, columns);
    FC_UNROLL for (index_t j = 0; j < width; ++j) put(columns[j]);
  }
  for (; e < n; e += width) {
    const index_t some = n - e < width ? n - e : width;  // columns that are left
    if (a.few && some == width && pass()) continue;
    if (readable(e))
      load_columns(w + e, a.row_step, columns);
    else
      load_columns_n(w + e, a.row_step, a.rows, some, columns);
    FC_UNROLL for (index_t j = 0; j < width; ++j) if (j < some) put(columns[j]);
  }
}

template <class V>
void pack_lanes(const PackLanesArgs<typename V::T>& a) noexcept {
  if (a.taps == 1 && a.row_step == 1 && a.lds == nullptr) {
    // The rows of a channel are neighbours: lanes already.
    if (a.slots[0] < 0) return;
    const int rows = static_cast<int>(a.rows), keep = static_cast<int>(a.keep);
    auto* dst = a.dst + a.slots[0] * a.slot_step;
    for (index_t c = 0; c < a.channels; ++c)
      V::load_n(a.w + c * a.channel_step, rows).store_n(dst + c * a.ld, keep);
  } else if (a.channel_step == a.taps && a.lds == nullptr) {
    pack_runs<V, false>(a, 0, a.channels * a.taps);
  } else {
    // Of few taps, what is read of a channel are short pieces that lie apart, which the CPU's own
    // prefetcher does not follow (512 -> 512 3x7 of which one tap reads: 4.8 -> 1.5 ms).
    constexpr index_t kChannelsAhead = 4;
    index_t first = 0;  // tap that has a slot
    while (a.few && first + 1 < a.taps && a.slots[first] < 0) ++first;
    for (index_t c = 0; c < a.channels; ++c) {
      if (a.few && c + kChannelsAhead < a.channels) {
        const auto* ahead = a.w + (c + kChannelsAhead) * a.channel_step + first;
        for (index_t i = 0; i < a.rows; ++i) __builtin_prefetch(ahead + i * a.row_step);
      }
      a.lds != nullptr ? pack_runs<V, true>(a, c, a.taps) : pack_runs<V, false>(a, c, a.taps);
    }
  }
}

// Transposes blocks of `lanes` pixels by 16 bytes of channels, and adds the residual on the way.
template <class V>
void store_lanes(const StoreLanesArgs<typename V::T>& a) noexcept {
  constexpr index_t width = Columns<typename V::T>::n;
  for (index_t i = 0; i < a.n; i += V::lanes) {
    const int n = static_cast<int>(a.n - i < V::lanes ? a.n - i : V::lanes);
    for (index_t row = 0; row < a.rows; row += width) {
      V columns[width];
      load_columns(a.c + i * a.ldc + row, a.ldc, columns);
      for (index_t j = 0; j < width && row + j < a.rows; ++j) {
        const index_t at = (row + j) * a.ldy + i;
        if (a.residual) columns[j] = columns[j] + V::load_n(a.residual + at, n);
        columns[j].store_n(a.y + at, n);
      }
    }
  }
}

template <class V, int MR>
consteval void add_channel_lanes(ChannelLanesKernels<typename V::T>& kernels) {
  kernels.run[MR - 1][0] = &channel_lanes_tile<V, MR, 1>;
  kernels.run[MR - 1][1] = &channel_lanes_tile<V, MR, 2>;
  if constexpr (MR > 1) add_channel_lanes<V, MR - 1>(kernels);
}

template <class V, int PIXELS>
consteval ChannelLanesKernels<typename V::T> make_channel_lanes() {
  ChannelLanesKernels<typename V::T> kernels{};
  kernels.max_pixels = PIXELS;
  add_channel_lanes<V, PIXELS>(kernels);
  kernels.pack = &pack_lanes<V>;
  kernels.store = &store_lanes<V>;
  return kernels;
}

}  // namespace fastconv::FC_ISA
