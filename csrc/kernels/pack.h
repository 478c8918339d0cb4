// SPDX-License-Identifier: MIT
// Rows of pixels as the tiles want them: contiguous, with padding resolved while copying. No padded
// image ever exists, whatever the padding mode.
#pragma once

#include "core/conv_kernels.h"
#include "simd/common.h"

namespace fastconv::FC_ISA {

// The element that a position outside 0..n stands for, or -1 for a zero.
FC_INLINE index_t source_of(PadMode mode, index_t i, index_t n) {
  if (i >= 0 && i < n) return i;
  if (mode == PadMode::replicate) return i < 0 ? 0 : n - 1;
  if (mode == PadMode::reflect) return i < 0 ? -i : 2 * (n - 1) - i;
  if (mode == PadMode::circular) return i < 0 ? i + n : i - n;
  return -1;
}

FC_INLINE int clamp_to(int lanes, index_t i) {
  return i < 0 ? 0 : i > lanes ? lanes : static_cast<int>(i);
}

// Lanes lo..hi of p[0], p[step], p[2 * step], ...; the others are 0 and what they stand for is not
// touched. kStep is 1, 2 or 4.
template <class V, int kStep>
FC_INLINE V load_every(const typename V::T* p, int lo, int hi) {
  if constexpr (kStep == 1) {
    return V::load_part(p, lo, hi);
  } else {
    constexpr int half = V::lanes / 2, step = kStep / 2;
    V even, odd;
    unzip(load_every<V, step>(p, clamp_to(V::lanes, 2 * lo), clamp_to(V::lanes, 2 * hi - 1)),
          load_every<V, step>(p + V::lanes * step, clamp_to(V::lanes, 2 * (lo - half)),
                              clamp_to(V::lanes, 2 * (hi - half) - 1)),
          even, odd);
    return even;
  }
}

template <class V, int kStep>
FC_INLINE void copy_every(const typename V::T* from, index_t n, typename V::T* to) {
  index_t i = 0;
  for (; i + V::lanes < n; i += V::lanes)
    load_every<V, kStep>(from + i * kStep, 0, V::lanes).store(to + i);
  if (i < n) {
    const int rest = static_cast<int>(n - i);
    load_every<V, kStep>(from + i * kStep, 0, rest).store_n(to + i, rest);
  }
}

template <class V>
FC_INLINE void copy_row(const typename V::T* from, index_t step, index_t n, typename V::T* to) {
  if (step == 1) return copy_every<V, 1>(from, n, to);
  if (step == 2) return copy_every<V, 2>(from, n, to);
  if (step == 4) return copy_every<V, 4>(from, n, to);
  for (index_t i = 0; i < n; ++i) to[i] = from[i * step];
}

template <class V>
FC_INLINE void clear_row(typename V::T* to, index_t n) {
  index_t i = 0;
  for (; i + V::lanes <= n; i += V::lanes) V::zero().store(to + i);
  if (i < n) V::zero().store_n(to + i, static_cast<int>(n - i));
}

template <class V>
FC_INLINE void gather_edge(const RowArgs<typename V::T>& r, const typename V::T* row,
                           typename V::T* dst, index_t from, index_t to) {
  if (r.mode == PadMode::zeros) return clear_row<V>(dst + from, to - from);
  for (index_t i = from; i < to; ++i)
    dst[i] = row[source_of(r.mode, r.start + i * r.step, r.width)];
}

template <class V>
FC_INLINE void gather(const RowArgs<typename V::T>& r) {
  index_t lo = -r.start, hi = r.width - r.start;  // outputs lo..hi read inside the row
  if (r.step != 1) {                              // a division costs as much as a short row
    lo = lo > 0 ? (lo + r.step - 1) / r.step : 0;
    hi = hi > 0 ? (hi + r.step - 1) / r.step : 0;
  }
  if (lo < 0) lo = 0;
  if (hi > r.n) hi = r.n;
  if (lo > r.n) lo = r.n;
  if (hi < lo) hi = lo;
  const auto* row = r.row;
  auto* dst = r.dst;
  for (index_t i = 0; i < r.rows; ++i, row += r.width, dst += r.dst_step) {
    if (lo > 0) gather_edge<V>(r, row, dst, 0, lo);
    copy_row<V>(row + r.start + lo * r.step, r.step, hi - lo, dst + lo);
    if (hi < r.n) gather_edge<V>(r, row, dst, hi, r.n);
  }
}

template <class V>
void gather_rows(const RowArgs<typename V::T>& r) noexcept {
  gather<V>(r);
}

// A vector of a row of im2col, or the end of one: outputs lo..hi of it lie inside the image. It is
// the same for every channel but for where it starts, and channels are `plane` and `step` apart.
template <class T>
struct Piece {
  const T* from;  // of output 0, where that lies inside
  T* to;
  int lo, hi, n;
  index_t channels, plane, step;
};

template <class V, int kStep>
FC_INLINE void copy_piece(Piece<typename V::T> p) {
  if (p.n == V::lanes)
    for (index_t c = 0; c < p.channels; ++c, p.from += p.plane, p.to += p.step)
      load_every<V, kStep>(p.from, p.lo, p.hi).store(p.to);
  else
    for (index_t c = 0; c < p.channels; ++c, p.from += p.plane, p.to += p.step)
      load_every<V, kStep>(p.from, p.lo, p.hi).store_n(p.to, p.n);
}

template <class V>
FC_INLINE void copy_piece(const Piece<typename V::T>& p, index_t step) {
  if (step == 1) return copy_piece<V, 1>(p);
  if (step == 2) return copy_piece<V, 2>(p);
  if (step == 4) return copy_piece<V, 4>(p);
  const auto* from = p.from;
  auto* to = p.to;
  for (index_t c = 0; c < p.channels; ++c, from += p.plane, to += p.step) {
    if (p.hi - p.lo < p.n) V::zero().store_n(to, p.n);
    for (int i = p.lo; i < p.hi; ++i) to[i] = from[i * step];
  }
}

// Outputs that read beyond the border, in modes other than zeros.
template <class T>
FC_INLINE void copy_border(const Piece<T>& p, const PackArgs<T>& a, const T* row, index_t start) {
  for (int i = 0; i < p.n; ++i) {
    if (i >= p.lo && i < p.hi) continue;
    const T* from = row + source_of(a.mode, start + i * a.w.step, a.w.in);
    for (index_t c = 0; c < p.channels; ++c) p.to[i + c * p.step] = from[c * p.plane];
  }
}

// One tap of channels c0.. for all pixels. A vector is stored whole where the next piece of its row
// overwrites what it does not cover, so pieces go from left to right.
template <class V>
FC_INLINE void pack_tap(const PackArgs<typename V::T>& a, const Tap& th, const Tap& tw, index_t c0,
                        index_t channels, typename V::T* dst, index_t step) {
  const index_t plane = a.h.in * a.w.in;
  index_t filled = 0;
  for (index_t s = 0; s < a.n_segments; ++s) {
    const RowSegment& seg = a.segments[s];
    const index_t ih = source_of(a.mode, seg.oh * a.h.step + th.offset, a.h.in);
    const auto* row = a.image + c0 * plane + (ih < 0 ? 0 : ih) * a.w.in;
    for (index_t i = 0; i < seg.n; i += V::lanes) {
      const index_t start = (seg.ow + i) * a.w.step + tw.offset, at = seg.dst + i;
      const int n = clamp_to(V::lanes, seg.n - i);
      index_t lo = 0, hi = n;
      if (start < 0) lo = (-start + a.w.step - 1) / a.w.step;
      if (start + (n - 1) * a.w.step >= a.w.in) hi = (a.w.in - start + a.w.step - 1) / a.w.step;
      const int first = clamp_to(n, lo), last = ih < 0 ? first : clamp_to(n, hi < lo ? lo : hi);
      const Piece<typename V::T> piece{
          row + start, dst + at, first, last, clamp_to(V::lanes, a.width - at),
          channels,    plane,    step};
      copy_piece<V>(piece, a.w.step);
      if (a.mode != PadMode::zeros && last - first < n) {
        Piece<typename V::T> border = piece;
        border.n = n;
        copy_border(border, a, row, start);
      }
      filled = at + piece.n;
    }
  }
  for (; filled < a.width; filled += V::lanes)
    for (index_t c = 0; c < channels; ++c)
      V::zero().store_n(dst + c * step + filled, clamp_to(V::lanes, a.width - filled));
}

template <class V>
void pack_panel(const PackArgs<typename V::T>& a) noexcept {
  constexpr index_t kChannels = 32;  // their pages stay in the TLB from tap to tap
  const index_t taps = a.h.n_taps * a.w.n_taps;
  const index_t c0 = a.k0 / taps, t0 = a.k0 % taps, c1 = a.k1 / taps, t1 = a.k1 % taps;
  for (index_t c = c0; c <= c1; c += kChannels)
    for (index_t t = 0; t < taps; ++t) {  // the slice may start and end within a channel
      const index_t begin = c == c0 && t < t0 ? c + 1 : c;
      index_t end = c + kChannels;
      if (end > c1) end = t < t1 ? c1 + 1 : c1;
      if (begin < end)
        pack_tap<V>(a, a.h.taps[t / a.w.n_taps], a.w.taps[t % a.w.n_taps], begin, end - begin,
                    a.dst + (begin * taps + t - a.k0) * a.ld, taps * a.ld);
    }
}

}  // namespace fastconv::FC_ISA
