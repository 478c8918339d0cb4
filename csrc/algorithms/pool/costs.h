// SPDX-License-Identifier: MIT
// What the ways of pooling a plane cost, in vectors of neighbouring elements that are joined: by it
// an algorithm sees where another one is faster. Measured on Zen 4 with AVX-512, in L2.
#pragma once

#include <algorithm>
#include <cmath>

#include "algorithms/pool/problem.h"

namespace fastconv::pool {

// Of lengths that may be long; adaptive axes count as what they usually hold.
struct PlaneCounts {
  double in_h, in_w, out_h, out_w, kernel_h, kernel_w;
  explicit PlaneCounts(const PoolDesc& d)
      : in_h(static_cast<double>(d.h.in)),
        in_w(static_cast<double>(d.w.in)),
        out_h(static_cast<double>(d.h.out)),
        out_w(static_cast<double>(d.w.out)),
        kernel_h(static_cast<double>(std::min(d.h.kernel, d.h.in))),
        kernel_w(static_cast<double>(std::min(d.w.kernel, d.w.in))) {}
};

// Rows of a window are joined for each row of results, then its columns: it grows with the kernel.
inline double cost_by_rows(const PoolDesc& d) {
  const PlaneCounts n(d);
  return n.out_h * (n.kernel_h * n.in_w + n.kernel_w * n.out_w);
}

// In cycles, the windows of a plane that are not long: by rows, and with lanes along channels,
// which transposes whole planes. Of planes of 7x7 to 64x64, windows of 2x2 to 9x9 and 3x13, strides
// of 2 to 8, within 25 %.
inline double cycles_by_rows(const PoolDesc& d) {
  constexpr double kRow = 60, kJoined = 2, kTap = 8, kLanes = 16;
  const PlaneCounts n(d);
  return n.out_h * (kRow + kJoined * n.kernel_h * std::ceil(n.in_w / kLanes) +
                    kTap * n.kernel_w * std::ceil(n.out_w / kLanes));
}
inline double cycles_in_lanes(const PoolDesc& d) {
  constexpr double kElement = 1.05;
  const PlaneCounts n(d);
  return n.in_h * n.in_w * kElement;
}

// Sliding windows, however long (sliding.h). A row is pooled in several passes.
inline double cost_of_sliding(const PoolDesc& d) {
  const PlaneCounts n(d);
  return 24 * n.in_h * n.in_w + 8 * (n.in_h + n.out_h) * n.out_w;
}

// In cycles, the places of extremes of a few planes: by sliding windows, plane by plane, and with
// lanes along channels, of which most are empty then. Planes of 16x16 to 256x256, windows of 2
// to 7; a row alone takes less.
inline double cycles_of_sliding_places(const PoolDesc& d) {
  constexpr double kElement = 24, kElementOfLarge = 11, kElementOfRow = 7, kLarge = 32768;
  const PlaneCounts n(d);
  const double elements = n.in_h * n.in_w;
  return static_cast<double>(d.planes()) * elements *
         (n.in_h == 1         ? kElementOfRow
          : elements > kLarge ? kElementOfLarge
                              : kElement);
}
inline double cycles_of_places_in_lanes(const PoolDesc& d) {
  constexpr double kElement = 14, kJoined = 5;
  const PlaneCounts n(d);
  return kElement * n.in_h * n.in_w + kJoined * n.out_h * n.out_w * (n.kernel_h + n.kernel_w);
}

// Window by window, element by element, of which a vector would hold 16.
inline double cost_by_elements(const PoolDesc& d) {
  const PlaneCounts n(d);
  return 16 * n.out_h * n.out_w * (n.kernel_h * n.kernel_w + 8);
}

// Whether windows lie so far apart that it pays to read only what they hold, element by element.
inline bool lie_apart(const PoolDesc& d) {
  const PlaneCounts n(d);
  return d.h.kernel > 0 && d.w.kernel > 0 &&
         (n.kernel_h * n.kernel_w + 8) * n.out_h * n.out_w < 0.8 * n.in_h * n.in_w;
}

}  // namespace fastconv::pool
