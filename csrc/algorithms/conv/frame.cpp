// SPDX-License-Identifier: MIT
// How the gradient of a frame is folded back to that of its image.
#include "algorithms/conv/frame.h"

#include <algorithm>

#include "core/parallel.h"

namespace fastconv {

ConvDesc frame_of(const ConvDesc& d) {
  ConvDesc frame = d;
  frame.mode = PadMode::zeros;
  for (Axis* axis : {&frame.h, &frame.w}) {
    axis->in += axis->lo + axis->hi;
    axis->lo = axis->hi = 0;
  }
  return validated(frame);
}

template <class T>
void fold_padding(const ConvDesc& d, const T* padded, T* dx, index_t dx_image,
                  const Exec& exec) noexcept {
  const index_t planes = d.batch * d.c_in;
  const index_t image = dx_image == 0 ? d.c_in * d.in_plane() : dx_image;
  const index_t height = d.h.lo + d.h.in + d.h.hi, width = d.w.lo + d.w.in + d.w.hi;
  const double work = double(planes) * double(height) * double(width);
  parallel_for(planes, useful_threads(planes, work, exec.threads), [&](index_t plane, int) {
    T* to = dx + plane / d.c_in * image + plane % d.c_in * d.in_plane();
    const T* from = padded + plane * height * width;
    std::fill_n(to, d.in_plane(), T{0});
    for (index_t i = 0; i < height; ++i, from += width) {
      T* row = to + padded_source(d.mode, i - d.h.lo, d.h.in) * d.w.in;
      for (index_t j = 0; j < width; ++j) row[padded_source(d.mode, j - d.w.lo, d.w.in)] += from[j];
    }
  });
}

template void fold_padding(const ConvDesc&, const float*, float*, index_t, const Exec&) noexcept;
template void fold_padding(const ConvDesc&, const double*, double*, index_t, const Exec&) noexcept;

}  // namespace fastconv
