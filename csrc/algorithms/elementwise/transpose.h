// SPDX-License-Identifier: MIT
// Channels last to channels first and back.
#pragma once

#include "core/exec.h"
#include "core/types.h"

namespace fastconv {

// An image whose channels are neighbours in memory; steps in elements, of any sign.
struct ChannelsLast {
  index_t n, c, h, w;
  index_t n_step, h_step, w_step;
};

// Elements of `item` bytes: 1, 2, 4 or 8. `planes` is contiguous (N, C, H, W).
void to_planes(const ChannelsLast& image, index_t item, const void* x, void* planes,
               const Exec& exec) noexcept;
void from_planes(const ChannelsLast& image, index_t item, const void* planes, void* y,
                 const Exec& exec) noexcept;

}  // namespace fastconv
