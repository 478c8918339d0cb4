// SPDX-License-Identifier: MIT
// What the entries cost for one phase, in cycles of one core, and which size of lines costs least.
// The constants were fitted on one thread of a Zen 4 with AVX-512, from 500 samples to 480,000 and
// from 16x16 pixels to 224x224 (bench/NOTES.md); predictions are 0.7 to 1.3 times what was
// measured.
#pragma once

#include <algorithm>
#include <cmath>

#include "algorithms/correlation/cost.h"
#include "algorithms/correlation/offer.h"
#include "algorithms/fft/axis.h"
#include "core/platform.h"

namespace fastconv::fft {

// A size by its index in kSizes, and what it costs.
struct Choice {
  int size = -1;  // -1: no size will do
  double cycles = 0, packing = 0, weight_bytes = 0;
  // What a call costs, as choose() will see it.
  double total(const Request& request) const {
    return offered(cycles, packing, weight_bytes, request).cycles;
  }
};

// Why the family does not take r, or null.
inline const char* refused(const Correlation& r, const Request& request) {
  if (request.plain_sums()) return "precision='highest' allows plain sums only";
  if (!takes(r)) return "the taps of a row must be equally far apart";
  return nullptr;
}

// The costs of transforms. A vector has `lanes` elements of `item` bytes.
class LineCost {
 public:
  LineCost(index_t lanes, index_t item) : lanes_(lanes), rate_(fmas_per_cycle(lanes * item)) {}

  // One transform of a vector of lines of n elements, and their way from the image to planes, or
  // back: each lane is a call of a kernel or two. Elements that lie a step apart are gathered, or
  // scattered, one by one: 1.3 to 3 cycles each at dilations of 4 to 16.
  double line(index_t n, bool apart) const {
    constexpr double kPass = 2.3;  // cycles of an element of a line for each power of two, at one
                                   // operation a cycle
    constexpr double kMoved = 7, kVector = 700;  // for reading or writing an element, and a vector
    constexpr double kApart = 2;                 // for an element of a lane
    const double moved = kMoved + (apart ? kApart * double(lanes_) : 0);
    return double(n) * (std::log2(double(n)) * kPass / rate_ + moved) + kVector;
  }
  // Writing and reading a vector of spectra in another order.
  double moved(index_t frequencies, index_t planes) const {
    constexpr double kMoved = 4;
    return double(frequencies * planes) * kMoved;
  }
  double rate() const { return rate_; }

 private:
  index_t lanes_;
  double rate_;
};

// The rows of an image that `count` rows of outputs read, for each residue of the stride.
struct Halo {
  explicit Halo(const TapAxis& axis) : residues(std::min(axis.in_step, axis.n_taps())) {
    index_t low = axis.taps[0].offset, high = low;
    for (const Tap& tap : axis.taps)
      low = std::min(low, tap.offset), high = std::max(high, tap.offset);
    rows = (high - low) / axis.in_step;
  }
  index_t rows = 0, residues;  // as RowAxis has them
  // With those that two blocks of rows read.
  double reads(index_t count) const { return double(count) * (rows > 0 ? 1.2 : 1) + double(rows); }
};

// What the costs of both entries follow from.
struct Shape {
  template <class T>
  Shape(const Correlation& correlation, const GemmKernels<T>& gemm)
      : r(correlation),
        axis(r.w),
        tile(choose_tile(gemm, r.m)),
        lanes(gemm.lanes),
        item(sizeof(T)),
        line(lanes, item),
        halo(r.h) {}
  const Correlation& r;
  LineAxis axis;
  Tile tile;
  index_t lanes, item;
  LineCost line;
  Halo halo;

  double terms(const Blocks& blocks) const {  // of an input channel
    return double(r.h.n_taps()) * double(axis.combs) * double(blocks.parts);
  }
  double read(index_t n) const { return line.line(n, axis.step > 1); }
  double written(index_t n) const { return line.line(n, axis.phases > 1); }
  double rows() const { return halo.reads(r.h.count); }
};

// The costs of `fft`: its lanes are blocks and rows.
struct SharedCost {
  static Choice of(const Shape& s, index_t n) {
    const Blocks blocks(s.axis, n);
    const double c = double(s.r.c), m = double(s.r.m), groups = double(s.r.groups);
    const double phases = double(s.r.batch) * double(s.axis.phases);
    const double components = c * double(s.halo.residues) * double(s.axis.combs);
    const double terms = c * s.terms(blocks);
    const double in = std::ceil(phases * double(blocks.inputs()) * s.rows() / double(s.lanes));
    // The rows of the last column end with its outputs.
    const double columns = phases * double(blocks.blocks), last = double(s.r.h.count);
    const double out = std::ceil(((columns - 1) * s.rows() + last) / double(s.lanes));
    const index_t f = blocks.frequencies();
    const double bytes = double(f) * 2 * m * terms * double(s.item);
    const double read = s.read(n) + s.line.moved(f, s.r.m <= 2 ? 2 : 3);
    const double written = s.written(n) + s.line.moved(f, 2);
    const double sums = std::max(products(s, f, terms, out), stream(bytes, out));
    return {.cycles = groups * (components * in * read + m * out * written + sums),
            .packing = groups * std::ceil(m * terms / double(s.lanes)) *
                       (s.line.line(n, false) + s.line.moved(f, 2)),
            .weight_bytes = groups * bytes};
  }

 private:
  // All products of a group.
  static double products(const Shape& s, index_t f, double terms, double vectors) {
    constexpr double kFew = 1.3, kFrequency = 25;
    const double rate = s.line.rate();
    if (s.r.m <= 2)
      return double(f) * double(s.r.m) * (terms * vectors * 4 * kFew / rate + kFrequency);
    return double(f) * 2 *
           gemm_cycles(static_cast<index_t>(2 * terms), s.r.m, s.tile.mr, vectors,
                       std::ceil(vectors / double(s.tile.nv)), rate);
  }
  // Weights pass through once for every few vectors of lanes.
  static double stream(double bytes, double vectors) {
    constexpr double kNear = 5.5, kBeyond = 2, kVectors = 4;
    return std::ceil(vectors / kVectors) * bytes / (bytes > shared_l3() ? kBeyond : kNear);
  }
};

// The costs of `fft_channels`: its lanes are groups.
struct ChannelsCost {
  static Choice of(const Shape& s, index_t n) {
    constexpr double kTerm = 6;  // cycles of a frequency of a term, at one operation a cycle
    const Blocks blocks(s.axis, n);
    const double m = double(s.r.m), vectors = double(ceil_div(s.r.groups, s.lanes));
    const double images = vectors * double(s.r.batch) * double(s.axis.phases);
    const double in = images * double(blocks.inputs()) * s.rows() * double(s.halo.residues) *
                      double(s.axis.combs);
    const double out = images * double(blocks.blocks) * double(s.r.h.count) * m;
    const index_t f = blocks.frequencies();
    const double moved = s.line.moved(f, 1), terms = s.terms(blocks);
    const double sums = double(f) * terms * kTerm / s.line.rate();
    return {.cycles = in * (s.read(n) + moved) + out * (s.written(n) + moved + sums),
            .packing = vectors * m * terms * (s.line.line(n, false) + moved),
            .weight_bytes = vectors * m * terms * double(f * 2 * s.lanes * s.item)};
  }
};

// The size of lines that costs least.
template <class OneSize>
class Cost {
 public:
  template <class T>
  Cost(const Correlation& r, const GemmKernels<T>& gemm) : shape_(r, gemm) {}

  Choice best(const Request& request) const {
    // Kernels of so few taps, and calls that take but microseconds, are not worth a transform: one
    // size is enough to say so.
    constexpr index_t kFewTaps = 6, kSize = 64;
    constexpr double kLittle = 250e3;  // FMAs
    const bool hopeless = shape_.r.w.n_taps() < kFewTaps || shape_.r.fmas() < kLittle;
    const index_t reads = shape_.axis.taps + shape_.axis.outputs - 1;
    const index_t least = std::min(reads, std::max(hopeless ? kSize : 0, 2 * shape_.axis.taps - 1));
    Choice best;
    int dearer = 0;  // how many larger sizes in a row cost more than the best
    for (int i = 0; i < kNumSizes && dearer < 3; ++i) {
      // Only kernels that are too long for any line have several parts.
      const index_t n = kSizes[i];
      if (n < std::min(least, kShortest) || (i > 0 && kSizes[i - 1] >= reads)) continue;
      Choice one = OneSize::of(shape_, n);
      one.size = i;
      const bool better = best.size < 0 || one.total(request) < best.total(request);
      if (better) best = one;
      dearer = better ? 0 : dearer + 1;
      if (hopeless) break;
    }
    return best;
  }

 private:
  // Lines of this size and more may have parts of a kernel.
  static constexpr index_t kShortest = 2048;
  Shape shape_;
};

}  // namespace fastconv::fft
