// SPDX-License-Identifier: MIT
// What to pool: the planes, and where the windows lie on them; validated once.
#pragma once

#include <algorithm>
#include <optional>

#include "core/conv_desc.h"
#include "core/pool_kernels.h"
#include "core/types.h"

namespace fastconv {

// An axis whose .kernel is 0 is adaptive: of n elements and o windows, window i holds the elements
// from floor(i * n / o) up to ceil((i + 1) * n / o).
struct PoolDesc {
  int rank = 2;  // 1: one-dimensional, with a trivial h axis
  index_t batch = 1, channels = 1;
  Axis h{}, w{};
  constexpr index_t planes() const { return batch * channels; }
  constexpr index_t in_plane() const { return h.in * w.in; }
  constexpr index_t out_plane() const { return h.out * w.out; }
};

// The taps of window `o` that lie from place `lower` up to `upper`, where place 0 is the first
// element of the input.
inline Span taps_within(const Axis& a, index_t o, index_t lower, index_t upper) {
  const index_t start = o * a.stride - a.lo;
  if (start >= lower && start + a.reach() <= upper) return {start, a.kernel};
  const index_t first = start < lower ? ceil_div(lower - start, a.dilation) : 0;
  const index_t last = start < upper ? std::min(a.kernel, ceil_div(upper - start, a.dilation)) : 0;
  return {start + first * a.dilation, std::max<index_t>(0, last - first)};
}

// The taps of window `o` that lie inside the input.
inline Span span_of(const Axis& a, index_t o) {
  if (a.kernel > 0) return taps_within(a, o, 0, a.in);
  const index_t whole = a.in / a.out, rest = a.in % a.out;  // since o * in may not fit index_t
  const index_t at = o * whole + o * rest / a.out;
  return {at, (o + 1) * whole + ceil_div((o + 1) * rest, a.out) - at};
}

// Whether each plane is pooled as one window (a global pool).
inline bool is_whole(const PoolDesc& d) {
  const auto along = [](const Axis& a) {
    return a.out == 1 && a.kernel == a.in && a.lo == 0 && a.dilation == 1;
  };
  return d.planes() > 0 && along(d.h) && along(d.w);
}

// The number of elements of a window that lies inside; about that many for adaptive axes.
inline double usual_taps(const PoolDesc& d) {
  const auto along = [](const Axis& a) {
    return static_cast<double>(a.kernel > 0 ? std::min(a.kernel, a.in)
                                            : a.in / std::max<index_t>(a.out, 1) + 1);
  };
  return along(d.h) * along(d.w);
}

// How many elements of window `o` an average counts along this axis: if asked, also those in the
// padding, but never those beyond it (which ceil_mode allows).
inline index_t counted(const Axis& a, index_t o, bool include_pad) {
  if (a.kernel == 0 || !include_pad) return span_of(a, o).count;
  return taps_within(a, o, -a.lo, a.in + a.hi).count;
}

// An axis of a pool with its padding in numbers; throws std::invalid_argument if there is no such
// axis. `name` is "height", "width" or "length" in messages.
Axis pool_axis(const char* name, index_t in, index_t kernel, index_t stride, index_t dilation,
               const Padding& padding, bool ceil_mode);

// The axis of an adaptive pool with `out` windows. Where they divide the input evenly it is an
// ordinary axis, with a kernel and a stride.
Axis adaptive_axis(const char* name, index_t in, index_t out);

// The length of which a pool makes `n`. Several lengths do, which differ by less than a stride: the
// usual one, or `size`, which throws std::invalid_argument if it is none of them.
index_t unpooled_length(const char* name, index_t n, index_t kernel, index_t stride,
                        const Padding& padding, std::optional<index_t> size);

// Whether some window along this axis holds no element of the input.
bool has_empty_window(const Axis& axis);

// Returns `d`, or throws std::invalid_argument with a sentence that names the offending sizes.
const PoolDesc& validated(const PoolDesc& d);

}  // namespace fastconv
