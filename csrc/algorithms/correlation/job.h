// SPDX-License-Identifier: MIT
// The arrays of a call (ConvArgs), the same together with the correlation that is computed on them
// (Job), and what all algorithms do with finished outputs.
#pragma once

#include <algorithm>
#include <limits>

#include "algorithms/correlation/correlation.h"
#include "core/exec.h"

namespace fastconv {

// The arrays of one call. The caller's own weights are there even where they have been packed.
template <class T>
struct ConvArgs {
  const T* x;         // (N, G * c, h.in, w.in)
  const T* packed;    // the weights as Prepared::pack() wrote them
  const T* weights;   // the weights as the caller has them
  const T* bias;      // (G * m,) or null
  const T* residual;  // of y's shape or null; may be y
  T* y;               // (N, G * m, h.out, w.out)
  Activation activation = Activation::none;
  T slope = T{0};
  const T* slopes = nullptr;  // (G * m,), of a leaky_relu whose slope differs by channel, or null
  // How far apart the images of an array lie if there are gaps between them, as there are in a
  // slice of channels of a larger array. 0 if there are none.
  index_t x_image = 0, residual_image = 0, y_image = 0;
  // How far apart neighbouring rows and neighbouring pixels lie in an array of pixels (see
  // Layouts), whose step from image to image is always there, too. All are 0 in planes, which have
  // no gaps.
  index_t x_row = 0, residual_row = 0, y_row = 0;
  index_t x_pixel = 0, residual_pixel = 0, y_pixel = 0;
  T slope_of(index_t channel) const { return slopes ? slopes[channel] : slope; }
};

template <class T>
const T* limits_of(Activation activation) noexcept {
  static constexpr T relu[] = {0, std::numeric_limits<T>::infinity()}, relu6[] = {0, 6};
  return activation == Activation::relu ? relu : activation == Activation::relu6 ? relu6 : nullptr;
}

// One correlation and its arrays. For a phase among several, `packed` points at the packed weights
// of this phase.
template <class T>
struct Job : ConvArgs<T> {
  const Correlation& r;
  // The activation as the limits of a kernel, which cuts results before it stores them: a second
  // look at them, even in L1, takes 18 % of a layer of few terms (3 -> 64 channels, 3x3 s2 @112).
  // Null for all but relu and relu6.
  const T* limits;
  Job(const ConvArgs<T>& args, const Correlation& phase)
      : ConvArgs<T>(args), r(phase), limits(limits_of<T>(args.activation)) {
    if (x_image == 0) x_image = r.groups * r.c * r.in_plane();
    if (residual_image == 0) residual_image = r.groups * r.m * r.out_plane();
    if (y_image == 0) y_image = r.groups * r.m * r.out_plane();
  }
  using ConvArgs<T>::x, ConvArgs<T>::bias, ConvArgs<T>::residual;
  using ConvArgs<T>::x_image, ConvArgs<T>::residual_image, ConvArgs<T>::y_image;

  // Where the channels of image n begin that group g reads.
  const T* image(index_t n, index_t g) const { return x + n * x_image + g * r.c * r.in_plane(); }
  // The index in y at which the plane of output channel `row` of group g begins.
  index_t plane(index_t n, index_t g, index_t row) const {
    return n * y_image + (g * r.m + row) * r.out_plane();
  }
  // Where the same plane of the residual begins, or null if there is none.
  const T* residual_of(index_t n, index_t g, index_t row) const {
    return residual ? residual + n * residual_image + (g * r.m + row) * r.out_plane() : nullptr;
  }
  index_t channel(index_t g, index_t row) const { return g * r.m + row; }
  const T* bias_of(index_t g, index_t row) const { return bias ? bias + g * r.m + row : nullptr; }
};

// Applies the activation to `rows` rows of `n` finished outputs while they are in L1. Each row
// belongs to a channel, the first one to `channel`; or all to this one, if `step` is 0.
template <class T>
void activate_rows(const Job<T>& job, const Exec& exec, index_t channel, T* c, index_t ldc,
                   index_t rows, index_t n, index_t step = 1) noexcept {
  if (job.activation == Activation::none) return;
  const auto activate = exec.kernels<T>().elementwise.activate;
  for (index_t i = 0; i < rows; ++i)
    activate(job.activation, c + i * ldc, c + i * ldc, n, job.slope_of(channel + i * step));
}

// The same where kernels have been given the limits: only what is left is done.
template <class T>
void activate_rest(const Job<T>& job, const Exec& exec, index_t channel, T* c, index_t ldc,
                   index_t rows, index_t n, index_t step = 1) noexcept {
  if (!job.limits) activate_rows(job, exec, channel, c, ldc, rows, n, step);
}

// Applies the activation to the finished outputs of n channels of one pixel, from `channel` on.
template <class T>
void activate_pixel(const ConvArgs<T>& args, const Exec& exec, index_t channel, T* y,
                    index_t n) noexcept {
  if (args.activation == Activation::none) return;
  const auto& kernels = exec.kernels<T>().elementwise;
  if (args.slopes)
    kernels.prelu_row(y, args.slopes + channel, y, n);
  else
    kernels.activate(args.activation, y, y, n, args.slope);
}

// Copies n finished outputs, neighbours at `from`, to where they belong in `plane`: they are the
// outputs from (oh, ow) on of one row of the phase r.
template <class T>
void scatter_row(const Correlation& r, const T* from, index_t n, index_t oh, index_t ow,
                 T* plane) noexcept {
  T* to = plane + (r.h.out_start + oh * r.h.out_step) * r.w.out + r.w.out_start;
  if (r.w.out_step == 1) return void(std::copy_n(from, n, to + ow));
  for (index_t i = 0; i < n; ++i) to[(ow + i) * r.w.out_step] = from[i];
}

}  // namespace fastconv
