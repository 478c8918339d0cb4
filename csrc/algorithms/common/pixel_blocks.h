// SPDX-License-Identifier: MIT
// A plane of outputs, cut into blocks: each is some rows of the plane, or a part of some rows.
#pragma once

#include <algorithm>

#include "algorithms/common/blocking.h"

namespace fastconv {

// One block: `rows` rows from `row` on by `columns` columns from `column` on.
struct PixelBlock {
  index_t row, rows, column, columns;
};

struct PixelBlocks {
  index_t height = 1, width = 1;  // of the plane
  index_t rows = 1, columns = 1;  // of every block but the last ones, which may be smaller
  index_t row_blocks = 1, column_blocks = 1;  // how many blocks lie below and beside one another

  PixelBlocks() = default;
  // Blocks of up to `most` outputs that are neighbours in memory: whole rows of the plane or, where
  // a row has more outputs than that, a part of one row.
  PixelBlocks(index_t h, index_t w, index_t most) : height(h), width(w) {
    column_blocks = ceil_div(width, most);
    columns = ceil_div(width, column_blocks);
    const index_t most_rows = column_blocks > 1 ? 1 : std::max(most / width, index_t{1});
    rows = ceil_div(height, ceil_div(height, most_rows));
    row_blocks = ceil_div(height, rows);
  }

  // Blocks of block_rows by block_columns outputs.
  PixelBlocks(index_t h, index_t w, index_t block_rows, index_t block_columns)
      : height(h),
        width(w),
        rows(block_rows),
        columns(block_columns),
        row_blocks(ceil_div(h, block_rows)),
        column_blocks(ceil_div(w, block_columns)) {}

  index_t count() const { return row_blocks * column_blocks; }
  index_t pixels() const { return rows * columns; }  // of the largest block
  PixelBlock at(index_t block) const {
    const index_t row = block / column_blocks * rows, column = block % column_blocks * columns;
    return {row, std::min(rows, height - row), column, std::min(columns, width - column)};
  }
};

}  // namespace fastconv
