// SPDX-License-Identifier: MIT
// What every algorithm computes. A convolution is one Correlation; a transposed convolution, or the
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

// One axis of a correlation. Output q < count is written to place out_start + q * out_step; through
// each tap it reads place q * in_step + tap.offset, which may lie in the padding.
struct TapAxis {
  index_t in = 1, in_step = 1;                   // of the axis that is read: its length, the stride
  index_t out = 1, out_start = 0, out_step = 1;  // of the axis that is written, whose length is out
  index_t count = 1;                             // how many outputs this correlation computes
  std::vector<Tap> taps;                         // at least one in a problem

  index_t n_taps() const { return static_cast<index_t>(taps.size()); }
  PackAxis reads() const { return {in, in_step, taps.data(), n_taps()}; }
  // How far apart neighbouring taps read, if all of them are equally far apart, and else 0. It is 1
  // for a single tap, and negative in an adjoint, whose taps read backwards.
  index_t even_step() const;
  // Whether the outputs fill the axis, with no outputs of other phases between them.
  bool plain_output() const { return out_step == 1 && count == out; }
  // Whether this is an axis of a 1x1 convolution: its only tap reads the place that is written.
  bool is_identity() const {
    return n_taps() == 1 && taps[0].offset == 0 && in_step == 1 && plain_output() && in == out;
  }
};

struct Correlation {
  index_t batch = 1, groups = 1;
  index_t m = 1, c = 1;  // the output and the input channels of each group
  TapAxis h, w;
  PadMode mode = PadMode::zeros;
  // How far apart in the caller's array of weights neighbouring groups, output channels, input
  // channels and rows of the kernel lie. Neighbouring weights of a row are 1 apart.
  index_t w_group = 0, w_m = 0, w_c = 0, w_row = 1;

  index_t taps() const { return h.n_taps() * w.n_taps(); }
  index_t k() const { return c * taps(); }  // the terms of each output's sum
  index_t in_plane() const { return h.in * w.in; }
  index_t out_plane() const { return h.out * w.out; }   // with the outputs of other phases
  index_t pixels() const { return h.count * w.count; }  // the outputs of this phase in a plane
  bool plain_output() const { return h.plain_output() && w.plain_output(); }
  double fmas() const {
    return double(batch) * double(groups) * double(m) * double(k()) * double(pixels());
  }
};

// Which taps a correlation has: those that read an element of the image for some output, or also
// those that only read zeros. Of the former a 3x3 kernel has one on images of one pixel, and is
// then a 1x1 kernel; a kernel that is larger than the image has some, or none.
enum class Taps { reaching, all };

// The correlation that the convolution d is.
Correlation forward_of(const ConvDesc& d, Taps taps = Taps::reaching);

// The phases of d's adjoint, which maps d's output to d's input. No tap reaches the outputs that no
// phase writes; `*complete` becomes whether there are no such outputs. d.mode must be zeros.
std::vector<Correlation> adjoint_of(const ConvDesc& d, bool* complete, Taps taps = Taps::reaching);

// Whether r is a 1x1 convolution with stride 1 and no padding: every output reads the pixel at its
// own place.
inline bool is_pointwise(const Correlation& r) { return r.h.is_identity() && r.w.is_identity(); }
// Whether each group has one input channel.
inline bool is_depthwise(const Correlation& r) { return r.c == 1; }

// The 1x1 convolution r once more, with each image as a single row.
Correlation flattened(const Correlation& r);

// Cuts n outputs, from number `first` on, into segments that lie in one row each, and returns how
// many segments these are (at most n). Outputs are numbered row by row, image after image.
index_t split_rows(const Correlation& r, index_t first, index_t n, RowSegment* segments) noexcept;

}  // namespace fastconv
