// SPDX-License-Identifier: MIT
// Packing: copies of pixels in the order in which tiles read them. Padding is resolved on the way,
// so that tiles never see a border.
#pragma once

#include "core/types.h"

namespace fastconv {

// One tap of a kernel along one axis: which weight, and where it reads relative to its output.
struct Tap {
  index_t kernel, offset;
};

// One axis of an image as a packer reads it: the tap t of output o reads place o * step + t.offset.
struct PackAxis {
  index_t in;    // the length of the axis
  index_t step;  // the stride
  const Tap* taps;
  index_t n_taps;
};

// `n` neighbouring outputs of row `oh` of image number `image`, from column `ow` on, which become
// columns dst, dst + 1, .. of a panel.
struct RowSegment {
  index_t dst, image, oh, ow, n;
};

// Rows k0..k1 of the im2col matrix for one panel of pixels. Row k belongs to one input channel and
// one tap of each axis, k = (channel * h.n_taps + tap of h) * w.n_taps + tap of w; its columns are
// what this tap reads for each output of the segments.
//
//     dst        segment 0          segment 1        none
//     k0       [ x x x x x x x x | x x x x x x x x | 0 0 0 ]   `width` columns
//     k0 + 1   [ x x x x x x x x | x x x x x x x x | 0 0 0 ]   ld further on
//       :      segment s begins at column s.dst; segments are listed from left to right
template <class T>
struct PackArgs {
  const T* image;      // the first channel that is read, of the first image
  index_t image_step;  // from an image to the next
  PackAxis h, w;
  PadMode mode;
  index_t k0, k1;
  const RowSegment* segments;
  index_t n_segments, width, ld;
  T* dst;
};

// Rows of an image, of which every step-th element is copied:
//
//     dst[i] = row[start + i * step],  i < n
//
//     row      [ width elements ]       dst      [ n zeros    ]   `above` rows
//              [ width elements ]  -->           [ n elements ]   `rows` rows, dst_step apart
//              row_step apart                    [ n zeros    ]   `below` rows
//
// where places outside 0..width hold what `mode` says: zeros, or copies of elements of the row. The
// same is done for `channels` channels, channel_step apart in the image and dst_channel in dst.
template <class T>
struct RowArgs {
  const T* row;
  index_t width, start, step, n;
  PadMode mode;
  T* dst;
  index_t rows = 1, row_step = 0, dst_step = 0;
  index_t above = 0, below = 0;
  index_t channels = 1, channel_step = 0, dst_channel = 0;
};

}  // namespace fastconv
