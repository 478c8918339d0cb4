// SPDX-License-Identifier: MIT
// Weights as tiles read them: per group, panels of `mr` rows (the last may have fewer), in each the
// terms k = (channel, tap of h, tap of w) one after another: panel[k * rows + row].
#pragma once

#include <span>
#include <vector>

#include "algorithms/common/blocking.h"
#include "algorithms/correlation/correlation.h"
#include "core/exec.h"

namespace fastconv {

inline index_t packed_size(const Correlation& r) { return r.groups * r.m * r.k(); }

// For each weight of a kernel the place of its tap among the terms of a channel, or -1.
std::vector<index_t> weight_slots(const Correlation& r);

// The panels of one phase among the packed weights of all.
struct Panels {
  const Correlation* r = nullptr;
  index_t mr = 1;              // rows of a panel
  std::vector<index_t> slots;  // of weight_slots
  index_t at = 0;              // where they start, in elements

  Panels() = default;
  Panels(const Correlation& phase, index_t rows)
      : r(&phase), mr(rows), slots(weight_slots(phase)) {}
  index_t size() const { return r == nullptr ? 0 : packed_size(*r); }
};

// Packs the panels of all phases of a convolution, each to where its own start.
template <class T>
void pack_panels(std::span<const Panels> phases, const T* weights, T* packed,
                 const Exec& exec) noexcept;

}  // namespace fastconv
