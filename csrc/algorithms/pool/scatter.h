// SPDX-License-Identifier: MIT
// Moving elements of planes to and from given places: unpooling, and the gradients of pools with
// indices. A plane of a scattered result belongs to one thread, so that duplicates are added, or
// overwritten, in the order of the outputs. Arrays of pixels are moved as they lie.
#pragma once

#include <cstdint>

#include "core/types.h"

namespace fastconv::pool {

struct Planes {
  index_t count, n, places;  // planes of n elements each, whose indices are within 0..places
  // Of pixels, which all arrays are then: how many channels lie side by side, and how far apart
  // images and pixels of the result do. 0 for planes.
  index_t channels = 0, to_image = 0, to_pixel = 0;
};

// The position of the first index outside 0..places, or -1: as planes lie, of pixels too.
index_t first_outside(const Planes& planes, const std::int64_t* indices, int threads) noexcept;

// y gets each x at its index: added, or the last one kept; else 0. These three return what
// first_outside does; they read and write nothing there.
template <class T>
index_t scatter_add(const Planes& planes, const T* x, const std::int64_t* indices, T* y,
                    int threads) noexcept;
template <class T>
index_t scatter(const Planes& planes, const T* x, const std::int64_t* indices, T* y,
                int threads) noexcept;

// y[i] = x[indices[i]].
template <class T>
index_t gather(const Planes& planes, const T* x, const std::int64_t* indices, T* y,
               int threads) noexcept;

}  // namespace fastconv::pool
