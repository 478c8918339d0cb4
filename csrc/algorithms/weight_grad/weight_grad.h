// SPDX-License-Identifier: MIT
// Gradients of weights and bias: the table of algorithms, and the choice among them.
#pragma once

#include <vector>

#include "algorithms/weight_grad/algorithm.h"

namespace fastconv::weight_grad {

// All entries. A new algorithm is added to this table.
template <class T>
const std::vector<const Algorithm<T>*>& table();

// Prepares the cheapest algorithm that takes the gradient of d's weights, or the one that is asked
// for. Throws std::invalid_argument, with the reason, if that one refuses.
template <class T>
std::shared_ptr<const Prepared<T>> prepare(const ConvDesc& d, const Request& request,
                                           const Exec& exec);

// db[channel] = sum over n and pixels of dy.
template <class T>
void bias_grad(index_t batch, index_t channels, index_t plane, const T* dy, T* db,
               const Exec& exec) noexcept;

// The same for dy as pixels, which may lie apart as Args says; scratch memory comes from the
// caller.
struct PixelArray {
  index_t batch, channels, height, width;
  index_t image, row, pixel;
};
template <class T>
index_t bias_grad_bytes(const PixelArray& dy);
template <class T>
void bias_grad(const PixelArray& a, const T* dy, T* db, std::byte* scratch,
               const Exec& exec) noexcept;

}  // namespace fastconv::weight_grad
