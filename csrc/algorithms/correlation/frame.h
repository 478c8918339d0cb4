// SPDX-License-Identifier: MIT
// Images together with their padding, which are frames. Gradients through padding modes other than
// zeros are computed as if the frame were the image, and then folded back. Where the padding is a
// constant, the image is copied into its frame first, since kernels know no padding but zeros and
// copies of the image.
#pragma once

#include "algorithms/correlation/job.h"
#include "core/conv_desc.h"
#include "core/exec.h"

namespace fastconv {

// The convolution d with its frame as the image, so that it needs no padding. Throws
// std::invalid_argument if the frame is too large.
ConvDesc frame_of(const ConvDesc& d);

// Computes args.y, the gradient of the image, from that of the frame, `padded`: to each element of
// the image goes the sum of the gradients of all elements of the frame that copy it. The planes of
// the frame are (h.lo + h.in + h.hi) by (w.lo + w.in + w.hi). Both are planes, or both are pixels.
template <class T>
void fold_padding(const ConvDesc& d, const T* padded, const ConvArgs<T>& args,
                  const Exec& exec) noexcept;

// Copies args.x, planes or pixels, into frames at `to`, without gaps, in which d.pad_value stands
// around each image; `args` then describes these.
template <class T>
void fill_frames(const ConvDesc& d, T* to, ConvArgs<T>& args, const Exec& exec) noexcept;

}  // namespace fastconv
