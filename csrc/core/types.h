// SPDX-License-Identifier: MIT
// The one header that ISA files share with everybody: types, and nothing with a function body.
#pragma once

#include <cstddef>
#include <cstdint>

namespace fastconv {

using index_t =
    std::ptrdiff_t;  // every length, stride and offset; elements unless a name says bytes

enum class PadMode : int { zeros, reflect, replicate, circular };

enum class Activation : int { none, relu, relu6, leaky_relu, sigmoid, tanh, silu, gelu, gelu_tanh };

}  // namespace fastconv
