// SPDX-License-Identifier: MIT
// Tiles of an image: where they lie, and how they become the real or the imaginary parts of planes.
#pragma once

#include <algorithm>
#include <cstring>
#include <optional>

#include "algorithms/fft/plane_transform.h"
#include "algorithms/fft/planes_cut.h"

namespace fastconv::fft {

// Writes n elements between others: vector i of them is vector 2 i of the result, zeros at its end.
template <class T, int kLanes>
void spread_vectors(const T* from, index_t n, T* to) noexcept {
  index_t i = 0;
  for (; i + kLanes <= n; i += kLanes, to += 2 * kLanes)
    std::memcpy(to, from + i, kLanes * sizeof(T));
  if (i == n) return;
  std::fill_n(to, kLanes, T{0});
  std::copy_n(from + i, n - i, to);
}
template <class T, int kLanes>
void join_vectors(const T* from, index_t n, T* to) noexcept {
  for (index_t i = 0; i < n; i += kLanes, from += 2 * kLanes)
    std::memcpy(to + i, from, kLanes * sizeof(T));
}

// The first row and column of a tile's outputs.
struct PlaneTile {
  index_t image, q, j;
};

// The tiles of a correlation that is cut in this way.
template <class T>
class PlaneTiles {
 public:
  PlaneTiles(const Correlation& r, const PlanesCut& cut, const PlaneTransform<T>& transform,
             const Exec& exec)
      : r_(r),
        cut_(cut),
        transform_(transform),
        kernels_(exec.kernels<T>().conv),
        lanes_(kernels_.gemm.lanes) {}

  // Tile number i of a group, if there is one.
  std::optional<PlaneTile> find(index_t i) const noexcept {
    const index_t columns = cut_.columns.tiles, rows = cut_.rows.tiles;
    if (i >= cut_.tiles(r_)) return {};
    return PlaneTile{i / columns / rows, i / columns % rows * cut_.rows.hop,
                     i % columns * cut_.columns.hop};
  }
  // Its outputs.
  index_t rows(const PlaneTile& tile) const { return std::min(cut_.rows.hop, r_.h.count - tile.q); }
  index_t columns(const PlaneTile& tile) const {
    return std::min(cut_.columns.hop, r_.w.count - tile.j);
  }

  // Writes what a tile reads of the image to the real parts of a plane (part 0) or to the imaginary
  // ones (part 1); zeros, if there is no tile. `work` is memory of one row.
  void read(const std::optional<PlaneTile>& tile, const T* image, index_t part, T* plane,
            T* work) const noexcept {
    const index_t start = tile ? cut_.w.first + tile->j : 0;
    const index_t n = tile ? std::min(cut_.columns.n, cut_.w.end - start) : 0;
    for (index_t y = 0; y < transform_.rows(); ++y) {
      const index_t place = tile ? cut_.h.first + tile->q + y : 0;
      const index_t row = tile && place < cut_.h.end ? padded_source(r_.mode, place, r_.h.in) : -1;
      const index_t some = row < 0 ? 0 : n;
      const T* from = some > 0 ? elements(image + row * r_.w.in, start, some, work) : nullptr;
      write_row(from, some, part, plane + y * transform_.row_elements());
    }
  }
  // Writes a row of n elements to a part of a row of a plane, zeros behind them.
  void write_row(const T* from, index_t n, index_t part, T* row) const noexcept {
    T* const to = row + part * lanes_;
    if (n > 0) spread(from, n, to);
    for (index_t v = ceil_div(n, lanes_); v < transform_.vectors(); ++v)
      std::fill_n(to + v * 2 * lanes_, lanes_, T{0});
  }
  // The n elements of a part of a row; whole vectors are written.
  void join(const T* from, index_t n, T* to) const noexcept {
    if (lanes_ == 16) return join_vectors<T, 16>(from, n, to);
    if (lanes_ == 8) return join_vectors<T, 8>(from, n, to);
    if (lanes_ == 4) return join_vectors<T, 4>(from, n, to);
    join_vectors<T, 2>(from, n, to);
  }

 private:
  void spread(const T* from, index_t n, T* to) const noexcept {
    if (lanes_ == 16) return spread_vectors<T, 16>(from, n, to);
    if (lanes_ == 8) return spread_vectors<T, 8>(from, n, to);
    if (lanes_ == 4) return spread_vectors<T, 4>(from, n, to);
    spread_vectors<T, 2>(from, n, to);
  }

  // n elements of a row, padding included.
  const T* elements(const T* row, index_t start, index_t n, T* work) const noexcept {
    if (start >= 0 && start + n <= r_.w.in) return row + start;
    const index_t from = std::clamp(-start, index_t{0}, n);
    const index_t to = std::clamp(r_.w.in - start, from, n);
    pad(row, start, {0, from}, work);
    std::copy(row + start + from, row + start + to, work + from);
    pad(row, start, {to, n}, work);
    return work;
  }
  void pad(const T* row, index_t start, Range places, T* work) const noexcept {
    if (places.size() == 0) return;
    kernels_.gather_rows({.row = row,
                          .width = r_.w.in,
                          .start = start + places.begin,
                          .step = 1,
                          .n = places.size(),
                          .mode = r_.mode,
                          .dst = work + places.begin});
  }

  const Correlation& r_;
  const PlanesCut& cut_;
  const PlaneTransform<T>& transform_;
  const ConvKernels<T>& kernels_;
  index_t lanes_;
};

}  // namespace fastconv::fft
