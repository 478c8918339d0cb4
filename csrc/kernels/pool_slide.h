// SPDX-License-Identifier: MIT
// Pools over windows of any length (core/slide_kernels.h), after van Herk, Gil and Werman. A line
// of rows is cut into blocks as long as a window, so that a window is the end of one block and the
// beginning of the next:
//
//     blocks      |0 1 2 3 4 5|6 7 8 9 . .|
//     window           [3 4 5 6 7 8]          = the end 3 4 5 joined with the beginning 6 7 8
//
// First the ends of a block are joined from its last row upwards and kept; then its successor's
// beginnings downwards, each of which completes a window. That is three joins for each row and
// window, however long they are. Nothing is ever subtracted, so that sums do not drift, and an
// infinity or a NaN reaches its windows alone.
//
// Along a line of neighbouring elements, the lanes are neighbours, too. First each element becomes
// the join of the 4, then 16, .. elements from it on: so many that as many windows lie side by side
// in one row of a matrix, down which they slide:
//
//     line of 16 elements each     [0-15 1-16 2-17 .. 15-30]        row 0
//                                  [16-31 17-32 ..         ]        row 1
//     window 2 of 48 elements         2-17, 18-33, 34-49 in one column
#pragma once

#include "core/slide_kernels.h"
#include "kernels/pool.h"

namespace fastconv::FC_ISA {

// What is joined: elements alone, or elements with their places.
template <class Op, class Vec, bool ADDS>
struct Alone {
  using V = Vec;
  using T = typename V::T;
  static constexpr bool kAdds = ADDS;
  static constexpr bool kRounds = kAdds && static_cast<T>(0.5) != 0;  // sums of integers are exact
  using E = V;
  static FC_INLINE E load(const Cells<T>& c, index_t at, index_t n, index_t) {
    return load_some<V>(c.values + at, n);
  }
  static FC_INLINE void store(E e, const Cells<T>& c, index_t at, index_t n) {
    store_some(e, c.values + at, n);
  }
  static FC_INLINE E join(E first, E second) { return Op::join(first, second); }
  static FC_INLINE E fill(T none) { return V::splat(none); }
};

// The bits of an integer as wide as T.
template <class T>
FC_INLINE T place_bits(index_t place) {
  if constexpr (sizeof(T) == 4) {
    const auto narrow = static_cast<std::int32_t>(place);
    return __builtin_bit_cast(T, narrow);
  } else {
    const auto wide = static_cast<std::int64_t>(place);
    return __builtin_bit_cast(T, wide);
  }
}

template <bool SMALLEST, class Vec>
struct Placed {
  using V = Vec;
  using T = typename V::T;
  static constexpr bool kAdds = false, kRounds = false;
  struct E {
    V value, place;
  };
  static FC_INLINE E load(const Cells<T>& c, index_t at, index_t n, index_t place) {
    return {load_some<V>(c.values + at, n),
            c.places ? load_some<V>(c.places + at, n) : V::splat(place_bits<T>(place))};
  }
  static FC_INLINE void store(E e, const Cells<T>& c, index_t at, index_t n) {
    store_some(e.value, c.values + at, n);
    store_some(e.place, c.places + at, n);
  }
  // The second of the two where it is better: larger (or smaller), or NaN.
  static FC_INLINE E join(E first, E second) {
    const auto won =
        SMALLEST ? undercuts(first.value, second.value) : exceeds(first.value, second.value);
    return {select(won, second.value, first.value), select(won, second.place, first.place)};
  }
  static FC_INLINE E fill(T none) { return {V::splat(none), V::splat(none)}; }
};

// Rows that are joined one after the other. Long sums are added up in three levels, so that their
// errors grow with some 128 rows, and not with all of them.
template <class P, int U>
struct Chain {
  using E = typename P::E;
  E now[U], some[U], most[U], held[U];
  index_t rows = 0;

  FC_INLINE Chain() {
    FC_UNROLL for (int u = 0; u < U; ++u) now[u] = some[u] = most[u] = held[u] = P::fill({});
  }

  // Adds a row whose vectors are load(u): behind those that are joined, or before them.
  template <bool BEFORE, class Load>
  FC_INLINE void add(const Load& load) {
    constexpr index_t kLevel = 64;
    FC_UNROLL for (int u = 0; u < U; ++u) {
      const E x = load(u);
      if (rows == 0 || (P::kRounds && rows % kLevel == 0))
        now[u] = x;
      else
        now[u] = BEFORE ? P::join(x, now[u]) : P::join(now[u], x);
    }
    ++rows;
    if constexpr (P::kRounds)
      if (rows % kLevel == 0) fold(kLevel);
  }
  FC_INLINE E joined(int u) const {
    if constexpr (P::kRounds)
      if (rows >= 64) return rows % 64 == 0 ? held[u] : P::join(held[u], now[u]);
    return now[u];
  }

 private:
  FC_INLINE void fold(index_t level) {
    const index_t folds = rows / level;
    FC_UNROLL for (int u = 0; u < U; ++u) {
      some[u] = folds % level == 1 ? now[u] : P::join(some[u], now[u]);
      held[u] = folds > level ? P::join(most[u], some[u]) : some[u];
      if (folds % level == 0) most[u] = held[u];
    }
  }
};

// The windows of a strip of U vectors of columns, from column c on; n of its columns exist.
template <class P, int U>
FC_INLINE void slide_strip(const SlideRows<typename P::T>& a, index_t c, index_t n) {
  constexpr index_t kLanes = P::V::lanes;
  const index_t here = U > 1 ? kLanes : n;
  const auto clip = [&](index_t p) { return p < 0 ? 0 : p < a.rows ? p : a.rows; };
  const auto row = [&](index_t p) {
    const index_t place = a.first_place + p * a.place_step;
    return [&a, c, p, here, place](int u) {
      return P::load(a.x, p * a.x_row + c + u * kLanes, here, place);
    };
  };
  const index_t in_block = (a.kernel + a.stride - 1) / a.stride;
  for (index_t o = 0; o < a.windows; o += in_block) {
    const index_t windows = a.windows - o < in_block ? a.windows - o : in_block;
    const index_t start = a.start + o * a.stride, stop = start + a.kernel, middle = clip(stop);
    Chain<P, U> end;
    index_t p = middle - 1;
    for (index_t j = windows - 1; j >= 0; --j) {
      for (const index_t q = clip(start + j * a.stride); p >= q; --p)
        end.template add<true>(row(p));
      if (end.rows > 0)
        FC_UNROLL for (int u = 0; u < U; ++u)
            P::store(end.joined(u), a.ends, (j * U + u) * kLanes, kLanes);
    }
    Chain<P, U> beginning;
    p = middle;
    for (index_t j = 0; j < windows; ++j) {
      for (const index_t q = clip(stop + j * a.stride); p < q; ++p)
        beginning.template add<false>(row(p));
      const bool has_end = clip(start + j * a.stride) < middle;
      FC_UNROLL for (int u = 0; u < U; ++u) {
        auto y = P::fill(a.none);
        if (has_end) y = P::load(a.ends, (j * U + u) * kLanes, kLanes, 0);
        if (beginning.rows > 0) y = has_end ? P::join(y, beginning.joined(u)) : beginning.joined(u);
        P::store(y, a.y, (o + j) * a.y_row + c + u * kLanes, here);
      }
    }
  }
}

template <class P>
void slide_rows(const SlideRows<typename P::T>& a) noexcept {
  constexpr index_t kLanes = P::V::lanes;
  index_t c = 0;
  for (; c + 4 * kLanes <= a.columns; c += 4 * kLanes) slide_strip<P, 4>(a, c, kLanes);
  for (; c + kLanes <= a.columns; c += kLanes) slide_strip<P, 1>(a, c, kLanes);
  // Some columns are computed twice, if there are enough for a whole vector.
  if (c < a.columns && c > 0) slide_strip<P, 1>(a, a.columns - kLanes, kLanes);
  if (c < a.columns && c == 0) slide_strip<P, 1>(a, 0, a.columns);
}

// to[i] = x[i] joined with x[i + step], .. of `taps` elements, and with behind[i] if that is not
// null, for i in first..end and up to the next whole vector. `to` may be x.
template <class P>
FC_INLINE void join_ahead(const Cells<typename P::T>& x, index_t first, index_t end, index_t taps,
                          index_t step, const typename P::T* behind,
                          const Cells<typename P::T>& to) {
  constexpr index_t kLanes = P::V::lanes;
  for (index_t i = first; i < end; i += kLanes) {
    auto acc = P::load(x, i, kLanes, 0);
    for (index_t t = 1; t < taps; ++t) acc = P::join(acc, P::load(x, i + t * step, kLanes, 0));
    if (behind) acc = P::join(acc, P::load({const_cast<typename P::T*>(behind)}, i, kLanes, 0));
    P::store(acc, to, i, kLanes);
  }
}

template <class P>
void slide_line(const SlideLine<typename P::T>& a) noexcept {
  using T = typename P::T;
  const index_t size = a.n + (a.kernel - 1) * a.step;
  index_t joined = 1;  // elements of which each element of x is the join, by now
  index_t behind = 0;  // elements of which each element of `rest` is the join
  for (; joined < a.joined; joined *= 4) {
    const index_t apart = joined * a.step, taps = a.kernel / joined % 4;
    if (P::kAdds && taps > 0) {
      join_ahead<P>(a.x, 0, size, taps, apart, behind > 0 ? a.rest + taps * apart : nullptr,
                    {a.rest});
      behind += taps * joined;
    }
    join_ahead<P>(a.x, 0, size, 4, apart, nullptr, a.x);
  }
  const index_t taps = a.kernel / joined, apart = joined * a.step;
  if (taps <= 4) {
    join_ahead<P>(a.x, 0, a.n, taps, apart, nullptr, a.y);
  } else {
    const index_t windows = (a.n + apart - 1) / apart;
    slide_rows<P>({.x = a.x,
                   .x_row = apart,
                   .rows = windows + taps - 1,
                   .columns = apart < a.n ? apart : a.n,
                   .windows = windows,
                   .kernel = taps,
                   .stride = 1,
                   .start = 0,
                   .none = T{},
                   .first_place = 0,
                   .place_step = 0,
                   .ends = a.ends,
                   .y = a.y,
                   .y_row = apart});
  }
  if (taps * joined == a.kernel) return;
  // What is left of a window: an extreme may take elements twice, a total has the join of the rest.
  const index_t last = P::kAdds ? taps * apart : (a.kernel - joined) * a.step;
  Cells<T> left = P::kAdds ? Cells<T>{a.rest + last} : Cells<T>{a.x.values + last};
  if (!P::kAdds && a.x.places) left.places = a.x.places + last;
  for (index_t i = 0; i < a.n; i += P::V::lanes)
    P::store(P::join(P::load(a.y, i, P::V::lanes, 0), P::load(left, i, P::V::lanes, 0)), a.y, i,
             P::V::lanes);
}

template <class V>
consteval SlideKernels<typename V::T> make_slides() {
  return {.rows = {&slide_rows<Alone<Largest<TakeAsIs>, V, false>>,
                   &slide_rows<Alone<Smallest, V, false>>,
                   &slide_rows<Alone<Total<TakeAsIs>, V, true>>},
          .line = {&slide_line<Alone<Largest<TakeAsIs>, V, false>>,
                   &slide_line<Alone<Smallest, V, false>>,
                   &slide_line<Alone<Total<TakeAsIs>, V, true>>}};
}
template <class V>
consteval PlaceKernels<typename V::T> make_places() {
  return {.rows = {&slide_rows<Placed<false, V>>, &slide_rows<Placed<true, V>>},
          .line = {&slide_line<Placed<false, V>>, &slide_line<Placed<true, V>>}};
}

}  // namespace fastconv::FC_ISA
