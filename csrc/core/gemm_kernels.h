// SPDX-License-Identifier: MIT
// The tiles of the matrix product, of which most dense convolutions are made. A tile is `mr` rows
// of the result (output channels) by `nv` vectors of its columns (output pixels): lanes are pixels.
// The sums of a tile stay in registers from the first term to the last.
#pragma once

#include "core/types.h"

namespace fastconv {

// The largest tile that any ISA has: kMaxMr rows, kMaxNv vectors.
inline constexpr int kMaxMr = 12;
inline constexpr int kMaxNv = 6;

// While it computes term p, a tile of more than three rows and one vector fetches the row of b that
// belongs to term p + kAhead.
inline constexpr int kAhead = 4;

// One tile, or one slice of its sum: for i < mr and j < (nv - 1) * lanes + tail,
//
//     c[i * ldc + j] = init[i * ldc + j] + bias[i] + sum over p < k of a[p * mr + i] * (row p)[j]
//
//     a: mr weights a term      b: a row of pixels a term          c: mr rows of results
//     p = 0  [ mr weights ]     p = 0  [ lanes | lanes | tail ]    i = 0  [ lanes | lanes | tail ]
//     p = 1  [ mr weights ]     p = 1  [ lanes | lanes | tail ]    i = 1  [ lanes | lanes | tail ]
//       :    without a gap        :    run_gemm: b + p * ldb         :    ldc apart
//                                      run_indirect: b + offsets[p]
//
// run_gemm reads `tail` lanes of the last vector of a row of b, run_indirect all of them.
template <class T>
struct TileArgs {
  index_t k;  // the number of terms; 0 is allowed
  const T* a;
  const T* b;
  index_t ldb;             // for run_gemm only
  const index_t* offsets;  // for run_indirect only: k + kAhead of them, the last only for fetching
  T* c;
  index_t ldc;
  const T* init;  // c itself to add to what is there, a residual, or null for zeros
  const T* bias;  // mr elements, or null for zeros
  int tail;       // from 1 to lanes
  // The least and the greatest result: smaller and greater ones are cut to them. Null if all are
  // kept.
  const T* limits = nullptr;
  // Whether other threads may hold lines of c, which are then asked for ahead. They need not write
  // c for that: hardware that prefetches what they read goes on behind the end of it, where c often
  // lies (16@27 -> 64 1x1 on two threads, c right behind b: 54 -> 17 us; on one 18).
  bool contended = false;
  // What this thread will read after this tile, so that it had better be fetched into L1 meanwhile.
  // Before each pair of terms, a tile prefetches the 2 * mr elements from `next` on, with one
  // instruction for every 64 bytes; those are as many bytes as the pair has in `a`. Then it moves
  // `next` on by next_step elements, or by 2 * mr if next_step is 0. So the default fetches the k *
  // mr weights of the next tile whole, while with another next_step the beginnings of rows that lie
  // so far apart are fetched. A prefetch reads nothing: addresses beyond the end of an array do no
  // harm. If `next` is null a tile of one vector prefetches nothing; the others prefetch their own
  // `a`, which gains nothing, but saves a second copy of the loop.
  const T* next = nullptr;
  index_t next_step = 0;
  // For run_gemm: rows like those of b, of which the first ones are fetched beside the last kAhead
  // terms. If null, those are the rows that follow b's last one; so there have to be some, or what
  // lies there is fetched. That may be what another thread writes, and then takes it several times
  // as long: an output often lies behind its input (16@27 -> 64 1x1 on two threads: 55 -> 12 us).
  const T* b_next = nullptr;
};

// The tiles of one ISA. Both families compute the same: gemm reads rows of b that are evenly apart
// (a packed panel, or an image itself), indirect gemm rows that lie anywhere (in a strip).
template <class T>
struct GemmKernels {
  using Run = void (*)(const TileArgs<T>&) noexcept;
  int lanes;                         // of a vector
  int max_mr;                        // the most rows of any tile
  int max_nv[kMaxMr + 1];            // [mr]: the most vectors whose sums fit the registers, or 0
  Run run_gemm[kMaxMr][kMaxNv];      // [mr - 1][nv - 1]; null beyond max_nv[mr]
  Run run_indirect[kMaxMr][kMaxNv];  // the same
};

}  // namespace fastconv
