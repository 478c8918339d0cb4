// SPDX-License-Identifier: MIT
// Channels last to channels first and back.
#pragma once

#include "core/cache.h"
#include "core/exec.h"
#include "core/types.h"

namespace fastconv {

// An image whose channels are neighbours in memory; steps in elements, of any sign.
struct ChannelsLast {
  index_t n, c, h, w;
  index_t n_step, h_step, w_step;
};

// The images of an array: their number, channels, rows and columns.
struct ImageShape {
  index_t n, c, h, w;
  index_t size() const { return n * c * h * w; }
};
// How far apart the images, rows and pixels of an array of pixels lie.
struct PixelSteps {
  index_t image, row, pixel;
};
inline PixelSteps dense_pixels(const ImageShape& s) { return {s.h * s.w * s.c, s.w * s.c, s.c}; }

// So many images of an array of pixels. If the width is 1, the height takes its place.
inline ChannelsLast channels_last(const ImageShape& s, const PixelSteps& steps, index_t images) {
  if (s.w == 1) return {images, s.c, 1, s.h, steps.image, 0, steps.row};
  return {images, s.c, s.h, s.w, steps.image, steps.row, steps.pixel};
}

// What turning an array costs, in cycles of one core: more for each element where the array and its
// copy leave L2 (64@56 there and back: 105 us, 32@112 there and 64@112 back: 650 us).
template <class T>
double turning_cycles(index_t elements) {
  constexpr double kElement = 0.9, kBeyondL2 = 2;
  const bool stays = elements * index_t{sizeof(T)} <= cache_sizes().l2;
  return (stays ? kElement : kBeyondL2) * double(elements);
}

// Elements of `item` bytes: 1, 2, 4 or 8. `planes` is contiguous (N, C, H, W).
void to_planes(const ChannelsLast& image, index_t item, const void* x, void* planes,
               const Exec& exec) noexcept;
void from_planes(const ChannelsLast& image, index_t item, const void* planes, void* y,
                 const Exec& exec) noexcept;

}  // namespace fastconv
