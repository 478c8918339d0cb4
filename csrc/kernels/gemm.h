// SPDX-License-Identifier: MIT
// The tile of the matrix product (core/gemm_kernels.h): MR output channels by NV vectors of pixels.
// The registers hold, for each term of the sum, a row of pixels and one weight after another:
//
//                         bj[0]     bj[1]       NV vectors of pixels, loaded
//     a[0], splat (ai) *  acc[0][0] acc[0][1]   MR * NV accumulators, which stay in registers
//     a[1], splat (ai) *  acc[1][0] acc[1][1]   from the first term to the last
//
// To splat is to copy one element to all lanes. So MR * NV + NV + 1 registers are needed, and a
// term takes MR * NV FMAs, NV loads and MR splats. What has to be readable is said in
// core/gemm_kernels.h. The FMA units bound the speed: up to 98 % of their peak is reached.
#pragma once

#include "core/gemm_kernels.h"
#include "simd/common.h"

namespace fastconv::FC_ISA {

// Adds all terms of t to acc. kIndirect: rows of b lie at offsets[p], not ldb apart. kTail: the
// last vector of a row is read for `tail` lanes only.
//
// The loop takes two terms each time round, because counting and jumping take issue slots from FMAs
// (96 -> 98 % of peak). The row that is wanted kAhead terms later is prefetched, because the CPU's
// own prefetcher does not follow rows that lie apart (85 -> 89 % of peak at 3x3 512@28). Tiles of
// one vector, or of at most three rows, do not: they have too few FMAs for each load to hide one
// more (1 -> 64 channels, 15x15, input gradient: 322 -> 255 us without).
template <class V, int MR, int NV, bool kIndirect, bool kTail, bool kFetchesNext>
FC_INLINE void add_terms(const TileArgs<typename V::T>& t, V (&acc)[MR][NV]) {
  constexpr bool kFetchesRows = NV > 1 && MR > 3;  // whether rows of b are fetched
  [[maybe_unused]] constexpr int kLine = 64 / static_cast<int>(sizeof(typename V::T));
  const auto* a = t.a;
  const auto* b = t.b;
  [[maybe_unused]] const auto* next = t.next ? t.next : t.a;
  [[maybe_unused]] const index_t next_step = t.next_step ? t.next_step : 2 * MR;
  const index_t* offset = t.offsets;
  const index_t ldb = t.ldb;
  // How far from the row of a term the one lies that it fetches; and of the last kAhead terms.
  [[maybe_unused]] index_t ahead = t.k < kAhead ? 0 : kAhead * ldb;
  [[maybe_unused]] const index_t last_ahead =
      t.b_next && t.k >= kAhead ? t.b_next - b + (kAhead - t.k) * ldb : ahead;
  const int tail = t.tail;
  const auto add_term = [&]() __attribute__((always_inline)) {
    const auto* row = kIndirect ? b + *offset : b;
    V bj[NV];
    if constexpr (kFetchesRows) {
      const auto* fetched = b + (kIndirect ? offset[kAhead] : ahead);
      FC_UNROLL for (int j = 0; j < NV * V::lanes; j += kLine) __builtin_prefetch(fetched + j);
      __builtin_prefetch(fetched + NV * V::lanes - 1);
    }
    FC_UNROLL for (int j = 0; j < NV; ++j) {
      bj[j] =
          kTail && j + 1 == NV ? V::load_n(row + j * V::lanes, tail) : V::load(row + j * V::lanes);
      if constexpr (MR > 1 && NV * (MR + 1) + 1 < V::registers) hold(bj[j]);
    }
    FC_UNROLL for (int i = 0; i < MR; ++i) {
      const V ai = V::splat(a[i]);
      FC_UNROLL for (int j = 0; j < NV; ++j) acc[i][j] = fma(ai, bj[j], acc[i][j]);
    }
    a += MR;
    if constexpr (kIndirect)
      ++offset;
    else
      b += ldb;
  };
  if (t.k % 2 != 0) add_term();
  for (index_t p = t.k - t.k % 2; p > 0; p -= 2, next += next_step) {
    if constexpr (kFetchesNext)
      FC_UNROLL for (int i = 0; i < 2 * MR; i += kLine) __builtin_prefetch(next + i);
    if (kFetchesRows && !kIndirect && p == kAhead) ahead = last_ahead;
    add_term(), add_term();
  }
}

// c = acc + init, cut to the limits, where kTail tells that only `tail` lanes of the last vector
// exist.
template <class V, int MR, int NV, bool kTail>
FC_INLINE void finish(const TileArgs<typename V::T>& t, V (&acc)[MR][NV]) {
  const auto load = [&](const auto* row, int j) __attribute__((always_inline)) {
    return kTail && j + 1 == NV ? V::load_n(row + j * V::lanes, t.tail)
                                : V::load(row + j * V::lanes);
  };
  if (t.init)
    FC_UNROLL for (int i = 0; i < MR; ++i) FC_UNROLL for (int j = 0; j < NV; ++j) acc[i][j] =
        acc[i][j] + load(t.init + i * t.ldc, j);
  FC_UNROLL for (int i = 0; i < MR; ++i) limit(acc[i], t.limits);
  FC_UNROLL for (int i = 0; i < MR; ++i) {
    auto* row = t.c + i * t.ldc;
    FC_UNROLL for (int j = 0; j + !!kTail < NV; ++j) acc[i][j].store(row + j * V::lanes);
    if constexpr (kTail) acc[i][NV - 1].store_n(row + (NV - 1) * V::lanes, t.tail);
  }
}

// This must not be inlined: in one function with another such loop, gcc 12 keeps an accumulator in
// memory, which halves the speed of AVX2's 6 by 2.
template <class V, int MR, int NV, bool kIndirect, bool kTail, bool kFetchesNext>
__attribute__((noinline)) void gemm_tile(const TileArgs<typename V::T>& t) noexcept {
  [[maybe_unused]] constexpr int kLine = 64 / static_cast<int>(sizeof(typename V::T));
  if constexpr (MR > 3)
    if (t.contended) FC_UNROLL for (int i = 0; i < MR; ++i) {
        FC_UNROLL for (int j = 0; j < NV * V::lanes; j += kLine)
            fetch_to_write(t.c + i * t.ldc + j);
        fetch_to_write(t.c + i * t.ldc + NV * V::lanes - 1);
      }
  V acc[MR][NV];
  FC_UNROLL for (int i = 0; i < MR; ++i) {
    const V bias = t.bias ? V::splat(t.bias[i]) : V::zero();
    FC_UNROLL for (int j = 0; j < NV; ++j) acc[i][j] = bias;
  }
  // Rows of the indirect gemm are readable for whole vectors.
  add_terms<V, MR, NV, kIndirect, !kIndirect && kTail, kFetchesNext>(t, acc);
  finish<V, MR, NV, kTail>(t, acc);
}

// Chooses the code that fetches `next`. Tiles of one vector have few FMAs for each load, so that
// they have code without it for where there is nothing to fetch. Where there is, their weights
// mostly come from memory.
template <class V, int MR, int NV, bool kIndirect, bool kTail>
FC_INLINE void some_tile(const TileArgs<typename V::T>& t) noexcept {
  if constexpr (NV == 1)
    if (t.next == nullptr) return gemm_tile<V, MR, NV, kIndirect, kTail, false>(t);
  gemm_tile<V, MR, NV, kIndirect, kTail, true>(t);
}

// The entry of the table: chooses the code for whole vectors, or for a tail.
template <class V, int MR, int NV, bool kIndirect>
void any_tile(const TileArgs<typename V::T>& t) noexcept {
  if (t.tail == V::lanes)
    some_tile<V, MR, NV, kIndirect, false>(t);
  else
    some_tile<V, MR, NV, kIndirect, true>(t);
}

// Fills a table with every tile of MR rows and more that Limits allows. Limits<mr>::nv is the most
// vectors that a tile of mr rows has, or 0.
template <class V, template <int> class Limits, int MR>
consteval void add_tiles(GemmKernels<typename V::T>& kernels) {
  constexpr int widest = Limits<MR>::nv;
  kernels.max_nv[MR] = widest;
  if constexpr (widest > 0) kernels.max_mr = MR;
  auto add = [&]<int NV>() {
    if constexpr (NV <= widest) {
      kernels.run_gemm[MR - 1][NV - 1] = &any_tile<V, MR, NV, false>;
      kernels.run_indirect[MR - 1][NV - 1] = &any_tile<V, MR, NV, true>;
    }
  };
  add.template operator()<1>(), add.template operator()<2>(), add.template operator()<3>();
  add.template operator()<4>(), add.template operator()<5>(), add.template operator()<6>();
  if constexpr (MR < kMaxMr) add_tiles<V, Limits, MR + 1>(kernels);
}

template <class V, template <int> class Limits>
consteval GemmKernels<typename V::T> make_gemm() {
  GemmKernels<typename V::T> kernels{};
  kernels.lanes = V::lanes;
  add_tiles<V, Limits, 1>(kernels);
  return kernels;
}

}  // namespace fastconv::FC_ISA
