// SPDX-License-Identifier: MIT
// Filters of images: along the rows and the columns in one pass, or with a kernel of two axes. Each
// tile of results is computed while what it reads is in L2:
//
//     image      a tile, with what its windows reach beyond it; copied and converted where kernels
//                cannot read it where it lies, its borders written
//       frame      the filter along the columns
//       middle       the filter along the rows, row by row, converted and stored
//
// Long boxes and extremes take the sliding windows of pools, whose cost does not depend on their
// length and whose sums do not drift.
#pragma once

#include "algorithms/filter/problem.h"
#include "algorithms/filter/terms.h"
#include "core/exec.h"
#include "core/filter_kernels.h"
#include "core/memory.h"

namespace fastconv::filter {

// A filter that computes in T: float or double, or, for extremes and for sums that may wrap
// (can_wrap), the image's own integers.
template <class T>
class Filter {
 public:
  // Throws std::invalid_argument if a tile cannot be addressed, or std::bad_alloc.
  Filter(Problem problem, const FilterTable& filters, const Exec& exec);

  double work() const;  // about as many FMAs as take as long
  index_t scratch_bytes() const { return thread_bytes_ * exec_.threads; }
  // The arrays have no gaps, and do not overlap.
  void run(const void* x, void* y, std::byte* scratch) const noexcept;

 private:
  // Results h..h + height by w..w + width of one image.
  struct Tile {
    const std::byte* image;
    std::byte* results;
    index_t h, w, height, width;
  };
  // The memory of one thread.
  struct Memory {
    T *frame, *middle, *line, *rest, *ends;
    index_t bytes = 0;
    Memory(const Filter& filter, std::byte* base);
  };
  // Rows that kernels read or write, and how far apart these lie.
  struct Rows {
    const T* at;
    index_t step;
  };
  struct Destination {
    T* at;
    index_t step;
  };

  const auto& kernels() const noexcept {
    if constexpr (sizeof(T) == 4)
      return filters_.f32;
    else
      return filters_.f64;
  }

  void lay_out_terms();
  void lay_out_weights();                            // of integers
  index_t columns(const Tile& tile) const noexcept;  // that windows read, in elements
  bool lies_inside(const Tile& tile) const noexcept;
  Rows read(const Tile& tile, const Memory& memory) const noexcept;
  void fill_row(const Tile& tile, const std::byte* row, T* to) const noexcept;

  void join_columns(const Tile& tile, const Rows& x, const Memory& memory) const noexcept;
  void weigh_columns(const Tile& tile, const Rows& x, const Memory& memory) const noexcept;
  void settle_middle(const Tile& tile, const Memory& memory) const noexcept;
  void fill_ends(const Tile& tile, T* middle) const noexcept;

  template <class F>
  void each_rows(const Tile& tile, const Rows& x, const Memory& memory,
                 const F& compute) const noexcept;
  void along_rows(const Tile& tile, const Rows& x, const Memory& memory) const noexcept;
  void weigh_rows(const Rows& x, const Destination& y, index_t rows, index_t n) const noexcept;
  void make_sure(const WeighRows<T>& sums, const Terms<T>& terms,
                 const std::vector<double>& weights) const noexcept;
  void slide_rows(const Tile& tile, const Rows& x, const Memory& memory) const noexcept;
  void store(const Tile& tile, index_t row, const T* values) const noexcept;
  void run_tile(const Tile& tile, const Memory& memory) const noexcept;

  Problem p_;
  const FilterTable& filters_;
  Exec exec_;
  index_t tile_height_, tile_width_;  // in pixels
  index_t pitch_, thread_bytes_;
  // Of weighted sums, `row_` also of a kernel of two axes: in the order of SciPy, and of places.
  Terms<T> column_, row_, plain_row_;
  std::vector<T> weights_;      // the column's, or those of two axes column by column (WeighPlane)
  std::vector<T> row_weights_;  // of integers
  bool plain_ = false;  // whether a kernel of two axes has no zeros, which would be left out
  T column_bias_ = 0, row_bias_ = 0;  // what sums need that are cut
};

}  // namespace fastconv::filter
