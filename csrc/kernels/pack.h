// SPDX-License-Identifier: MIT
// Copies of rows of pixels as the tiles want them (core/pack_kernels.h): without gaps, and with the
// padding resolved on the way, so that no padded image ever exists, whatever the padding mode.
//
//     row      [ 0 1 2 3 4 5 6 7 ]          start = -1, step = 2: dst[i] = row[2 * i - 1]
//     dst      [ . 1 3 5 7 . ]              `.` are edges: zeros, or copies as `mode` says
//
// What lies inside is copied a vector at a time, at steps 2 and 4 by unzipping neighbouring
// vectors, at other short steps by picking lanes where the ISA can; edges are copied one by one,
// unless they are zeros. Only elements of the rows are read. Loads and stores bound the speed, at
// steps beyond 1 also shuffles.
#pragma once

#include "core/pack_kernels.h"
#include "simd/common.h"

namespace fastconv::FC_ISA {

// The element of a row of n that stands at place i, or -1 where it is a zero (as padded_source in
// core/conv_desc.h, which no ISA file may include). Places are at most one length beyond the row.
FC_INLINE index_t source_of(PadMode mode, index_t i, index_t n) {
  if (i >= 0 && i < n) return i;
  if (mode == PadMode::replicate) return i < 0 ? 0 : n - 1;
  if (mode == PadMode::reflect) return i < 0 ? -i : 2 * (n - 1) - i;
  if (mode == PadMode::circular) return i < 0 ? i + n : i - n;
  if (mode == PadMode::symmetric) return i < 0 ? -1 - i : 2 * n - 1 - i;
  return -1;
}

// The nearest number from 0 to `lanes`.
FC_INLINE int clamp_to(int lanes, index_t i) {
  return i < 0 ? 0 : i > lanes ? lanes : static_cast<int>(i);
}

// Whether the ISA takes the lanes of a vector that lie in another one by one instruction.
template <class V>
concept Picks = requires(V v) { pick(v, v, places(v, 3), 0); };

// A step that is known only at run time.
inline constexpr int kAnyStep = 0;

// Up to which step picking lanes is faster than copying elements. Two runs of 64 rows of 1,000
// floats take 42 us instead of 61 at step 3, 53 instead of 62 at 5, and 60 instead of 63 at 6.
template <class V>
FC_INLINE bool picks(index_t step) {
  return Picks<V> && step <= V::lanes / 3;
}

// Loads the vector of p[0], p[kStep], p[2 * kStep], ..: kStep is 1, 2 or 4, where the even elements
// of two vectors with half the step make one.
template <class V, int kStep>
struct Every {
  explicit FC_INLINE Every(index_t) {}
  index_t step() const { return kStep; }
  FC_INLINE V whole(const typename V::T* p) const { return part(p, 0, V::lanes); }
  // Reads lanes lo..hi only; the others are 0.
  static FC_INLINE V part(const typename V::T* p, int lo, int hi) {
    if constexpr (kStep == 1) {
      return V::load_mask(p, V::lanes_of(lo, hi));
    } else {
      constexpr int half = V::lanes / 2, step = kStep / 2;
      V even, odd;
      unzip(Every<V, step>::part(p, clamp_to(V::lanes, 2 * lo), clamp_to(V::lanes, 2 * hi - 1)),
            Every<V, step>::part(p + V::lanes * step, clamp_to(V::lanes, 2 * (lo - half)),
                                 clamp_to(V::lanes, 2 * (hi - half) - 1)),
            even, odd);
      return even;
    }
  }
};

// The same at any step that is not too long, by picking the lanes that lie in each vector of the
// row.
template <class V>
  requires Picks<V>
struct Every<V, kAnyStep> {
  explicit FC_INLINE Every(index_t step)
      : step_(static_cast<int>(step)),
        at_(places(V::zero(), step_)),
        end_(V::lanes_of(0, V::lanes - step_ + 1)) {}
  index_t step() const { return step_; }
  FC_INLINE V whole(const typename V::T* p) const {
    const int last = (step_ - 1) * V::lanes;
    V picked = V::zero();
    for (int done = 0; done < last; done += V::lanes)
      picked = pick(picked, V::load(p + done), at_, done);
    return pick(picked, V::load_mask(p + last, end_), at_, last);
  }
  FC_INLINE V part(const typename V::T* p, int lo, int hi) const {
    const int begin = lo * step_, end = (hi - 1) * step_ + 1;
    V picked = V::zero();
    for (int done = begin / V::lanes * V::lanes; done < end; done += V::lanes)
      picked = pick(picked,
                    V::load_mask(p + done, V::lanes_of(clamp_to(V::lanes, begin - done),
                                                       clamp_to(V::lanes, end - done))),
                    at_, done);
    return picked;
  }

 private:
  int step_;
  decltype(places(V::zero(), 0)) at_;
  typename V::Mask end_;
};

// Sets n elements to 0.
template <class V>
FC_INLINE void clear_row(typename V::T* to, index_t n) {
  index_t i = 0;
  for (; i + V::lanes <= n; i += V::lanes) V::zero().store(to + i);
  if (i < n) V::zero().store_n(to + i, static_cast<int>(n - i));
}

// Outputs from..to of a row, which lie beyond its ends.
template <class V>
FC_INLINE void gather_edge(const RowArgs<typename V::T>& r, const typename V::T* row,
                           typename V::T* dst, index_t from, index_t to) {
  if (r.mode == PadMode::zeros) return clear_row<V>(dst + from, to - from);
  for (index_t i = from; i < to; ++i)
    dst[i] = row[source_of(r.mode, r.start + i * r.step, r.width)];
}

// Which of n outputs read elements that exist: those from lo up to hi.
struct Inside {
  index_t lo, hi;
};
FC_INLINE Inside inside(index_t start, index_t step, index_t n, index_t width) {
  Inside in{0, n};  // divides only where it must: a division costs as much as a short row
  if (start < 0) in.lo = step == 1 ? -start : (-start + step - 1) / step;
  if (start + (n - 1) * step >= width)
    in.hi = start >= width ? 0 : step == 1 ? width - start : (width - start + step - 1) / step;
  if (in.lo > n) in.lo = n;
  if (in.hi < in.lo) in.hi = in.lo;
  return in;
}

// Copies rows, one after another, a vector at a time. Outputs that are not inside become 0.
template <class V, int kStep>
FC_INLINE void copy_rows(const RowArgs<typename V::T>& r, const Inside& in) {
  const Every<V, kStep> every(r.step);
  const index_t last = (r.n - 1) / V::lanes * V::lanes;
  const int rest = static_cast<int>(r.n - last);
  const auto part = [&](const typename V::T* from, index_t i) __attribute__((always_inline)) {
    return every.part(from + i * every.step(), clamp_to(V::lanes, in.lo - i),
                      clamp_to(V::lanes, in.hi - i));
  };
  const auto* from = r.row + r.start;
  auto* to = r.dst;
  for (index_t row = 0; row < r.rows; ++row, from += r.row_step, to += r.dst_step) {
    index_t i = 0;
    for (; i < last; i += V::lanes)
      if (i >= in.lo && i + V::lanes <= in.hi)
        every.whole(from + i * every.step()).store(to + i);
      else
        part(from, i).store(to + i);
    part(from, i).store_n(to + i, rest);
  }
}

// The same at another step, if that is faster than copying elements; else returns false.
template <class V>
FC_INLINE bool copy_rows_at_any_step(const RowArgs<typename V::T>& r, const Inside& in) {
  if constexpr (Picks<V>)
    if (picks<V>(r.step)) return copy_rows<V, kAnyStep>(r, in), true;
  return false;
}

// Gathers the rows of one channel, row by row.
template <class V>
FC_INLINE void gather_long(const RowArgs<typename V::T>& r) {
  const Inside in = inside(r.start, r.step, r.n, r.width);
  bool vectors = true;
  if (r.step == 1)
    copy_rows<V, 1>(r, in);
  else if (r.step == 2)
    copy_rows<V, 2>(r, in);
  else if (r.step == 4)
    copy_rows<V, 4>(r, in);
  else
    vectors = copy_rows_at_any_step<V>(r, in);
  if (vectors && (r.mode == PadMode::zeros || in.hi - in.lo == r.n)) return;
  const auto* row = r.row;
  auto* dst = r.dst;
  for (index_t i = 0; i < r.rows; ++i, row += r.row_step, dst += r.dst_step) {
    gather_edge<V>(r, row, dst, 0, in.lo);
    if (!vectors)
      for (index_t j = in.lo; j < in.hi; ++j) dst[j] = row[r.start + j * r.step];
    gather_edge<V>(r, row, dst, in.hi, r.n);
  }
}

// Calls f(row, dst) for every row of dst of every channel, column `from` of the row and column `to`
// of dst being where they begin; `row` is null where dst is to be a row of zeros.
template <class T, class F>
FC_INLINE void each_row(const RowArgs<T>& r, index_t from, index_t to, const F& f) {
  for (index_t c = 0; c < r.channels; ++c) {
    const T* row = r.row + c * r.channel_step + from;
    T* dst = r.dst + c * r.dst_channel + to;
    for (index_t i = 0; i < r.above; ++i, dst += r.dst_step) f(static_cast<const T*>(nullptr), dst);
    for (index_t i = 0; i < r.rows; ++i, row += r.row_step, dst += r.dst_step) f(row, dst);
    for (index_t i = 0; i < r.below; ++i, dst += r.dst_step) f(static_cast<const T*>(nullptr), dst);
  }
}

// Gathers one vector of every row, the outputs from `first` on. Its lanes lo..hi lie inside, and
// `room` of its lanes may be written.
template <class V, int kStep>
FC_INLINE void copy_column(const RowArgs<typename V::T>& r, index_t first, int lo, int hi,
                           int room) {
  using T = typename V::T;
  const Every<V, kStep> every(r.step);
  const auto load = [&](const T* row) __attribute__((always_inline)) {
    return row ? every.part(row, lo, hi) : V::zero();
  };
  const index_t from = r.start + first * every.step();
  if (room == V::lanes)
    each_row(r, from, first,
             [&](const T* row, T* to) __attribute__((always_inline)) { load(row).store(to); });
  else
    each_row(r, from, first, [&](const T* row, T* to) __attribute__((always_inline)) {
      load(row).store_n(to, room);
    });
}

// The same for a step that is known at run time.
template <class V>
FC_INLINE void copy_column(const RowArgs<typename V::T>& r, index_t first, int lo, int hi,
                           int room) {
  using T = typename V::T;
  if (r.step == 1) return copy_column<V, 1>(r, first, lo, hi, room);
  if (r.step == 2) return copy_column<V, 2>(r, first, lo, hi, room);
  if (r.step == 4) return copy_column<V, 4>(r, first, lo, hi, room);
  if constexpr (Picks<V>)
    if (picks<V>(r.step)) return copy_column<V, kAnyStep>(r, first, lo, hi, room);
  each_row(r, r.start + first * r.step, first,
           [&](const T* row, T* to) __attribute__((always_inline)) {
             if (!row || hi - lo < room) V::zero().store_n(to, room);
             for (int j = lo; row && j < hi; ++j) to[j] = row[j * r.step];
           });
}

// Gathers vector by vector, each for all rows, so that what lies outside is found once for all of
// them. Up to `room` elements of a row of dst may be written; those beyond the n that are wanted
// become 0 or stay as they are.
template <class V>
FC_INLINE void gather_short(const RowArgs<typename V::T>& r, index_t room) {
  for (index_t first = 0; first < r.n; first += V::lanes) {
    const int n = clamp_to(V::lanes, r.n - first);
    const Inside in = inside(r.start + first * r.step, r.step, n, r.width);
    const int lo = static_cast<int>(in.lo), hi = static_cast<int>(in.hi);
    copy_column<V>(r, first, lo, hi, clamp_to(V::lanes, room - first));
    if (r.mode == PadMode::zeros || hi - lo == n) continue;
    const auto* row = r.row;
    auto* dst = r.dst + first;
    for (index_t i = 0; i < r.rows; ++i, row += r.row_step, dst += r.dst_step) {
      gather_edge<V>(r, row, dst - first, first, first + lo);
      gather_edge<V>(r, row, dst - first, first + hi, first + n);
    }
  }
}

// Short rows go vector by vector, which takes 7 cycles a vector instead of 10 for rows of 28
// columns at stride 2; but 7.5 instead of 6 for rows of 56, and so longer ones go row by row.
template <class V>
void gather_rows(const RowArgs<typename V::T>& r) noexcept {
  if (r.rows > 1 && r.n <= (r.step == 1 ? 2 : 4) * V::lanes) return gather_short<V>(r, r.n);
  for (index_t c = 0; c < r.channels; ++c) {
    RowArgs<typename V::T> one = r;
    one.row += c * r.channel_step, one.dst += c * r.dst_channel;
    for (index_t i = 0; i < r.above; ++i, one.dst += r.dst_step) clear_row<V>(one.dst, r.n);
    if (r.rows > 0) gather_long<V>(one);
    one.dst += r.rows * r.dst_step;
    for (index_t i = 0; i < r.below; ++i, one.dst += r.dst_step) clear_row<V>(one.dst, r.n);
  }
}

// Packs one tap of each of the channels from c on, for all pixels of the panel. To gather_short the
// channels are rows. The last vector of a segment may be stored whole, because the next segment
// then overwrites what does not belong there: hence segments go from left to right.
template <class V>
FC_INLINE void pack_tap(const PackArgs<typename V::T>& a, const Tap& th, const Tap& tw, index_t c,
                        index_t channels, typename V::T* dst, index_t step) {
  const index_t plane = a.h.in * a.w.in;
  index_t filled = 0;
  for (index_t s = 0; s < a.n_segments; ++s) {
    const RowSegment& seg = a.segments[s];
    const index_t ih = source_of(a.mode, seg.oh * a.h.step + th.offset, a.h.in);
    gather_short<V>(
        {.row = a.image + seg.image * a.image_step + c * plane + (ih < 0 ? 0 : ih) * a.w.in,
         .width = ih < 0 ? 0 : a.w.in,
         .start = seg.ow * a.w.step + tw.offset,
         .step = a.w.step,
         .n = seg.n,
         .mode = a.mode,
         .dst = dst + seg.dst,
         .rows = channels,
         .row_step = plane,
         .dst_step = step},
        a.width - seg.dst);
    filled = seg.dst + (seg.n + V::lanes - 1) / V::lanes * V::lanes;
  }
  for (; filled < a.width; filled += V::lanes)
    for (index_t i = 0; i < channels; ++i)
      V::zero().store_n(dst + i * step + filled, clamp_to(V::lanes, a.width - filled));
}

// Goes through some channels at a time, tap after tap.
template <class V>
void pack_panel(const PackArgs<typename V::T>& a) noexcept {
  constexpr index_t kChannels = 64;  // so many pages stay in the TLB from tap to tap
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
