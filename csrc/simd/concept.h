// SPDX-License-Identifier: MIT
// What every vector type offers to kernels: the contracts of its operations. A kernel is a template
// over a Vector; an ISA is a header that defines VecF32 and VecF64 (vec_*.h), each of which must
// satisfy the concept. It is checked at compile time and leaves nothing in an object.
#pragma once

#include "simd/common.h"

namespace fastconv::FC_ISA {

// <concepts> has std::same_as, but also functions with a body, which no ISA file may include.
template <class A, class B>
inline constexpr bool kIsSame = false;
template <class A>
inline constexpr bool kIsSame<A, A> = true;
template <class A, class B>
concept Same = kIsSame<A, B>;

// A power of two of lanes, each of the type V::T; V::registers is how many vectors the CPU's
// registers hold, from which tiles take their shapes.
template <class V>
concept VectorShape =
    (kIsSame<typename V::T, float> || kIsSame<typename V::T, double>) && V::lanes >= 2 &&
    (V::lanes & (V::lanes - 1)) == 0 && V::lanes <= 16 &&
    (V::registers == 16 || V::registers == 32) && sizeof(V) == V::lanes * sizeof(typename V::T);

// Memory. No address has to be aligned, and no element is touched but those that are named: parts
// of vectors may lie at the very end of a buffer, or before its beginning.
template <class V>
concept VectorMemory = requires(const V a, typename V::T x, const typename V::T* from,
                                typename V::T* to, int n, typename V::Mask mask) {
  { V::zero() } -> Same<V>;           // all lanes are +0
  { V::splat(x) } -> Same<V>;         // all lanes are x, also where x is -0
  { V::load(from) } -> Same<V>;       // lanes elements
  { V::load_n(from, n) } -> Same<V>;  // the first n elements, 0 <= n <= lanes; the others are +0
  // lanes_of(first, end): the lanes first..end as a mask, with both numbers from 0 to lanes; no
  // lane if end <= first.
  { V::lanes_of(n, n) } -> Same<typename V::Mask>;
  { V::load_mask(from, mask) } -> Same<V>;  // lane i is from[i] where the mask has it, else +0
  a.store(to);                              // lanes elements
  a.store_n(to, n);                         // the first n elements, 0 <= n <= lanes
};

// Arithmetic, lane by lane and rounded to nearest.
template <class V>
concept VectorArithmetic = requires(const V a, const V b, const V c, V& held) {
  { a + b } -> Same<V>;
  { a - b } -> Same<V>;
  { a * b } -> Same<V>;
  { a / b } -> Same<V>;
  { fma(a, b, c) } -> Same<V>;  // a * b + c, rounded once; the scalar ISA rounds the product, too
  { a.sum() } -> Same<typename V::T>;  // of all lanes, in an order that is the type's own
  { abs(a) } -> Same<V>;
  { copysign(a, b) } -> Same<V>;  // the magnitude of a, the sign of b
  { pow2(a) } -> Same<V>;         // 2^a for an integral a in the range of normal exponents
  // The inverse, for normal a > 0: the exponent, and a / 2^exponent, from 1 up to 2.
  { split_exponent(a, held) } -> Same<V>;
  hold(held);  // computes nothing: from here on the value lives in a register
};

// Comparisons. A mask of lanes is of whatever type less() gives.
template <class V>
concept VectorChoice = requires(const V a, const V b) {
  less(a, b);                               // where a < b; nowhere where either is NaN
  { select(less(a, b), a, b) } -> Same<V>;  // a where the mask is set, b elsewhere
  { max(a, b) } -> Same<V>;      // a > b ? a : b: so b where either is NaN, or both are 0
  { min(a, b) } -> Same<V>;      // a < b ? a : b
  { larger(a, b) } -> Same<V>;   // b where it is larger than a, or NaN; else a
  { smaller(a, b) } -> Same<V>;  // b where it is smaller than a, or NaN; else a
  { select(exceeds(a, b), a, b) } -> Same<V>;    // exceeds: where larger() takes b
  { select(undercuts(a, b), a, b) } -> Same<V>;  // undercuts: where smaller() takes b
};

// Moves between lanes.
template <class V>
concept VectorMoves =
    requires(const V a, const V b, V& even, V& odd, const typename V::T* from, index_t step,
             V (&columns)[16 / sizeof(typename V::T)], const std::int32_t* places) {
      // Of the 2 * lanes elements a, b: those at even places to `even`, those at odd places to
      // `odd`.
      unzip(a, b, even, odd);
      // The inverse: the elements of a and b by turns; the lower half of them first.
      zip(a, b, even, odd);
      // Lane i of the result is lane i + 1 of a; the last lane holds whatever is there.
      { next_lane(a) } -> Same<V>;
      // 16 bytes from each of `lanes` rows of memory, `step` elements apart, by columns: lane i of
      // columns[j] is from[i * step + j].
      load_columns(from, step, columns);
      // order(places): `lanes` numbers of lanes, as reorder() takes them: lane i of its result is
      // lane places[i] of a.
      { V::order(places) } -> Same<typename V::Order>;
      { reorder(a, V::order(places)) } -> Same<V>;
    };

// A type may bring its own transpose_registers (kernels/transpose.h), if it knows a shorter way.
template <class V>
concept Vector =
    VectorShape<V> && VectorMemory<V> && VectorArithmetic<V> && VectorChoice<V> && VectorMoves<V>;

}  // namespace fastconv::FC_ISA
