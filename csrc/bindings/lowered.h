// SPDX-License-Identifier: MIT
// Lowering for functions, remembered: choosing an algorithm and laying out its strips takes a
// microsecond, a third of a call on an 8x8 image. Only what follows from shapes is kept.
#pragma once

#include <memory>

#include "algorithms/conv/conv.h"

namespace fastconv {

// As lower_forward and lower_adjoint; the last few results of this thread are kept. Several threads
// share nothing.
template <class T>
std::shared_ptr<const Lowered> lowered_forward(const ConvDesc& d, const Request& request,
                                               const Exec& exec);
template <class T>
std::shared_ptr<const Lowered> lowered_adjoint(const ConvDesc& d, const Request& request,
                                               const Exec& exec);

}  // namespace fastconv
