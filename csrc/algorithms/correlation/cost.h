// SPDX-License-Identifier: MIT
// The parts of a cost that all algorithms share which compute one phase with gemm tiles, in cycles
// of one core: the FMAs of whole vectors, and the copying that feeds them. The constants are
// measured (bench/NOTES.md says how); they need to be right only where two algorithms are close.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "algorithms/common/blocking.h"
#include "algorithms/correlation/correlation.h"
#include "core/cache.h"
#include "core/exec.h"
#include "core/platform.h"

namespace fastconv {

// The product of m x k weights, in panels of mr rows, with `vectors` vectors of pixels, which
// `tiles` tiles hold. A core does `rate` FMAs of vectors in a cycle. Each row of a tile also waits
// for its share of the loads of pixels, kLoad cycles of them for each vector; a tile of one row
// takes `one_row` cycles for each FMA. Sums follow each other by kLatency cycles at least: a tile
// of one row and one vector takes as long for a term as one of four. kTile cycles go into calling
// each tile, starting its sums and storing them.
inline constexpr double kOneRow = 1.1;
inline double gemm_cycles(index_t k, index_t m, index_t mr, double vectors, double tiles,
                          double rate, double one_row = kOneRow) {
  constexpr double kLoad = 0.4, kLatency = 4.4, kTile = 30;
  const double each = mr == 1 ? one_row : 1 / rate + kLoad / double(mr);
  const double calls = double(ceil_div(m, mr)) * tiles;
  return double(k) * std::max(double(m) * vectors * each, calls * kLatency) + calls * kTile;
}

// Into how many runs a strip gathers what the taps of an axis read: taps whose offsets are equal
// modulo the stride share one, unless they are further apart than a row of outputs is long.
inline double gathered_runs(const TapAxis& axis) {
  const index_t distance = std::abs(axis.even_step()), common = std::gcd(distance, axis.in_step);
  if (distance == 0 || distance / common > axis.count) return double(axis.n_taps());
  return double(std::min(axis.n_taps(), axis.in_step / common));
}

// For how many of its outputs a tap reads the image, not the padding.
inline index_t outputs_within(const TapAxis& axis, const Tap& tap) {
  const auto before = [&](index_t place) {  // the outputs for which the tap reads before a place
    return std::clamp(ceil_div(place - tap.offset, axis.in_step), index_t{0}, axis.count);
  };
  return before(axis.in) - before(0);
}

// The bytes of a channel of an image which its taps bring in: whole cache lines of the rows that
// they read.
inline double bytes_read(const Correlation& r, index_t item) {
  constexpr double kLine = 64;
  const double rows = std::min(double(r.h.in), double(r.h.count) * double(r.h.n_taps()));
  return rows *
         std::min(double(r.w.in) * double(item), kLine * double(r.w.count) * double(r.w.n_taps()));
}

// The costs of one phase. An element has `item` bytes.
class PhaseCost {
 public:
  PhaseCost(const Correlation& r, const Tile& tile, index_t lanes, index_t item)
      : r_(r), tile_(tile), lanes_(lanes), item_(item) {}
  template <class T>
  static PhaseCost of(const Correlation& r, const Exec& exec) {
    const auto& gemm = exec.kernels<T>().conv.gemm;
    return {r, choose_tile(gemm, r.m), gemm.lanes, sizeof(T)};
  }

  // How many products there are: one for each image and group. The functions below that do not say
  // otherwise give the cost of one of them.
  double images() const { return double(r_.batch) * double(r_.groups); }
  double weights() const { return double(r_.groups) * double(r_.m) * double(r_.k()); }
  double weight_bytes() const { return weights() * double(item_); }
  // How many vectors the outputs of one channel fill if each row of outputs is cut into vectors
  // alone, so that its last vector may be partly empty.
  double row_vectors() const { return double(r_.h.count) * double(ceil_div(r_.w.count, lanes_)); }

  double product(double vectors, double tiles) const {
    // A vector that a tap reads from a strip mostly lies in two cache lines where it is as long as
    // one, which takes two loads: 2.0 to 2.2 cycles for each FMA where a core begins one in a
    // cycle.
    constexpr double kTwoLines = 2.05;
    const bool two_lines = r_.w.n_taps() > 1 && lanes_ * item_ == 64;
    return gemm_cycles(r_.k(), r_.m, tile_.mr, vectors, tiles, rate(),
                       two_lines ? std::max(kTwoLines / rate(), kOneRow) : kOneRow);
  }
  // The product with `pixels` pixels that are neighbours: only their last vector may be partly
  // empty.
  double block(index_t pixels) const {
    return gemm_cycles(r_.k(), r_.m, tile_.mr, double(ceil_div(pixels, lanes_)),
                       double(ceil_div(pixels, tile_.nr)), rate());
  }

  // Copying elements of a row of the image. Neighbours are copied as vectors (kVectorCopy cycles
  // for each vector). Every second or fourth element is taken out of whole vectors (kUnzipped
  // cycles for each element). Elements at other strides are copied one by one (kGather cycles).
  double copies(double elements) const {
    constexpr double kVectorCopy = 2, kUnzipped = 0.5, kGather = 1;
    const index_t step = r_.w.in_step;
    return elements * (step == 1                ? kVectorCopy / double(lanes_)
                       : step == 2 || step == 4 ? kUnzipped
                                                : kGather);
  }
  // Gathering one channel of the strips. A row of outputs needs one row of the strip for each tap
  // of h; the rows of outputs of a block share what they need. Each row is gathered in `runs` runs.
  double rows_gathered(double runs) const {
    constexpr double kShared = 4;  // rows of outputs that share what they need
    const double taps = double(r_.h.n_taps());
    const double rows = double(r_.h.count) * std::min(taps, double(r_.h.in_step) + taps / kShared);
    return rows * row_gathered(runs, double(r_.w.count));
  }
  // Gathering one row of a strip, in `runs` runs of `columns` elements.
  double row_gathered(double runs, double columns) const {
    constexpr double kRow = 5;  // cycles to begin a run of a row
    return runs * kRow + copies(runs * columns);
  }
  // Reading the images of a product from beyond L2, where every third element of a row is taken, or
  // fewer: whole cache lines come for them. Nothing hides that, while neighbours are fetched ahead
  // (11 layers at strides 3 to 11, dense and depthwise: 1.1 to 2.5 times the cost without it).
  double lines_between() const {
    constexpr double kByte = 0.2;  // cycles
    const double image = double(r_.c) * double(r_.in_plane() * item_);
    if (r_.w.in_step < 3 || images() * image <= double(cache_sizes().l2)) return 0;
    return double(r_.c) * bytes_read(r_, item_) * kByte;
  }
  // Storing outputs that are not neighbours, because outputs of other phases lie between them:
  // cycles for each vector, and as many again where the result has left L2 when the next phase
  // comes (dX of 3x3 s2 128@56: within 3 % with AVX2 at N = 1; at N = 16 without it 20 % too few).
  double scattered(double vectors) const {
    constexpr double kScattered = 20;
    if (r_.plain_output()) return 0;
    const double bytes = images() * double(r_.m) * double(r_.out_plane()) * double(item_);
    const double again = bytes > double(cache_sizes().l2) ? 2 : 1;
    return double(r_.m) * vectors * kScattered * again;
  }
  // Packing the weights of all groups as panels, which a call pays unless they are prepacked. The
  // weights of a forward convolution are transposed, those of an adjoint, or of a kernel of which
  // some taps are left out, are gathered.
  double packed_panels() const {
    constexpr double kTransposed = 0.85, kGathered = 1.5;  // cycles for each weight
    const bool in_order = r_.w_m > r_.w_c && r_.taps() == r_.w_c;
    return passed_over() + weights() * (in_order ? kTransposed : kGathered);
  }

  // Packing a phase of several passes over the weights of all, and leaves out those of the others.
  double passed_over() const {
    constexpr double kLeftOut = 0.05;  // a weight
    const double taps = double(std::min(r_.w_m, r_.w_c));
    return double(r_.groups) * double(r_.m) * double(r_.c) * (taps - double(r_.taps())) * kLeftOut;
  }

  const Correlation& r() const { return r_; }
  double rate() const { return fmas_per_cycle(lanes_ * item_); }  // of a core
  const Tile& tile() const { return tile_; }
  index_t lanes() const { return lanes_; }
  index_t item() const { return item_; }

 private:
  const Correlation& r_;
  Tile tile_;
  index_t lanes_, item_;
};

}  // namespace fastconv
