// SPDX-License-Identifier: MIT
// Winograd's minimal filtering (A. Lavin, S. Gray, "Fast algorithms for convolutional neural
// networks", 2016) for small kernels at stride 1: tiles of the image and the weights are
// transformed, multiplied at each of alpha_h * alpha_w places as a matrix product over channels,
// and transformed back. Blocks of tiles, so that what is transformed stays in L2.
#pragma once

#include "algorithms/correlation/job.h"
#include "algorithms/winograd/grid.h"

namespace fastconv {

// Transformed weights, in elements: per group, panels of rows (as pack_weights'), in each the
// places xi, in each the channels: panel[(xi * c + channel) * rows + row].
index_t winograd_packed_size(const Correlation& r, WinogradForm form);
template <class T>
void winograd_pack(const Correlation& r, const TileGrid& grid, index_t mr, const T* weights,
                   index_t g, index_t row, T* panel, const Exec& exec) noexcept;

// Whether each transformed weight is used once: then a function transforms them panel by panel, and
// they never leave L2 (256@14 -> 256: 9.4 MB that need not be written and read again).
template <class T>
bool winograd_fuses(const Correlation& r, const TileGrid& grid, const Exec& exec);

template <class T>
index_t winograd_scratch(const Correlation& r, const TileGrid& grid, bool fused, const Exec& exec);

// A tile whose result is not finite is computed again as plain sums, so that a NaN or infinity
// reaches just the outputs whose window holds it. `fused` takes raw_weights, else weights are
// packed.
template <class T>
void winograd(const Job<T>& job, const TileGrid& grid, bool fused, const Exec& exec,
              std::byte* scratch) noexcept;

}  // namespace fastconv
