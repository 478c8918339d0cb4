// SPDX-License-Identifier: MIT
// The loop nests. Each takes a Job and scratch of the size that its *_scratch function returns for
// the same arguments (bytes, for all threads); none allocates, throws or depends on the threads.
#pragma once

#include <vector>

#include "algorithms/common/blocking.h"
#include "algorithms/correlation/job.h"
#include "algorithms/correlation/strip.h"

namespace fastconv {

// im2col_gemm.cpp: blocks of pixels are multiplied; any shape.
struct PixelForm {
  bool packs;   // panels are packed from the image; else they are its planes: is_pointwise only
  bool merged;  // a panel may hold pixels of several images; it is packed
};
bool is_pointwise(const Correlation& r);  // 1x1, stride 1, no padding
template <class T>
index_t im2col_scratch(const Correlation& r, const PixelForm& form, const Exec& exec);
template <class T>
void im2col_gemm(const Job<T>& job, const PixelForm& form, const Exec& exec,
                 std::byte* scratch) noexcept;

// direct.cpp: rows of the image, gathered once into a strip, serve every tap of a row; any shape.
struct DirectLayout {
  Tile tile;
  index_t rows, columns;  // outputs of a block
  index_t row_blocks, column_blocks;
  index_t chunks;    // of the output channels, where there are few blocks
  index_t channels;  // of a slice of the sum
  StripLayout strip;
  std::vector<index_t> offsets;  // of the terms of a slice
};
template <class T>
DirectLayout direct_layout(const Correlation& r, const Exec& exec);
template <class T>
index_t direct_scratch(const Correlation& r, const DirectLayout& layout, const Exec& exec);
template <class T>
void direct(const Job<T>& job, const DirectLayout& layout, const Exec& exec,
            std::byte* scratch) noexcept;

// depthwise_rows.cpp: one input channel per group, kernels of 3, 5 or 7 rows at strides 1, 2,
// straight from the image. `packed` tells whether the job's weights are; else they are read where
// they lie.
bool takes_rows(const Correlation& r);
template <class T>
index_t depthwise_rows_scratch(const Correlation& r);
template <class T>
void depthwise_rows(const Job<T>& job, bool packed, const Exec& exec, std::byte* scratch) noexcept;

// depthwise.cpp: one input channel per group; strips too, but several rows of outputs at a time.
bool is_depthwise(const Correlation& r);
template <class T>
StripLayout depthwise_layout(const Correlation& r, const Exec& exec);
template <class T>
index_t depthwise_scratch(const Correlation& r, const StripLayout& layout, const Exec& exec);
template <class T>
void depthwise(const Job<T>& job, const StripLayout& layout, const Exec& exec,
               std::byte* scratch) noexcept;

}  // namespace fastconv
