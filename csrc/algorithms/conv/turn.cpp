// SPDX-License-Identifier: MIT
#include "algorithms/conv/turn.h"

namespace fastconv {
namespace {

template <class T>
void pixels_to_planes(const ImageShape& s, const PixelSteps& steps, const T* x, T* planes,
                      const Exec& exec) noexcept {
  to_planes(channels_last(s, steps, s.n), sizeof(T), x, planes, exec);
}

// Planes whose images may lie apart are turned image by image; `image` is 0 if there are no gaps.
template <class T>
void planes_to_pixels(const ImageShape& s, const T* planes, index_t image, const PixelSteps& steps,
                      T* y, const Exec& exec) noexcept {
  if (image == 0 || image == s.c * s.h * s.w)
    return from_planes(channels_last(s, steps, s.n), sizeof(T), planes, y, exec);
  for (index_t n = 0; n < s.n; ++n)
    from_planes(channels_last(s, steps, 1), sizeof(T), planes + n * image, y + n * steps.image,
                exec);
}

// The same the other way, into planes whose images may lie apart.
template <class T>
void pixels_to_spaced(const ImageShape& s, const T* pixels, T* planes, index_t image,
                      const Exec& exec) noexcept {
  const PixelSteps steps = dense_pixels(s);
  if (image == 0 || image == steps.image) return pixels_to_planes(s, steps, pixels, planes, exec);
  for (index_t n = 0; n < s.n; ++n)
    to_planes(channels_last(s, steps, 1), sizeof(T), pixels + n * steps.image, planes + n * image,
              exec);
}

}  // namespace

template <class T>
void turn_x(const ImageShape& s, T* to, ConvArgs<T>& args, const Exec& exec) noexcept {
  if (args.x_pixel != 0) {
    pixels_to_planes(s, {args.x_image, args.x_row, args.x_pixel}, args.x, to, exec);
    args.x_image = args.x_row = args.x_pixel = 0;
  } else {
    const PixelSteps steps = dense_pixels(s);
    planes_to_pixels(s, args.x, args.x_image, steps, to, exec);
    args.x_image = steps.image, args.x_row = steps.row, args.x_pixel = steps.pixel;
  }
  args.x = to;
}

template <class T>
void expect_turned_y(const ImageShape& s, T* work, ConvArgs<T>& args, const Exec& exec) noexcept {
  const bool to_planes = args.y_pixel != 0;
  const PixelSteps steps = to_planes ? PixelSteps{0, 0, 0} : dense_pixels(s);
  if (args.residual != nullptr) {
    if (to_planes)
      pixels_to_planes(s, {args.residual_image, args.residual_row, args.residual_pixel},
                       args.residual, work, exec);
    else
      planes_to_pixels(s, args.residual, args.residual_image, steps, work, exec);
    args.residual = work;
  }
  args.y = work;
  args.y_image = args.residual_image = steps.image;
  args.y_row = args.residual_row = steps.row;
  args.y_pixel = args.residual_pixel = steps.pixel;
}

template <class T>
void turn_y(const ImageShape& s, const T* work, const ConvArgs<T>& args,
            const Exec& exec) noexcept {
  if (args.y_pixel != 0)
    planes_to_pixels(s, work, 0, {args.y_image, args.y_row, args.y_pixel}, args.y, exec);
  else
    pixels_to_spaced(s, work, args.y, args.y_image, exec);
}

template void turn_x(const ImageShape&, float*, ConvArgs<float>&, const Exec&) noexcept;
template void turn_x(const ImageShape&, double*, ConvArgs<double>&, const Exec&) noexcept;
template void expect_turned_y(const ImageShape&, float*, ConvArgs<float>&, const Exec&) noexcept;
template void expect_turned_y(const ImageShape&, double*, ConvArgs<double>&, const Exec&) noexcept;
template void turn_y(const ImageShape&, const float*, const ConvArgs<float>&, const Exec&) noexcept;
template void turn_y(const ImageShape&, const double*, const ConvArgs<double>&,
                     const Exec&) noexcept;

}  // namespace fastconv
