// SPDX-License-Identifier: MIT
// Winograd's minimal filtering (A. Lavin, S. Gray, "Fast algorithms for convolutional neural
// networks", 2016) for small kernels at stride 1: tiles of the image and the weights are
// transformed, multiplied at each of alpha_h * alpha_w places as a matrix product over channels,
// and transformed back. Blocks of tiles, so that what is transformed stays in L2.
#pragma once

#include "algorithms/job.h"
#include "algorithms/winograd_grid.h"

namespace fastconv {

// Transformed weights, in elements: per group, panels of rows (as pack_weights'), in each the
// places xi, in each the channels: panel[(xi * c + channel) * rows + row].
index_t winograd_packed_size(const Correlation& r, WinogradForm form);
template <class T>
void winograd_pack(const Correlation& r, WinogradForm form, index_t mr, const T* weights, index_t g,
                   index_t panel, T* packed, const Exec& exec) noexcept;

template <class T>
index_t winograd_scratch(const Correlation& r, const TileGrid& grid, const Exec& exec);

// A tile whose result is not finite is computed again as plain sums, so that a NaN or infinity
// reaches just the outputs whose window holds it.
template <class T>
void winograd(const Job<T>& job, const TileGrid& grid, const Exec& exec,
              std::byte* scratch) noexcept;

}  // namespace fastconv
