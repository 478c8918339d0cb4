// SPDX-License-Identifier: MIT
// A matrix to its transpose, in blocks that fit the registers: lanes rows by lanes columns.
#pragma once

#include "core/elementwise_kernels.h"
#include "simd/common.h"

namespace fastconv::FC_ISA {

// r[i][j] becomes r[j][i]. Each pass moves one bit of the lane's number into the register's; a
// vector type with a shorter way brings its own.
template <class V>
FC_INLINE void transpose_registers(V (&r)[V::lanes]) {
  FC_UNROLL for (int moved = 1; moved < V::lanes; moved *= 2) {
    V even[V::lanes / 2], odd[V::lanes / 2];
    FC_UNROLL for (int i = 0; i < V::lanes / 2; ++i) unzip(r[2 * i], r[2 * i + 1], even[i], odd[i]);
    FC_UNROLL for (int i = 0; i < V::lanes / 2; ++i) {
      r[i] = even[i];
      r[V::lanes / 2 + i] = odd[i];
    }
  }
}

// Quarters of rows come through the load ports: half the shuffles of transpose_registers.
template <class V>
FC_INLINE void transpose_whole(const TransposeArgs<typename V::T>& a, index_t row, index_t column) {
  constexpr int kColumns = 16 / sizeof(typename V::T);
  FC_UNROLL for (int j = 0; j < V::lanes; j += kColumns) {
    V columns[kColumns];
    load_columns(a.x + row * a.ldx + column + j, a.ldx, columns);
    FC_UNROLL for (int i = 0; i < kColumns; ++i) columns[i].store(a.y + (column + j + i) * a.ldy +
                                                                  row);
  }
}

// A block at the edge, of `rows` by `columns` elements.
template <class V>
FC_INLINE void transpose_part(const TransposeArgs<typename V::T>& a, index_t row, index_t column,
                              int rows, int columns) {
  V r[V::lanes];
  FC_UNROLL for (int i = 0; i < V::lanes; ++i) r[i] =
      i < rows ? V::load_n(a.x + (row + i) * a.ldx + column, columns) : V::zero();
  transpose_registers(r);
  FC_UNROLL for (int j = 0; j < V::lanes; ++j) if (j < columns) r[j].store_n(
      a.y + (column + j) * a.ldy + row, rows);
}

template <class V>
FC_INLINE void transpose_block(const TransposeArgs<typename V::T>& a, index_t row, index_t column) {
  const index_t rows = a.rows - row, columns = a.columns - column;
  if (rows >= V::lanes && columns >= V::lanes) return transpose_whole<V>(a, row, column);
  transpose_part<V>(a, row, column, static_cast<int>(rows < V::lanes ? rows : V::lanes),
                    static_cast<int>(columns < V::lanes ? columns : V::lanes));
}

// The last block starts early where it can then be whole: some elements are moved twice (7x7 planes
// to pixels: 49 columns are four whole blocks).
template <class V>
FC_INLINE index_t whole_block(index_t start, index_t n) {
  return n - start < V::lanes && n > V::lanes ? n - V::lanes : start;
}

// Goes along the longer side with the blocks of the shorter one abreast, up to 8 of them: whole
// lines of one matrix and 8 * lanes streams of the other. Against one block abreast 1.2 times as
// fast out of L3, where it is at 85 to 95 % of a plain copy; more than 8 gains nothing.
template <class V>
void transpose(const TransposeArgs<typename V::T>& a) noexcept {
  const bool tall = a.rows >= a.columns;
  const index_t longer = tall ? a.rows : a.columns, shorter = tall ? a.columns : a.rows;
  for (index_t first = 0; first < shorter; first += 8 * V::lanes) {
    const index_t end = shorter - first < 8 * V::lanes ? shorter : first + 8 * V::lanes;
    for (index_t i = 0; i < longer; i += V::lanes)
      for (index_t j = first; j < end; j += V::lanes)
        transpose_block<V>(a, whole_block<V>(tall ? i : j, a.rows),
                           whole_block<V>(tall ? j : i, a.columns));
  }
}

template <class V>
void interleave(const typename V::T* even, const typename V::T* odd, index_t n,
                typename V::T* y) noexcept {
  for (index_t i = 0; i < n; i += V::lanes) {
    const int some = static_cast<int>(n - i < V::lanes ? n - i : V::lanes);
    V lower, upper;
    zip(V::load_n(even + i, some), V::load_n(odd + i, some), lower, upper);
    const int of_lower = 2 * some < V::lanes ? 2 * some : V::lanes;
    lower.store_n(y + 2 * i, of_lower);
    if (2 * some > of_lower) upper.store_n(y + 2 * i + V::lanes, 2 * some - of_lower);
  }
}

}  // namespace fastconv::FC_ISA
