// SPDX-License-Identifier: MIT
// How images get into their frames, and how the gradient of a frame is folded back.
#include "algorithms/correlation/frame.h"

#include <algorithm>

#include "core/parallel.h"

namespace fastconv {

ConvDesc frame_of(const ConvDesc& d) {
  ConvDesc frame = d;
  frame.mode = PadMode::zeros;
  frame.pad_value = 0;
  for (Axis* axis : {&frame.h, &frame.w}) {
    axis->in += axis->lo + axis->hi;
    axis->lo = axis->hi = 0;
  }
  return validated(frame);
}

namespace {

// One channel of an image or, where pixels are folded, all channels of one together.
template <class T>
struct Folded {
  const T* from;
  T* to;
  index_t row, pixel, n;  // the steps of `to`; the neighbouring elements of a pixel
};

template <class T>
void fold(const ConvDesc& d, const Folded<T>& f) noexcept {
  const index_t height = d.h.lo + d.h.in + d.h.hi, width = d.w.lo + d.w.in + d.w.hi;
  for (index_t i = 0; i < d.h.in; ++i)
    for (index_t j = 0; j < d.w.in; ++j) std::fill_n(f.to + i * f.row + j * f.pixel, f.n, T{0});
  const T* from = f.from;
  for (index_t i = 0; i < height; ++i) {
    T* row = f.to + padded_source(d.mode, i - d.h.lo, d.h.in) * f.row;
    for (index_t j = 0; j < width; ++j, from += f.n) {
      T* to = row + padded_source(d.mode, j - d.w.lo, d.w.in) * f.pixel;
      for (index_t c = 0; c < f.n; ++c) to[c] += from[c];
    }
  }
}

}  // namespace

template <class T>
void fold_padding(const ConvDesc& d, const T* padded, const ConvArgs<T>& args,
                  const Exec& exec) noexcept {
  const bool pixels = args.y_pixel != 0;
  const index_t planes = pixels ? 1 : d.c_in, n = pixels ? d.c_in : 1, tasks = d.batch * planes;
  const index_t image = args.y_image == 0 ? d.c_in * d.in_plane() : args.y_image;
  const index_t size = (d.h.lo + d.h.in + d.h.hi) * (d.w.lo + d.w.in + d.w.hi) * n;
  const double work = double(tasks) * double(size);
  parallel_for(tasks, useful_threads(tasks, work, exec.threads), [&](index_t task, int) {
    T* to = args.y + task / planes * image + task % planes * d.in_plane();
    fold<T>(d,
            {padded + task * size, to, pixels ? args.y_row : d.w.in, pixels ? args.y_pixel : 1, n});
  });
}

template <class T>
void fill_frames(const ConvDesc& d, T* to, ConvArgs<T>& args, const Exec& exec) noexcept {
  const bool pixels = args.x_pixel != 0;
  const index_t planes = pixels ? 1 : d.c_in, n = pixels ? d.c_in : 1, tasks = d.batch * planes;
  const index_t image = args.x_image == 0 ? d.c_in * d.in_plane() : args.x_image;
  const index_t row = pixels ? args.x_row : d.w.in, pixel = pixels ? args.x_pixel : 1;
  const index_t to_row = (d.w.lo + d.w.in + d.w.hi) * n;
  const index_t height = d.h.lo + d.h.in + d.h.hi, size = height * to_row;
  const auto value = static_cast<T>(d.pad_value);
  const double work = double(tasks) * double(size);
  parallel_for(tasks, useful_threads(tasks, work, exec.threads), [&](index_t task, int) {
    T* out = to + task * size;
    const T* from = args.x + task / planes * image + task % planes * d.in_plane();
    for (index_t i = 0; i < height; ++i) {
      if (i < d.h.lo || i >= d.h.lo + d.h.in) {
        out = std::fill_n(out, to_row, value);
        continue;
      }
      out = std::fill_n(out, d.w.lo * n, value);
      const T* line = from + (i - d.h.lo) * row;
      if (pixel == n)
        out = std::copy_n(line, d.w.in * n, out);
      else
        for (index_t j = 0; j < d.w.in; ++j) out = std::copy_n(line + j * pixel, n, out);
      out = std::fill_n(out, d.w.hi * n, value);
    }
  });
  args.x = to;
  args.x_pixel = pixels ? n : 0;
  args.x_row = pixels ? to_row : 0;
  args.x_image = pixels ? size : 0;
}

template void fill_frames(const ConvDesc&, float*, ConvArgs<float>&, const Exec&) noexcept;
template void fill_frames(const ConvDesc&, double*, ConvArgs<double>&, const Exec&) noexcept;
template void fold_padding(const ConvDesc&, const float*, const ConvArgs<float>&,
                           const Exec&) noexcept;
template void fold_padding(const ConvDesc&, const double*, const ConvArgs<double>&,
                           const Exec&) noexcept;

}  // namespace fastconv
