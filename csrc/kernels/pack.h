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

template <class V>
FC_INLINE void copy_row(const typename V::T* from, index_t step, index_t n, typename V::T* to) {
  index_t i = 0;
  if (step == 1) {
    for (; i + V::lanes <= n; i += V::lanes) V::load(from + i).store(to + i);
    if (i < n)
      V::load_n(from + i, static_cast<int>(n - i)).store_n(to + i, static_cast<int>(n - i));
  } else {
    for (; i < n; ++i) to[i] = from[i * step];
  }
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

template <class V>
void pack_panel(const PackArgs<typename V::T>& a) noexcept {
  const index_t taps = a.h.n_taps * a.w.n_taps;
  index_t c = a.k0 / taps, th = a.k0 % taps / a.w.n_taps, tw = a.k0 % a.w.n_taps;
  auto* dst = a.dst;
  for (index_t k = a.k0; k < a.k1; ++k, dst += a.ld) {
    index_t filled = 0;
    for (index_t s = 0; s < a.n_segments; ++s) {
      const RowSegment& seg = a.segments[s];
      filled = seg.dst + seg.n;
      const index_t ih = source_of(a.mode, seg.oh * a.h.step + a.h.taps[th].offset, a.h.in);
      if (ih < 0) {
        clear_row<V>(dst + seg.dst, seg.n);
        continue;
      }
      gather<V>({.row = a.image + (c * a.h.in + ih) * a.w.in,
                 .width = a.w.in,
                 .start = seg.ow * a.w.step + a.w.taps[tw].offset,
                 .step = a.w.step,
                 .n = seg.n,
                 .mode = a.mode,
                 .dst = dst + seg.dst,
                 .rows = 1,
                 .dst_step = 0});
    }
    clear_row<V>(dst + filled, a.width - filled);
    if (++tw == a.w.n_taps) tw = 0, ++th;
    if (th == a.h.n_taps) th = 0, ++c;
  }
}

}  // namespace fastconv::FC_ISA
