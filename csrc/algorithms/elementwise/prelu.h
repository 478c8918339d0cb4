// SPDX-License-Identifier: MIT
// PReLU, whose slope for what is not positive differs by channel, and its gradients. PReLU is
// that of He et al., "Delving Deep into Rectifiers", ICCV 2015.
#pragma once

#include "core/exec.h"

namespace fastconv {

struct PreluShape {  // an array of (outer, channels, inner)
  index_t outer, channels, inner;
  index_t size() const { return outer * channels * inner; }
};

// The scratch memory of each, in bytes.
template <class T>
index_t prelu_scratch(const PreluShape& shape);
template <class T>
index_t prelu_grad_scratch(const PreluShape& shape);

// y may be x.
template <class T>
void prelu(const Exec& exec, const PreluShape& shape, const T* slopes, const T* x, T* y,
           std::byte* scratch) noexcept;

// dx may be x or dy. d_slopes may be null, and must not be the slopes.
template <class T>
void prelu_grad(const Exec& exec, const PreluShape& shape, const T* slopes, const T* x, const T* dy,
                T* dx, T* d_slopes, std::byte* scratch) noexcept;

// Whether the sign of a PReLU's argument follows from its result; not if a slope is NaN.
template <class T>
bool slopes_keep_signs(const T* slopes, index_t n) noexcept;

}  // namespace fastconv
