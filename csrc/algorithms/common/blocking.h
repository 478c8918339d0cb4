// SPDX-License-Identifier: MIT
// Tile shapes and block sizes: pure functions of a problem and the cache sizes, never of the number
// of threads where that could change the order of a sum.
#pragma once

#include <algorithm>

#include "core/cache.h"
#include "core/conv_desc.h"
#include "core/conv_kernels.h"
#include "core/types.h"

namespace fastconv {

// Rows of weights per panel, as even as possible, and the widest tile that holds so many rows. An
// odd number of panels is shared badly by two threads: 128 rows are 12 panels of 11, not 11 of 12.
struct Tile {
  index_t mr, nv;
  index_t nr;  // pixels
};

template <class T>
Tile choose_tile(const GemmKernels<T>& gemm, index_t m) {
  const index_t least = ceil_div(m, gemm.max_mr);
  const index_t mr = ceil_div(m, least > 8 ? least + least % 2 : least);
  const index_t nv = gemm.max_nv[mr];
  return {mr, nv, nv * gemm.lanes};
}

// Terms of a sum per pass: a panel of weights, 12 rows of kc, takes 3/8 of L1, so that it stays
// there while pixels stream past.
template <class T>
index_t most_terms() {
  return cache_sizes().l1 * 3 / 8 / (kMaxMr * static_cast<index_t>(sizeof(T)));
}

// Even slices, so that the last is not a stub.
template <class T>
index_t choose_kc(index_t k) {
  return ceil_div(k, ceil_div(k, most_terms<T>()));
}

// Pixels per block: their packed panels, kc rows, take a third of L2.
template <class T>
index_t choose_nc(index_t kc, index_t nr) {
  const index_t most = cache_sizes().l2 / 3 / (kc * index_t{sizeof(T)});
  return std::clamp(most / nr, index_t{1}, index_t{64}) * nr;
}

// Part `i` of `n` things split into `parts` as evenly as possible: [begin, end).
struct Range {
  index_t begin, end;
  index_t size() const { return end - begin; }
};
constexpr Range part(index_t n, index_t parts, index_t i) {
  return {n / parts * i + std::min(n % parts, i), n / parts * (i + 1) + std::min(n % parts, i + 1)};
}

}  // namespace fastconv
