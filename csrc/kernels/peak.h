// SPDX-License-Identifier: MIT
// The most that a core can do: a loop of fused multiplications and additions that touches no
// memory, so that nothing but the FMA units bounds it. Benchmarks quote their results as a part of
// it.
#pragma once

#include "core/kernel_table.h"
#include "simd/common.h"

namespace fastconv::FC_ISA {

// A chain is an accumulator whose next FMA waits for the last one. Two units whose FMAs take 4 to 5
// cycles need 8 to 10 chains that do not depend on each other; 12 fit 16 registers beside the
// constant.
enum { kPeakChains = 12 };

// Runs 2 * kPeakChains * lanes * rounds operations. Each chain computes x / 2 + 1 / 2 and so goes
// to 1: none meets a subnormal number, which would slow it down.
template <class V>
typename V::T fma_peak(index_t rounds) noexcept {
  const V half = V::splat(typename V::T(0.5));
  V acc[kPeakChains];
  FC_UNROLL for (int i = 0; i < kPeakChains; ++i) acc[i] = V::splat(typename V::T(i + 1));
  for (; rounds > 0; --rounds)
    FC_UNROLL for (int i = 0; i < kPeakChains; ++i) acc[i] = fma(acc[i], half, half);
  V all = acc[0];
  FC_UNROLL for (int i = 1; i < kPeakChains; ++i) all = all + acc[i];
  return all.sum();
}

// The loop, and the number of operations of one round.
template <class V>
consteval PeakLoop<typename V::T> make_peak() {
  return {.run = &fma_peak<V>, .flops = 2 * kPeakChains * V::lanes};
}

}  // namespace fastconv::FC_ISA
