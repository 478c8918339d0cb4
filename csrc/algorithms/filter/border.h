// SPDX-License-Identifier: MIT
// What filters find beyond the ends of an axis. Unlike the padding of convolutions, it may reach
// further than the axis is long.
#pragma once

#include "core/types.h"

namespace fastconv::filter {

// The place of an axis of n elements that stands at place i, or -1 where the constant does.
constexpr index_t border_source(PadMode mode, index_t i, index_t n) {
  if (i >= 0 && i < n) return i;
  const auto modulo = [i](index_t period) { return (i % period + period) % period; };
  switch (mode) {
    case PadMode::replicate:
      return i < 0 ? 0 : n - 1;
    case PadMode::circular:
      return modulo(n);
    case PadMode::symmetric: {
      const index_t at = modulo(2 * n);
      return at < n ? at : 2 * n - 1 - at;
    }
    case PadMode::reflect: {
      if (n == 1) return 0;
      const index_t at = modulo(2 * n - 2);
      return at < n ? at : 2 * n - 2 - at;
    }
    default:
      return -1;
  }
}

}  // namespace fastconv::filter
