// SPDX-License-Identifier: MIT
// The transpose of a matrix, in blocks of `lanes` rows by `lanes` columns, which fit the registers:
//
//     load 16 bytes of each row    in registers: columns           store each as a row
//     r0 [a b c d]                 [a e i m]                       [a e i m]
//     r1 [e f g h]            -->  [b f j n]                 -->   [b f j n]     (lanes = 4)
//     r2 [i j k l]                 [c g k o]                       [c g k o]
//     r3 [m n o p]                 [d h l p]                       [d h l p]
//
// Nothing outside the matrix is read or written. Memory bounds the speed, which is that of a copy.
#pragma once

#include "core/elementwise_kernels.h"
#include "simd/common.h"

namespace fastconv::FC_ISA {

// r[i][j] becomes r[j][i] for `lanes` registers. Where an element is, is told by the bits of its
// register's number and of its lane's. A pass of unzip makes the lowest bit of the lane's number
// the highest of the register's, and the other way round; after log2(lanes) passes the two numbers
// have changed places. A vector type that knows a shorter way brings its own function of this name.
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

// A block that lies inside the matrix. load_columns puts 16 bytes of several rows into a register
// while it loads them, which leaves half the shuffles of transpose_registers.
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

// The block that begins at (row, column), whether it is whole or at the edge.
template <class V>
FC_INLINE void transpose_block(const TransposeArgs<typename V::T>& a, index_t row, index_t column) {
  const index_t rows = a.rows - row, columns = a.columns - column;
  if (rows >= V::lanes && columns >= V::lanes) return transpose_whole<V>(a, row, column);
  transpose_part<V>(a, row, column, static_cast<int>(rows < V::lanes ? rows : V::lanes),
                    static_cast<int>(columns < V::lanes ? columns : V::lanes));
}

// Where the block at `start` begins: earlier, if it would otherwise reach beyond the n elements and
// they are enough for a whole block. Some elements are then moved twice, which costs less than an
// edge (49 columns, of 7x7 planes, are four whole blocks).
template <class V>
FC_INLINE index_t whole_block(index_t start, index_t n) {
  return n - start < V::lanes && n > V::lanes ? n - V::lanes : start;
}

// Columns that are fewer than the lanes, such as the channels of an image: 16 bytes of each row at
// a time, the last of them such that they end with the row. Where a row has no 16 bytes, those that
// follow belong to the next row if there is no gap; the last rows are then edges.
template <class V>
FC_INLINE void transpose_narrow(const TransposeArgs<typename V::T>& a) {
  constexpr int kColumns = 16 / sizeof(typename V::T);
  const bool joined = a.columns < kColumns;
  const index_t reached = joined ? (kColumns - 1) / a.columns : 0;  // rows behind the own one
  index_t end = joined && a.ldx != a.columns ? 0 : a.rows - reached;
  if (end < V::lanes) end = 0;
  for (index_t row = 0; row < end; row += V::lanes)
    for (index_t next = 0; next < a.columns; next += kColumns) {
      const index_t i = whole_block<V>(row, end);
      const index_t j = joined ? 0 : next + kColumns <= a.columns ? next : a.columns - kColumns;
      V columns[kColumns];
      load_columns(a.x + i * a.ldx + j, a.ldx, columns);
      FC_UNROLL for (int c = 0; c < kColumns; ++c) if (j + c < a.columns) columns[c].store(
          a.y + (j + c) * a.ldy + i);
    }
  for (index_t row = end; row < a.rows; row += V::lanes) {
    const index_t rows = a.rows - row;
    transpose_part<V>(a, row, 0, static_cast<int>(rows < V::lanes ? rows : V::lanes),
                      static_cast<int>(a.columns));
  }
}

// Goes along the longer side, and at each step through up to 8 neighbouring blocks of the shorter
// one: so one matrix is read or written in whole cache lines, the other in 8 * lanes streams. With
// one block at each step, data from L3 take 1.2 times as long; with 8, 85 to 95 % of the speed of a
// plain copy is reached, and with more nothing is gained.
template <class V>
void transpose(const TransposeArgs<typename V::T>& a) noexcept {
  if (a.columns > 1 && a.columns < V::lanes && a.rows >= V::lanes) return transpose_narrow<V>(a);
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

// y[2 * i] = even[i], y[2 * i + 1] = odd[i]: a vector of each at a time.
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
