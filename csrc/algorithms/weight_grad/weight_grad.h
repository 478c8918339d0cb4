// SPDX-License-Identifier: MIT
// Gradients of weights and bias: the table of algorithms, and the choice among them.
#pragma once

#include <vector>

#include "algorithms/weight_grad/algorithm.h"

namespace fastconv::weight_grad {

// Every algorithm. It is the table that an algorithm is added to.
template <class T>
const std::vector<const Algorithm<T>*>& table();

// The cheapest that takes the convolution's weight gradient, or the one that is asked for. Throws
// std::invalid_argument, with the reason, if that one cannot.
template <class T>
std::unique_ptr<const Prepared<T>> prepare(const ConvDesc& d, const Request& request,
                                           const Exec& exec);

// db[channel] = sum over n and pixels of dy.
template <class T>
void bias_grad(index_t batch, index_t channels, index_t plane, const T* dy, T* db,
               const Exec& exec) noexcept;

}  // namespace fastconv::weight_grad
