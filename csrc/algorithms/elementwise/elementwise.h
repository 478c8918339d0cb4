// SPDX-License-Identifier: MIT
// Loop nests over arrays of any shape: activations, softmax and their gradients. Elements (or rows)
// are independent, so neither the blocks nor the threads can change a bit of the result.
#pragma once

#include "core/exec.h"

namespace fastconv {

// Rows of n elements each, which begin x_step apart in one array and y_step apart in the other:
// those of a slice of channels lie apart.
struct RowPairs {
  index_t rows, n, x_step, y_step;
};

// y = activation(x), row by row; y may be x. `slope` is leaky_relu's, or
// elu's alpha.
template <class T>
void activate(const Exec& exec, Activation kind, T slope, const T* x, T* y,
              const RowPairs& pairs) noexcept;

// dx[i] = dy[i] * activation'(x[i]); dx may be x or dy.
template <class T>
void activate_grad(const Exec& exec, Activation kind, T slope, const T* x, const T* dy, T* dx,
                   index_t n) noexcept;

// The same from y = activation(x), for the kinds of ElementwiseKernels::activate_grad_from_output.
template <class T>
void activate_grad_from_output(const Exec& exec, Activation kind, T slope, const T* y, const T* dy,
                               T* dx, index_t n) noexcept;

struct SoftmaxShape {  // an array of (outer, n, inner), softmax along n
  index_t outer, n, inner;
};

template <class T>
void softmax(const Exec& exec, const SoftmaxShape& shape, const T* x, T* y) noexcept;

// dx = y * (dy - sum(y * dy)) with y = softmax(x); dx may be x, not dy.
template <class T>
void softmax_grad(const Exec& exec, const SoftmaxShape& shape, const T* x, const T* dy,
                  T* dx) noexcept;

}  // namespace fastconv
