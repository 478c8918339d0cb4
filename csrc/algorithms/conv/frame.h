// SPDX-License-Identifier: MIT
// Gradients through padding modes other than zeros: the gradient of the padded image, its frame, as
// if that were the image, which is then folded back.
#pragma once

#include "core/conv_desc.h"
#include "core/exec.h"

namespace fastconv {

// The padded image of d as an image of its own. Throws std::invalid_argument if it is too large.
ConvDesc frame_of(const ConvDesc& d);

// dx = the adjoint of padding x by mode: each padded element's gradient goes to the element that it
// copies. `padded` has planes of (h.lo + h.in + h.hi) by (w.lo + w.in + w.hi).
template <class T>
void fold_padding(const ConvDesc& d, index_t planes, const T* padded, T* dx,
                  const Exec& exec) noexcept;

}  // namespace fastconv
