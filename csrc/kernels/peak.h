// SPDX-License-Identifier: MIT
// The most that a core can do: a loop of fused multiplications and additions on registers alone.
// Benchmarks quote their results as a part of it.
#pragma once

#include "core/kernel_table.h"
#include "simd/common.h"

namespace fastconv::FC_ISA {

// As many independent chains as 16 registers hold beside two constants and a spare: more than the
// 8 to 10 that two units of 4 to 5 cycles need.
enum { kPeakChains = 12 };

// Runs 2 * chains * lanes * rounds operations; each chain goes to 1, so none meets a subnormal.
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

// The loop, and the operations of one round.
template <class V>
consteval PeakLoop<typename V::T> make_peak() {
  return {.run = &fma_peak<V>, .flops = 2 * kPeakChains * V::lanes};
}

}  // namespace fastconv::FC_ISA
