// SPDX-License-Identifier: MIT
// What the algorithms that compute one phase with gemm tiles have in common of their costs, in
// cycles of one core: FMAs of whole vectors, and what is copied to feed them. The constants are
// measured (bench/NOTES.md says how); they need to be right only where two algorithms are close.
#pragma once

#include <algorithm>

#include "algorithms/common/blocking.h"
#include "algorithms/correlation/correlation.h"
#include "core/cache.h"
#include "core/exec.h"

namespace fastconv {

// A product of m x k weights, in panels of mr rows, with `vectors` vectors of pixels in `tiles`
// tiles: two FMAs a cycle, more where a tile of few rows waits for its loads, and what calling a
// tile, starting and storing it takes.
inline double gemm_cycles(index_t k, index_t m, index_t mr, double vectors, double tiles) {
  constexpr double kLoadsPerRow = 0.8, kTile = 30;
  const double feeding = mr == 1 ? 2.2 : 1 + kLoadsPerRow / double(mr);
  return double(k) * double(m) * vectors / 2 * feeding + double(ceil_div(m, mr)) * tiles * kTile;
}

class PhaseCost {
 public:
  PhaseCost(const Correlation& r, const Tile& tile, index_t lanes, index_t item)
      : r_(r), tile_(tile), lanes_(lanes), item_(item) {}
  template <class T>
  static PhaseCost of(const Correlation& r, const Exec& exec) {
    const auto& gemm = exec.kernels<T>().conv.gemm;
    return {r, choose_tile(gemm, r.m), gemm.lanes, sizeof(T)};
  }

  double images() const { return double(r_.batch) * double(r_.groups); }
  double weights() const { return double(r_.groups) * double(r_.m) * double(r_.k()); }
  // Vectors of outputs of a channel of an image, row by row: the last of each row is partly empty.
  double row_vectors() const { return double(r_.h.count) * double(ceil_div(r_.w.count, lanes_)); }

  double product(double vectors, double tiles) const {
    return gemm_cycles(r_.k(), r_.m, tile_.mr, vectors, tiles);
  }
  // The same for `pixels` neighbouring pixels.
  double block(index_t pixels) const {
    return product(double(ceil_div(pixels, lanes_)), double(ceil_div(pixels, tile_.nr)));
  }

  // Elements copied from a row of the image: neighbours by vectors, every second or fourth one out
  // of vectors that are taken apart, others one by one.
  double copies(double elements) const {
    constexpr double kVectorCopy = 2, kUnzipped = 0.5, kGather = 1;
    const index_t step = r_.w.in_step;
    return elements * (step == 1                ? kVectorCopy / double(lanes_)
                       : step == 2 || step == 4 ? kUnzipped
                                                : kGather);
  }
  // A strip's rows, for one channel: each is gathered once for every row of outputs that it serves,
  // less what the rows of a block share, in `runs` pieces.
  double rows_gathered(double runs) const {
    constexpr double kRow = 5;     // a row of a strip
    constexpr double kShared = 4;  // rows of a block that share what they gather
    const double taps = double(r_.h.n_taps());
    const double rows = double(r_.h.count) * std::min(taps, double(r_.h.in_step) + taps / kShared);
    return rows * (runs * kRow + copies(runs * double(r_.w.count)));
  }
  // What outputs that are not neighbours take to their places, between those of other phases:
  // cycles for a vector, and as much again where the result has left L2 when the next phase comes
  // (dX of 3x3 s2 128@56: within 3 % with AVX2 at N = 1; at N = 16 without it 20 % too few).
  double scattered(double vectors) const {
    constexpr double kScattered = 20;
    if (r_.plain_output()) return 0;
    const double bytes = images() * double(r_.m) * double(r_.out_plane()) * double(item_);
    const double again = bytes > double(cache_sizes().l2) ? 2 : 1;
    return double(r_.m) * vectors * kScattered * again;
  }
  // What a function pays to pack its weights as panels: rows are transposed, an adjoint's gathered.
  double packed_panels() const {
    constexpr double kTransposed = 0.85, kGathered = 1.5;  // an element
    return weights() * (r_.w_m > r_.w_c ? kTransposed : kGathered);
  }

  const Correlation& r() const { return r_; }
  const Tile& tile() const { return tile_; }
  index_t lanes() const { return lanes_; }
  index_t item() const { return item_; }

 private:
  const Correlation& r_;
  Tile tile_;
  index_t lanes_, item_;
};

}  // namespace fastconv
