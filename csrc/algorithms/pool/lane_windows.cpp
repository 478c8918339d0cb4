// SPDX-License-Identifier: MIT
#include "algorithms/pool/lane_windows.h"

#include <numeric>

namespace fastconv::pool {
namespace {

// Windows of at least this many strides are joined as long ones. That takes three joins an element,
// whatever the length, against one for each tap; a block costs something beside, so three taps are
// too few. 9x9 and 13x13 at stride 1 gain.
constexpr index_t kLongWindow = 8;
constexpr index_t kMostLongWindow = 4096;  // beyond, the ends of windows leave the caches

// The outputs that element i was part of; both ends round as span_of does.
Span touched(const Axis& a, index_t i) {
  if (a.kernel == 0) {
    const index_t first = i * a.out / a.in;
    return {first, ((i + 1) * a.out - 1) / a.in + 1 - first};
  }
  const index_t place = i + a.lo, before = place - a.reach() + 1;
  index_t first = before > 0 ? ceil_div(before, a.stride) : 0;
  const index_t last = std::min(a.out - 1, place / a.stride);
  const index_t step = a.dilation / std::gcd(a.stride, a.dilation);
  const index_t end = std::min(last, first + step - 1);
  while (first <= end && (place - first * a.stride) % a.dilation != 0) ++first;
  if (first > end) return {0, 0};
  return {first, (last - first) / step + 1};
}

}  // namespace

index_t LaneWindows::step() const {
  if (axis.kernel == 0) return 1;
  return gradient ? axis.dilation / std::gcd(axis.stride, axis.dilation) : axis.dilation;
}

index_t LaneWindows::longest() const {
  const index_t usual = in() / std::max<index_t>(out(), 1) + 2;
  if (axis.kernel == 0) return std::min(usual, in());
  return std::min(in(), gradient ? axis.kernel / axis.stride + 1 : axis.kernel);
}

index_t LaneWindows::reach(index_t n) const {
  if (axis.kernel == 0) return std::min(in(), n * (in() / std::max<index_t>(out(), 1) + 1) + 1);
  if (!gradient) return std::min(in(), (n - 1) * axis.stride + axis.reach());
  return std::min(in(), (n - 1 + axis.reach() - 1) / axis.stride + 1);
}

index_t LaneWindows::long_window() const {
  const index_t stride = gradient ? 1 : axis.stride;
  if (axis.dilation > 1 || axis.kernel > kMostLongWindow || axis.kernel < kLongWindow * stride)
    return 0;
  return gradient && axis.stride > 1 ? 0 : axis.kernel;
}

index_t LaneWindows::joins(bool places) const {
  if (!places && long_window() > 0) return 3;
  return gradient ? longest() : std::min(in(), axis.kernel) / axis.stride + 1;
}

Span LaneWindows::operator()(index_t o) const {
  return gradient ? touched(axis, o) : span_of(axis, o);
}

}  // namespace fastconv::pool
