// SPDX-License-Identifier: MIT
// Weighted sums of places for image filters (core/filter_kernels.h), and the conversions of the
// elements of images. Lanes are neighbouring columns.
//
//     weigh           loads bound it: one or two vectors for each term of a vector of results, of
//                     which those along a row are not aligned
//     weigh_plane     four rows of results at a time, so that a vector that is loaded serves up to
//                     four of them: multiplications bound it
//     join_columns    likewise, with three joins for each of four results, whatever the height
#pragma once

#include "core/filter_kernels.h"
#include "kernels/pool.h"
#include "simd/vec_integers.h"

namespace fastconv::FC_ISA {

// U vectors of results of one row, from column i on, of which the last has `here` lanes.
template <class V, Places PLACES, bool EXACT, int U>
FC_INLINE void weigh_part(const WeighRows<typename V::T>& a, const typename V::T* x,
                          typename V::T* y, index_t here) {
  const auto add = [](V weight, V value, V acc) __attribute__((always_inline)) {
    return EXACT ? acc + weight * value : fma(weight, value, acc);
  };
  V acc[U];
  const V centre = V::splat(a.weights[0]);
  FC_UNROLL for (int u = 0; u < U; ++u) acc[u] =
      centre * load_some<V>(x + a.first[0] + u * V::lanes, here);
  for (index_t t = 1; t < a.terms; ++t) {
    const V weight = V::splat(a.weights[t]);
    const auto* first = x + a.first[t];
    if constexpr (PLACES == Places::one) {
      FC_UNROLL for (int u = 0; u < U; ++u) acc[u] =
          add(weight, load_some<V>(first + u * V::lanes, here), acc[u]);
    } else {
      const auto* second = x + a.second[t];
      FC_UNROLL for (int u = 0; u < U; ++u) {
        const V one = load_some<V>(first + u * V::lanes, here);
        const V two = load_some<V>(second + u * V::lanes, here);
        acc[u] = add(weight, PLACES == Places::sum ? one + two : one - two, acc[u]);
      }
    }
  }
  FC_UNROLL for (int u = 0; u < U; ++u) store_some(acc[u], y + u * V::lanes, here);
}

template <class V, Places PLACES, bool EXACT>
void weigh(const WeighRows<typename V::T>& a) noexcept {
  constexpr index_t kLanes = V::lanes;
  for (index_t r = 0; r < a.rows; ++r) {
    const auto* x = a.x + r * a.x_row;
    auto* y = a.y + r * a.y_row;
    index_t i = 0;
    for (; i + 4 * kLanes <= a.n; i += 4 * kLanes)
      weigh_part<V, PLACES, EXACT, 4>(a, x + i, y + i, kLanes);
    for (; i + kLanes <= a.n; i += kLanes) weigh_part<V, PLACES, EXACT, 1>(a, x + i, y + i, kLanes);
    if (i < a.n) weigh_part<V, PLACES, EXACT, 1>(a, x + i, y + i, a.n - i);
  }
}

// Calls place(p, serves) for the places p of a column that ROWS rows of results read, where
// serves(r) tells whether row r does: place p is number p - r of its window of `height` >= ROWS
// - 1.
template <int ROWS, class F>
FC_INLINE void each_place(index_t height, const F& place) {
  FC_UNROLL for (int p = 0; p < ROWS - 1; ++p) place(p, [p](int r) { return r <= p; });
  for (index_t p = ROWS - 1; p < height; ++p) place(p, [](int) { return true; });
  FC_UNROLL for (int q = 0; q < ROWS - 1; ++q) place(height + q, [q](int r) { return r > q; });
}

// a * b + c of integers, which wraps.
template <class Integer, int BYTES>
FC_INLINE VecInteger<Integer, BYTES> fma(VecInteger<Integer, BYTES> a, VecInteger<Integer, BYTES> b,
                                         VecInteger<Integer, BYTES> c) {
  typedef typename UnsignedOf<sizeof(Integer)>::T Wrapping __attribute__((vector_size(BYTES)));
  const auto product = reinterpret_cast<Wrapping>(a.v) * reinterpret_cast<Wrapping>(b.v);
  using Reg = typename VecInteger<Integer, BYTES>::Reg;
  return {reinterpret_cast<Reg>(product + reinterpret_cast<Wrapping>(c.v))};
}

// ROWS rows by U vectors of results.
template <class V, int ROWS, int U>
FC_INLINE void weigh_tile(const WeighPlane<typename V::T>& a, const typename V::T* x,
                          typename V::T* y, index_t here) {
  V acc[ROWS][U];
  FC_UNROLL for (int r = 0; r < ROWS; ++r) FC_UNROLL for (int u = 0; u < U; ++u) acc[r][u] =
      V::zero();
  for (index_t q = 0; q < a.width; ++q) {
    const auto* column = x + q * a.step;
    const auto* weights = a.weights + q * a.height;
    each_place<ROWS>(a.height, [&](index_t p, auto serves) __attribute__((always_inline)) {
      V value[U];
      FC_UNROLL for (int u = 0; u < U; ++u) value[u] =
          load_some<V>(column + p * a.x_row + u * V::lanes, here);
      FC_UNROLL for (int r = 0; r < ROWS; ++r) if (serves(r)) {
        const V weight = V::splat(weights[p - r]);
        FC_UNROLL for (int u = 0; u < U; ++u) acc[r][u] = fma(weight, value[u], acc[r][u]);
      }
    });
  }
  FC_UNROLL for (int r = 0; r < ROWS; ++r) FC_UNROLL for (int u = 0; u < U; ++u)
      store_some(acc[r][u], y + r * a.y_row + u * V::lanes, here);
}

// Calls tile.operator()<ROWS, U>(r, i, here) for tiles that cover `rows` rows of n columns: of four
// rows where windows are at least three long, and of two vectors.
template <class V, class F>
FC_INLINE void each_tile(index_t rows, index_t n, index_t height, const F& tile) {
  constexpr index_t kLanes = V::lanes;
  const auto row = [&]<int ROWS>(index_t r) __attribute__((always_inline)) {
    index_t i = 0;
    for (; i + 2 * kLanes <= n; i += 2 * kLanes) tile.template operator()<ROWS, 2>(r, i, kLanes);
    for (; i + kLanes <= n; i += kLanes) tile.template operator()<ROWS, 1>(r, i, kLanes);
    if (i < n) tile.template operator()<ROWS, 1>(r, i, n - i);
  };
  index_t r = 0;
  if (height >= 3)
    for (; r + 4 <= rows; r += 4) row.template operator()<4>(r);
  for (; r < rows; ++r) row.template operator()<1>(r);
}

template <class V>
void weigh_plane(const WeighPlane<typename V::T>& a) noexcept {
  each_tile<V>(a.rows, a.n, a.height,
               [&]<int ROWS, int U>(index_t r, index_t i, index_t here)
                   __attribute__((always_inline)) {
                     weigh_tile<V, ROWS, U>(a, a.x + r * a.x_row + i, a.y + r * a.y_row + i, here);
                   });
}

// What all of ROWS windows share is joined once; then the ends of the first windows are joined
// upwards, and the beginnings of the last downwards.
template <class Op, class V, int ROWS, int U>
FC_INLINE void join_tile(const JoinColumns<typename V::T>& a, const typename V::T* x,
                         typename V::T* y, index_t here) {
  constexpr int kEnd = ROWS - 1;
  FC_UNROLL for (int u = 0; u < U; ++u) {
    const auto at = [&](index_t p) __attribute__((always_inline)) {
      return load_some<V>(x + p * a.x_row + u * V::lanes, here);
    };
    V ends[ROWS], shared = at(kEnd);
    for (index_t p = ROWS; p < a.height; ++p) shared = Op::join(shared, at(p));
    ends[kEnd] = shared;
    FC_UNROLL for (int r = kEnd - 1; r >= 0; --r) ends[r] =
        r == kEnd - 1 ? at(r) : Op::join(at(r), ends[r + 1]);
    V beginning = shared;
    FC_UNROLL for (int r = 0; r < ROWS; ++r) {
      if (r == 1) beginning = at(a.height);
      if (r > 1) beginning = Op::join(beginning, at(a.height + r - 1));
      V all = r == kEnd ? shared : Op::join(ends[r], shared);
      if (r > 0) all = Op::join(all, beginning);
      store_some(all, y + r * a.y_row + u * V::lanes, here);
    }
  }
}

template <class Op, class V>
void join_columns(const JoinColumns<typename V::T>& a) noexcept {
  each_tile<V>(
      a.rows, a.n, a.height - 1,
      [&]<int ROWS, int U>(index_t r, index_t i, index_t here) __attribute__((always_inline)) {
        join_tile<Op, V, ROWS, U>(a, a.x + r * a.x_row + i, a.y + r * a.y_row + i, here);
      });
}

template <class Op, class V>
void join_rows(const JoinRows<typename V::T>& a) noexcept {
  constexpr index_t kLanes = V::lanes;
  for (index_t r = 0; r < a.rows; ++r) {
    const auto* x = a.x + r * a.x_row;
    auto* y = a.y + r * a.y_row;
    const auto join = [&](index_t i, index_t here) __attribute__((always_inline)) {
      V all = load_some<V>(x + i, here);
      for (index_t q = 1; q < a.width; ++q)
        all = Op::join(all, load_some<V>(x + i + q * a.step, here));
      store_some(all, y + i, here);
    };
    index_t i = 0;
    for (; i + kLanes <= a.n; i += kLanes) join(i, kLanes);
    if (i < a.n) join(i, a.n - i);
  }
}

// Eight neighbouring results of make_sure, in the compiler's own vectors: there are no conversions
// between VecF32 and VecF64, and of loops over arrays the compiler keeps the sums in memory.
inline constexpr index_t kBlock = 8;
typedef float FloatBlock __attribute__((vector_size(32), aligned(4), may_alias));
typedef double DoubleBlock __attribute__((vector_size(64)));

// Computes U blocks of results again, in double, and cuts them: result y[i[u]] and those behind it.
template <Places PLACES, int U>
FC_INLINE void weigh_blocks(const SureSums& a, const float* x, float* y, const index_t (&i)[U]) {
  const auto& s = a.sums;
  // Returned by value, vectors wider than the ISA's would not have one ABI.
  const auto read = [x](index_t place, DoubleBlock& to) __attribute__((always_inline)) {
    to = __builtin_convertvector(*reinterpret_cast<const FloatBlock*>(x + place), DoubleBlock);
  };
  DoubleBlock acc[U], one, two;
  FC_UNROLL for (int u = 0; u < U; ++u) {
    read(i[u] + s.first[0], one);
    acc[u] = a.weights[0] * one;
  }
  for (index_t t = 1; t < s.terms; ++t) {
    const double weight = a.weights[t];
    FC_UNROLL for (int u = 0; u < U; ++u) {
      read(i[u] + s.first[t], one);
      if constexpr (PLACES != Places::one) {
        read(i[u] + s.second[t], two);
        one = PLACES == Places::sum ? one + two : one - two;
      }
      acc[u] += weight * one;
    }
  }
  FC_UNROLL for (int u = 0; u < U; ++u) {
    float* to = y + i[u];
    for (index_t k = 0; k < kBlock; ++k)
      to[k] = static_cast<float>(static_cast<std::int32_t>(acc[u][k]));
  }
}

// The same of a single result.
FC_INLINE void weigh_again(const SureSums& a, const float* x, float* y) {
  const auto& s = a.sums;
  double acc = a.weights[0] * static_cast<double>(x[s.first[0]]);
  for (index_t t = 1; t < s.terms; ++t) {
    double value = static_cast<double>(x[s.first[t]]);
    if (a.places == Places::sum) value += static_cast<double>(x[s.second[t]]);
    if (a.places == Places::difference) value -= static_cast<double>(x[s.second[t]]);
    acc += a.weights[t] * value;
  }
  *y = static_cast<float>(static_cast<std::int32_t>(acc));
}

// Whether any sum of a block is not sure. Where no weight is negative, 0 is a sum of zeros.
FC_INLINE bool has_doubts(const SureSums& a, const float* y) {
  const FloatBlock sums = *reinterpret_cast<const FloatBlock*>(y);
  const FloatBlock off = sums - ((sums + 0x1.8p23f) - 0x1.8p23f);
  auto doubts = (off < a.error) & (off > -a.error);
  if (a.positive) doubts &= sums != 0;
  typedef std::int64_t Words __attribute__((vector_size(32)));
  const auto words = reinterpret_cast<Words>(doubts);
  return ((words[0] | words[1]) | (words[2] | words[3])) != 0;
}

// Of each 64 sums it is asked first whether any is in doubt; of weights that are not made for it,
// few are. Blocks in doubt are computed two at a time, since each sum waits for the one before.
template <class V, Places PLACES>
FC_INLINE void make_sure_of_row(const SureSums& a, const float* x, float* y) {
  constexpr index_t kMany = 64;
  const V magic = V::splat(0x1.8p23f), one = V::splat(1), none = V::zero();
  const V error = V::splat(a.error);
  index_t i = 0, waiting = -1;
  const auto block = [&](index_t at) __attribute__((always_inline)) {
    if (!has_doubts(a, y + at)) return;
    if (waiting >= 0) {
      weigh_blocks<PLACES, 2>(a, x, y, {waiting, at});
      waiting = -1;
    } else {
      waiting = at;
    }
  };
  for (; i + kMany <= a.sums.n; i += kMany) {
    V doubts = none;
    FC_UNROLL for (index_t j = 0; j < kMany; j += V::lanes) {
      const V sum = V::load(y + i + j), near = (sum + magic) - magic;
      doubts = select(less(abs(sum - near), error), one, doubts);
    }
    if (doubts.sum() > 0)
      for (index_t j = 0; j < kMany; j += kBlock) block(i + j);
  }
  for (; i + kBlock <= a.sums.n; i += kBlock) block(i);
  if (waiting >= 0) weigh_blocks<PLACES, 1>(a, x, y, {waiting});
  for (; i < a.sums.n; ++i) weigh_again(a, x + i, y + i);
}

template <class V>
void make_sure(const SureSums& a) noexcept {
  for (index_t r = 0; r < a.sums.rows; ++r) {
    const float* x = a.sums.x + r * a.sums.x_row;
    float* y = a.sums.y + r * a.sums.y_row;
    if (a.places == Places::one)
      make_sure_of_row<V, Places::one>(a, x, y);
    else if (a.places == Places::sum)
      make_sure_of_row<V, Places::sum>(a, x, y);
    else
      make_sure_of_row<V, Places::difference>(a, x, y);
  }
}

template <class T, class From>
void widen(const void* x, index_t n, T* __restrict y) noexcept {
  const auto* from = static_cast<const From*>(x);
  for (index_t i = 0; i < n; ++i) y[i] = static_cast<T>(from[i]);
}

// A sum as an integer.
template <class T>
FC_INLINE std::int32_t cut(T sum) {
  constexpr T kLeast = static_cast<T>(-2147483648.0), kMost = static_cast<T>(2147483520.0);
  const T above = sum > kLeast ? sum : kLeast;  // a NaN becomes the least
  return static_cast<std::int32_t>(above < kMost ? above : kMost);
}

template <class T, class To>
void narrow(const T* x, index_t n, [[maybe_unused]] T bias, void* y) noexcept {
  auto* __restrict to = static_cast<To*>(y);
  if constexpr (static_cast<To>(0.5) != 0)
    for (index_t i = 0; i < n; ++i) to[i] = static_cast<To>(x[i]);
  else
    for (index_t i = 0; i < n; ++i) to[i] = static_cast<To>(cut(x[i] + bias));
}

// As narrow and widen. In vectors of the compiler's own: a loop over `cut` becomes branches, since
// a conversion to an integer may trap.
template <class T, class To>
void settle(T* x, index_t n, T bias) noexcept {
  constexpr index_t kMany = 16;
  typedef T Reals __attribute__((vector_size(kMany * sizeof(T))));
  typedef T Unaligned
      __attribute__((vector_size(kMany * sizeof(T)), aligned(alignof(T)), may_alias));
  typedef std::int32_t Integers __attribute__((vector_size(kMany * 4)));
  constexpr T kLeast = static_cast<T>(-2147483648.0), kMost = static_cast<T>(2147483520.0);
  constexpr int kSpare = 32 - 8 * static_cast<int>(sizeof(To));
  constexpr bool kSigned = static_cast<To>(-1) < 0;
  const Reals least = Reals{} + kLeast, most = Reals{} + kMost;
  index_t i = 0;
  for (; i + kMany <= n; i += kMany) {
    auto* at = reinterpret_cast<Unaligned*>(x + i);
    Reals sums = *at + bias;
    sums = sums > least ? sums : least;  // a NaN becomes the least
    sums = sums < most ? sums : most;
    Integers whole = __builtin_convertvector(sums, Integers);
    if constexpr (kSigned)
      whole = (whole << kSpare) >> kSpare;
    else
      whole &= static_cast<std::int32_t>(0xffffffffu >> kSpare);
    *at = __builtin_convertvector(whole, Reals);
  }
  for (; i < n; ++i) x[i] = static_cast<T>(static_cast<To>(cut(x[i] + bias)));
}

template <class V>
consteval FilterKernels<typename V::T> make_filters() {
  using T = typename V::T;
  return {
      .weigh = &weigh<V, Places::one, false>,
      .weigh_exactly = {&weigh<V, Places::one, true>, &weigh<V, Places::sum, true>,
                        &weigh<V, Places::difference, true>},
      .weigh_plane = &weigh_plane<V>,
      .widen = {&widen<T, std::uint8_t>, &widen<T, std::int16_t>, &widen<T, std::uint16_t>,
                &widen<T, float>, &widen<T, double>},
      .narrow = {&narrow<T, std::uint8_t>, &narrow<T, std::int16_t>, &narrow<T, std::uint16_t>,
                 &narrow<T, float>, &narrow<T, double>},
      .settle = {&settle<T, std::uint8_t>, &settle<T, std::int16_t>, &settle<T, std::uint16_t>}};
}

template <class V>
consteval JoinKernels<typename V::T> make_joins() {
  return {.columns = {&join_columns<Largest<TakeAsIs>, V>, &join_columns<Smallest, V>},
          .rows = {&join_rows<Largest<TakeAsIs>, V>, &join_rows<Smallest, V>}};
}

// Vectors of integers have BYTES bytes.
template <class V32, class V64, int BYTES>
consteval FilterTable make_filter_table() {
  return {make_joins<V32>(),
          make_joins<V64>(),
          make_joins<VecInteger<std::uint8_t, BYTES>>(),
          make_joins<VecInteger<std::int16_t, BYTES>>(),
          make_joins<VecInteger<std::uint16_t, BYTES>>(),
          {&weigh_plane<VecInteger<std::uint8_t, BYTES>>},
          {&weigh_plane<VecInteger<std::int16_t, BYTES>>},
          {&weigh_plane<VecInteger<std::uint16_t, BYTES>>},
          make_filters<V32>(),
          make_filters<V64>(),
          &make_sure<V32>};
}

}  // namespace fastconv::FC_ISA
