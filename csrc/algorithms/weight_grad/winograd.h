// SPDX-License-Identifier: MIT
// The gradient of the weights by the adjoint of Winograd's algorithm: tiles of the image and of the
// gradient are transformed, multiplied at each place as a matrix product over tiles, and only the
// sums over all tiles are transformed back.
#pragma once

#include <optional>

#include "algorithms/conv/choose.h"
#include "algorithms/weight_grad/weight_grad.h"
#include "algorithms/winograd/grid.h"

namespace fastconv {

// The form to take, or none where outer products cost less: in cycles, `outer`.
template <class T>
std::optional<WinogradForm> winograd_grad_form(const Correlation& r, double outer,
                                               const Request& request, const Exec& exec);
template <class T>
index_t winograd_grad_scratch(const Correlation& r, WinogradForm form, const Exec& exec);
// False if a sum is not finite: it may then be so where a plain sum is not, or a NaN in place of an
// infinity.
template <class T>
bool winograd_grad(const WeightGrad<T>& job, WinogradForm form, const Exec& exec,
                   std::byte* scratch) noexcept;

}  // namespace fastconv
