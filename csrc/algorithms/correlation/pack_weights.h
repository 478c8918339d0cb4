// SPDX-License-Identifier: MIT
// Weights as tiles read them: per group, panels of `mr` rows (the last may have fewer), in each the
// terms k = (channel, tap of h, tap of w) one after another: panel[k * rows + row].
#pragma once

#include <vector>

#include "algorithms/common/blocking.h"
#include "algorithms/correlation/correlation.h"
#include "core/exec.h"

namespace fastconv {

inline index_t packed_size(const Correlation& r) { return r.groups * r.m * r.k(); }

// For each weight of a kernel the place of its tap among the terms of a channel, or -1.
std::vector<index_t> weight_slots(const Correlation& r);

// Packs what the given panels and channels of group `g` contribute to `packed`, which holds all.
template <class T>
void pack_weights(const Correlation& r, const std::vector<index_t>& slots, index_t mr,
                  const T* weights, index_t g, Range panels, Range channels, T* packed,
                  const Exec& exec) noexcept;

}  // namespace fastconv
