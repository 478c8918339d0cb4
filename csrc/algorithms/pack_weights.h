// SPDX-License-Identifier: MIT
// Weights as tiles read them: per group, panels of `mr` rows (the last may have fewer), in each the
// terms k = (channel, tap of h, tap of w) one after another: panel[k * rows + row].
#pragma once

#include <vector>

#include "algorithms/blocking.h"
#include "algorithms/correlation.h"

namespace fastconv {

inline index_t packed_size(const Correlation& r) { return r.groups * r.m * r.k(); }

// Where each tap lies from the first weight of its row and channel.
std::vector<index_t> weight_taps(const Correlation& r);

// Packs what the given panels and channels of group `g` contribute to `packed`, which holds all.
template <class T>
void pack_weights(const Correlation& r, const std::vector<index_t>& taps, index_t mr,
                  const T* weights, index_t g, Range panels, Range channels, T* packed) noexcept;

}  // namespace fastconv
