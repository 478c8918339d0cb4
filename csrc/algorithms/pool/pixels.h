// SPDX-License-Identifier: MIT
// Pools and their gradients with channels in the lanes: of images whose channels are neighbours as
// they lie, and of planes by turning 16 of them at a time, block by block, inside the caches.
#pragma once

#include <cstdint>

#include "algorithms/pool/pool.h"

namespace fastconv {

// The windows along an axis; those of the adjoint gather, for each element of the input, the
// outputs that it is part of.
struct PixelWindows {
  Axis axis;
  bool adjoint;

  index_t in() const { return adjoint ? axis.out : axis.in; }
  index_t out() const { return adjoint ? axis.in : axis.out; }
  index_t step() const;            // between taps
  index_t longest() const;         // taps of a window at most
  index_t reach(index_t n) const;  // elements of the input from the first to the last of n windows
  index_t long_window() const;     // 0, or their length if they are to be joined as long ones
  Span operator()(index_t o) const;
};

inline constexpr index_t kLeastPlanes = 8;  // fewer leave too many lanes empty

enum class PixelUse { values, places, adjoint };

template <class T>
PixelPlan plan_pixels(const PoolDesc& d, const Pooling& pooling, PixelUse use, bool last);

template <class T>
void pool_pixels(const PoolDesc& d, const Pooling& pooling, const PixelPlan& plan, const T* x, T* y,
                 const Exec& exec, std::byte* scratch) noexcept;

// Maxima or minima with their places; no window is empty.
template <class T>
void place_pixels(const PoolDesc& d, const Pooling& pooling, const PixelPlan& plan, const T* x,
                  T* y, std::int64_t* places, const Exec& exec, std::byte* scratch) noexcept;

// Gradient of sums and averages.
template <class T>
void spread_pixels(const PoolDesc& d, const Pooling& pooling, const PixelPlan& plan, const T* dy,
                   T* dx, const Exec& exec, std::byte* scratch) noexcept;

}  // namespace fastconv
