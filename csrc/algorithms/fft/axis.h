// SPDX-License-Identifier: MIT
// How the rows of a correlation are cut into lines for the Fourier transform. A row is cut so that
// neither a stride nor a dilation is left, and nothing is computed in vain:
//
// - Output q of a dilated row belongs to phase r = q mod phases; a phase is a row without dilation.
// - At a stride every output reads `combs` combs: elements that are a stride apart. Tap t belongs
// to
//   comb t mod combs.
//
//     output phases * j + r  =  sum over combs u and taps v of
//         w[combs * v + u] * x[first + r * phase_step + u * comb_step + (j + v) * step]
//
// Each comb is cut into blocks of `hop` outputs, whose lines of `size` elements overlap. A kernel
// that is longer than a block is cut into `parts` of `hop` taps: part p of block b reads the line
// of block b + p.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <numeric>

#include "algorithms/correlation/correlation.h"
#include "algorithms/fft/transform.h"

namespace fastconv::fft {

struct LineAxis {
  index_t phases = 1, combs = 1;
  index_t phase_step = 1, comb_step = 1, first = 0, step = 1;
  index_t taps = 1;       // of a comb, at most
  index_t outputs = 1;    // of a phase, at most
  index_t end = 0;        // no output reads this place or any beyond
  bool reversed = false;  // whether the taps read backwards, as an adjoint's do
  // Where the weight of the tap that reads first lies in a row of the kernel, and how much further
  // on that of the next one lies.
  index_t kernel = 0, kernel_step = 1;

  // `count` outputs, a stride apart, read from `offset` on through n taps, a dilation apart.
  LineAxis(index_t offset, index_t n, index_t dilation, index_t count, index_t stride)
      : phase_step(stride), comb_step(dilation), first(offset) {
    const index_t common = std::gcd(dilation, stride);
    phases = dilation / common, step = phases * stride;
    all_combs_ = stride / common;
    combs = std::min(all_combs_, n);
    taps = ceil_div(n, all_combs_);
    outputs = ceil_div(count, phases);
    phases = std::min(phases, count);
    end = offset + (count - 1) * stride + (n - 1) * dilation + 1;
  }
  explicit LineAxis(const TapAxis& axis)
      : LineAxis((axis.even_step() < 0 ? axis.taps.back() : axis.taps.front()).offset,
                 axis.n_taps(), std::abs(axis.even_step()), axis.count, axis.in_step) {
    reversed = axis.even_step() < 0;
    kernel = (reversed ? axis.taps.back() : axis.taps.front()).kernel;
    if (axis.n_taps() > 1)
      kernel_step = (axis.taps[1].kernel - axis.taps[0].kernel) * (reversed ? -1 : 1);
  }

  // The number, in the order in which taps read, of tap v of comb u; it may be beyond the last tap.
  index_t tap(index_t u, index_t v) const { return all_combs_ * v + u; }
  // How many of n taps comb u has.
  index_t taps_of(index_t u, index_t n) const { return ceil_div(n - u, all_combs_); }
  // How many of an axis's `count` outputs phase r has.
  index_t outputs_of(index_t r, index_t count) const { return ceil_div(count - r, phases); }

 private:
  index_t all_combs_ = 1;
};

// Whether the taps of r's rows are equally far apart.
inline bool takes(const Correlation& r) { return r.w.even_step() != 0; }

// The blocks of a phase for lines of one size.
struct Blocks {
  index_t size, hop, parts, blocks;
  Blocks(const LineAxis& axis, index_t n) : size(n) {
    const bool one = axis.taps <= n / 2 + 1 || axis.taps + axis.outputs - 1 <= n;
    hop = one ? n - axis.taps + 1 : n / 2;
    parts = one ? 1 : ceil_div(axis.taps, hop);
    blocks = ceil_div(axis.outputs, hop);
  }
  index_t frequencies() const { return size / 2 + 1; }
  index_t part_taps(const LineAxis& axis) const { return parts == 1 ? axis.taps : hop; }
  index_t inputs() const { return blocks + parts - 1; }  // the lines that a phase reads
};

}  // namespace fastconv::fft
