// SPDX-License-Identifier: MIT
#include "algorithms/winograd/split_axis.h"

#include <algorithm>
#include <cstdlib>

namespace fastconv::winograd {
namespace {

// The index of F(m, taps), or 0 for a single tap.
int scheme_of(index_t m, index_t taps) {
  if (taps == 1) return 0;
  int i = 1;
  while (kSchemes[i].m != m || kSchemes[i].r != taps) ++i;
  return i;
}

}  // namespace

bool SplitAxis::takes(const TapAxis& axis) {
  const index_t n = axis.n_taps();
  return n == 1 || (axis.in_step <= 2 && n <= kMostTaps && std::abs(axis.even_step()) == 1);
}

SplitAxis::SplitAxis(const TapAxis& axis, index_t m)
    : m_(axis.n_taps() == 1 ? 1 : m),
      step_(axis.in_step),
      count_(axis.count),
      span_(axis.n_taps()) {
  // Four taps are three and one, not two and two: that multiplies as often, but by half the
  // weights.
  constexpr index_t kMost = 3;
  const index_t n = axis.n_taps();
  const bool backwards = n > 1 && axis.even_step() < 0;
  const auto tap = [&](index_t i) { return backwards ? n - 1 - i : i; };
  first_ = axis.taps[static_cast<std::size_t>(tap(0))].offset;
  for (index_t residue = 0; residue < std::min(n, step_); ++residue)
    for (index_t first = residue; first < n; first += kMost * step_) {
      AxisPart part;
      part.offset = first;
      for (index_t i = first; i < std::min(n, first + kMost * step_); i += step_)
        part.taps.push_back(tap(i));
      part.scheme = scheme_of(m, static_cast<index_t>(part.taps.size()));
      parts_.push_back(std::move(part));
    }
}

double SplitAxis::values() const {
  double sum = 0;
  for (const AxisPart& part : parts_)
    sum += part.plain() ? double(count_) : double(tiles() * part.kind().alpha);
  return sum / double(count_);
}

}  // namespace fastconv::winograd
