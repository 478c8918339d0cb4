// SPDX-License-Identifier: MIT
// What every loop nest computes. A convolution is one Correlation; a transposed convolution, or the
// gradient of a convolution's input, is one for each phase of its stride, so that no zeros are
// inserted and no column buffer is scattered.
//
//   y[n, g, m, start + q * out_step] =
//       bias[g, m] + sum over c and taps of  w[g, m, c, tap] * x[n, g, c, q * in_step + tap.offset]
#pragma once

#include <vector>

#include "core/conv_desc.h"
#include "core/conv_kernels.h"

namespace fastconv {

struct TapAxis {                                 // it has at least one tap
  index_t in = 1, in_step = 1;                   // the axis that is read
  index_t out = 1, out_start = 0, out_step = 1;  // the axis that is written
  index_t count = 1;                             // how many outputs, q
  std::vector<Tap> taps;

  index_t n_taps() const { return static_cast<index_t>(taps.size()); }
  PackAxis reads() const { return {in, in_step, taps.data(), n_taps()}; }
  // The distance of neighbouring taps, where all are equally far apart, 1 for a single one; else 0.
  // An adjoint's taps read from the end on: their distance is negative.
  index_t even_step() const;
  bool plain_output() const { return out_step == 1 && count == out; }
  // One tap that reads exactly what is written: the axis of a 1x1 convolution.
  bool is_identity() const {
    return n_taps() == 1 && taps[0].offset == 0 && in_step == 1 && plain_output() && in == out;
  }
};

struct Correlation {
  index_t batch = 1, groups = 1, m = 1, c = 1;  // m outputs and c inputs per group
  TapAxis h, w;
  PadMode mode = PadMode::zeros;
  index_t w_group = 0, w_m = 0, w_c = 0,
          w_row = 1;  // strides of the weights; taps of w are 1 apart

  index_t taps() const { return h.n_taps() * w.n_taps(); }
  index_t k() const { return c * taps(); }
  index_t in_plane() const { return h.in * w.in; }
  index_t out_plane() const { return h.out * w.out; }
  index_t pixels() const { return h.count * w.count; }
  bool plain_output() const { return h.plain_output() && w.plain_output(); }
  double fmas() const {
    return double(batch) * double(groups) * double(m) * double(k()) * double(pixels());
  }
};

Correlation forward_of(const ConvDesc& d);

// The phases of the adjoint: of the map from d's output to d's input. Outputs that no phase writes
// receive nothing; `*complete` tells whether there are none. d.mode must be zeros.
std::vector<Correlation> adjoint_of(const ConvDesc& d, bool* complete);

// 1x1, stride 1, no padding: every output reads the pixel at its own place.
inline bool is_pointwise(const Correlation& r) { return r.h.is_identity() && r.w.is_identity(); }
// One input channel per group.
inline bool is_depthwise(const Correlation& r) { return r.c == 1; }

// A 1x1 convolution whose images have one row each.
Correlation flattened(const Correlation& r);

// Outputs first.. of row-major planes, one image's after the other's, as pieces of rows; returns
// how many (at most n).
index_t split_rows(const Correlation& r, index_t first, index_t n, RowSegment* segments) noexcept;

}  // namespace fastconv
