// SPDX-License-Identifier: MIT
// How work is cut to fit the registers and the caches: the shape of gemm tiles, the terms of a
// slice, the pixels of a block. These are pure functions of the problem and of the cache sizes.
// None of them sees the number of threads, which must not change the order in which a sum is added.
#pragma once

#include <algorithm>

#include "core/cache.h"
#include "core/conv_desc.h"
#include "core/conv_kernels.h"
#include "core/types.h"

namespace fastconv {

// A gemm tile: `mr` output channels, which are the rows of one panel of weights, by `nv` vectors of
// pixels.
struct Tile {
  index_t mr, nv;
  index_t nr;  // pixels: the lanes of nv vectors
};

// The tile for m output channels. All panels have about the same height, and the tile is as wide as
// the registers allow beside so many rows. More than 8 panels are made an even number of them,
// since two threads share an odd number badly: 128 output channels are 12 panels of 11 rows, not 11
// of 12.
template <class T>
Tile choose_tile(const GemmKernels<T>& gemm, index_t m) {
  const index_t least = ceil_div(m, gemm.max_mr);
  const index_t mr = ceil_div(m, least > 8 ? least + least % 2 : least);
  const index_t nv = gemm.max_nv[mr];
  return {mr, nv, nv * gemm.lanes};
}

// How many terms a slice has at most: a panel of weights with so many terms and 12 rows takes 3/8
// of L1, so that it stays there while pixels stream past.
template <class T>
index_t most_terms() {
  return cache_sizes().l1 * 3 / 8 / (kMaxMr * static_cast<index_t>(sizeof(T)));
}

// How many terms a slice has where a sum has k of them: all slices are about equally long, so that
// the last one is not much shorter than the others.
template <class T>
index_t choose_kc(index_t k) {
  return ceil_div(k, ceil_div(k, most_terms<T>()));
}

// How many pixels a block has: the most whole tiles, up to 64, whose packed panels with kc terms
// take a third of L2.
template <class T>
index_t choose_nc(index_t kc, index_t nr) {
  const index_t most = cache_sizes().l2 / 3 / (kc * index_t{sizeof(T)});
  return std::clamp(most / nr, index_t{1}, index_t{64}) * nr;
}

// The things numbered from `begin` up to `end`, which is not one of them.
struct Range {
  index_t begin, end;
  index_t size() const { return end - begin; }
};
// Part `i` of `n` things that are split into `parts` parts as evenly as possible.
constexpr Range part(index_t n, index_t parts, index_t i) {
  return {n / parts * i + std::min(n % parts, i), n / parts * (i + 1) + std::min(n % parts, i + 1)};
}

}  // namespace fastconv
