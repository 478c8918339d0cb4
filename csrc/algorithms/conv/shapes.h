// SPDX-License-Identifier: MIT
// Shapes are remembered: choosing an algorithm and laying out its strips takes some microseconds, a
// third of a call on an 8x8 image. Only what follows from shapes is remembered, never weights or
// data.
#pragma once

#include <memory>

#include "algorithms/conv/mapping.h"

namespace fastconv {

// The solution of d's problem. Unless weights are prepacked, each thread remembers its last few
// solutions; threads share none of them.
template <class T>
std::shared_ptr<const Solution<T>> solution_of(const ConvDesc& d, Pass pass, const Request& request,
                                               const Exec& exec);

}  // namespace fastconv
