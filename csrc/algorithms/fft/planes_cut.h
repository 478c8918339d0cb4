// SPDX-License-Identifier: MIT
// How images are cut for transforms of both axes, and what these cost. A tile of h x w elements
// gives hop_h x hop_w outputs. Two tiles are transformed together, one as the real parts and one as
// the imaginary parts: kernels are real, so that they never mix.
#pragma once

#include <algorithm>
#include <cmath>

#include "algorithms/common/blocking.h"
#include "algorithms/fft/axis.h"
#include "algorithms/fft/cost.h"

namespace fastconv::fft {

// The outputs of one axis and the tiles of n elements that they are cut into.
struct TileAxis {
  index_t n, hop, tiles;
  TileAxis(const LineAxis& axis, index_t count, index_t size)
      : n(size), hop(size - axis.taps + 1), tiles(ceil_div(count, hop)) {}
};

struct PlanesCut {
  LineAxis h, w;
  TileAxis rows, columns;
  index_t pairs;  // of tiles, of one group; the last may have one tile only
  PlanesCut(const Correlation& r, index_t n_h, index_t n_w)
      : h(r.h),
        w(r.w),
        rows(h, r.h.count, n_h),
        columns(w, r.w.count, n_w),
        pairs(ceil_div(r.batch * rows.tiles * columns.tiles, 2)) {}
  index_t tiles(const Correlation& r) const { return r.batch * rows.tiles * columns.tiles; }
};

struct PlanesChoice {
  index_t h = 0, w = 0;  // of a tile; 0: none will do
  double cycles = 0, packing = 0, weight_bytes = 0;
};

// The sizes of tiles that a correlation may take: rows fill whole blocks of a transform (LongLine).
class PlanesCost {
 public:
  template <class T>
  PlanesCost(const Correlation& r, const GemmKernels<T>& gemm)
      : r_(r), h_(r.h), w_(r.w), lanes_(gemm.lanes), item_(sizeof(T)) {}

  PlanesChoice best(const Request& request) const {
    // Kernels of so few rows, and calls that take but microseconds, are not worth a transform: one
    // size is enough to say so.
    constexpr index_t kFewTaps = 6;
    constexpr double kLittle = 1e6;  // FMAs
    const bool hopeless = r_.h.n_taps() < kFewTaps || r_.fmas() < kLittle;
    PlanesChoice best;
    double least = 0;
    for (const index_t blocks : {1, 2, 3, 4, 5, 6, 8}) {
      const index_t w = blocks * lanes_ * lanes_, reads = w_.taps + r_.w.count - 1;
      if (w < w_.taps || w > kWidest) continue;
      for (const index_t h : kHeights) {
        if (h < h_.taps) continue;
        const PlanesChoice one = of(h, w);
        const double cycles = offered(one.cycles, one.packing, one.weight_bytes, request).cycles;
        if (one.h > 0 && (best.h == 0 || cycles < least)) best = one, least = cycles;
        if (best.h > 0 && (hopeless || h >= h_.taps + r_.h.count - 1)) break;
      }
      if (best.h > 0 && (hopeless || w >= reads)) break;
    }
    return best;
  }

 private:
  static constexpr index_t kWidest = 1024;
  static constexpr index_t kHeights[] = {16,  32,  48,  64,  80,  96,  128, 160,
                                         192, 256, 320, 384, 512, 640, 768, 1024};
  // The spectra of all input channels must not take more memory of a thread.
  static constexpr index_t kMost = 8 << 20;

  // Fitted on one thread of a Zen 4 with AVX-512 (bench/NOTES.md).
  PlanesChoice of(index_t h, index_t w) const {
    constexpr double kPass = 6;  // cycles of a vector of complex numbers for each power of two
    constexpr double kMoved = 35, kProduct = 14;
    constexpr double kNear = 5.5,
                     kBeyond = 2.4;  // bytes of spectra in a cycle, out of L3 or memory
    const double vectors = double(h * (w / lanes_ + 1));
    const double plane = 2 * double(lanes_ * item_) * vectors;
    if (plane * double(r_.c) > double(kMost)) return {};
    const double l2 = double(cache_sizes().l2), far = plane > 2 * l2 ? 1.3 : plane > l2 ? 1.15 : 1;
    const double rate = fmas_per_cycle(lanes_ * item_);
    const double transform = far * vectors * (std::log2(double(h * w)) * kPass / rate + kMoved);
    const PlanesCut cut(r_, h, w);
    const double c = double(r_.c), m = double(r_.m), groups = double(r_.groups);
    // Every pair reads the spectra of all kernels of its group.
    const double bytes = c * m * plane, rest = bytes > shared_l3() / 2 ? kBeyond : kNear;
    const double product = std::max(vectors * kProduct, bytes > l2 / 2 ? plane / rest : 0);
    return {.h = h,
            .w = w,
            .cycles = groups * double(cut.pairs) * ((c + m) * transform + c * m * product),
            .packing = groups * c * m * transform,
            .weight_bytes = groups * c * m * plane};
  }

  const Correlation& r_;
  LineAxis h_, w_;
  index_t lanes_, item_;
};

}  // namespace fastconv::fft
