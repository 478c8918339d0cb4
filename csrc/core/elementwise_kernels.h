// SPDX-License-Identifier: MIT
// Signatures of the elementwise kernels of one ISA and dtype.
#pragma once

#include "core/types.h"

namespace fastconv {

// y[j * ldy + i] = x[i * ldx + j], i < rows, j < columns. Any 4 or 8 bytes may pass as T: elements
// are moved, not looked at.
template <class T>
struct TransposeArgs {
  const T* x;
  index_t ldx;
  T* y;
  index_t ldy;
  index_t rows, columns;
};

// A channel of a batch: rows of n elements, `step` apart.
template <class T>
struct NormRows {
  index_t n, rows, step;
  const T* x;
  T mean;
  const T* dy;  // of gradients, else null
  const T*
      relu;  // or null: dy is what arrives at a ReLU behind, which this went into or came out of
};
struct NormSums {
  double first, second;
};
// y may be x or dy.
template <class T>
struct NormMap {
  T scale, shift, factor;
  bool relu;
  T* y;
};

template <class T>
struct ElementwiseKernels {
  // y[i] = activation(x[i]) for i < n; y may be x. `slope` is leaky_relu's.
  void (*activate)(Activation activation, const T* x, T* y, index_t n, T slope) noexcept;
  // dx[i] = dy[i] * activation'(x[i]); dx may be x or dy. PyTorch's at the kinks: relu'(0) = 0.
  void (*activate_grad)(Activation activation, const T* x, const T* dy, T* dx, index_t n,
                        T slope) noexcept;
  // The same from y = activation(x): relu, relu6, leaky_relu with slope >= 0, sigmoid and tanh.
  void (*activate_grad_from_output)(Activation activation, const T* y, const T* dy, T* dx,
                                    index_t n, T slope) noexcept;

  // Softmax of n elements in a row, or down `width` columns of n elements that are ld apart.
  void (*softmax_row)(const T* x, T* y, index_t n) noexcept;
  void (*softmax_columns)(const T* x, T* y, index_t n, index_t ld, index_t width) noexcept;
  // In place: from the softmax y to the gradient y * (dy - sum(y * dy)).
  void (*softmax_row_grad)(T* y, const T* dy, index_t n) noexcept;
  void (*softmax_columns_grad)(T* y, const T* dy, index_t n, index_t ld, index_t width) noexcept;

  // The sums of x - mean and of its square; of dy and of dy * (x - mean).
  NormSums (*sum_moments)(const NormRows<T>&) noexcept;
  NormSums (*sum_products)(const NormRows<T>&) noexcept;
  // y = (x - mean) * scale + shift, through a ReLU if asked for; the same and dy * factor.
  void (*normalize)(const NormRows<T>&, const NormMap<T>&) noexcept;
  void (*normalize_grad)(const NormRows<T>&, const NormMap<T>&) noexcept;

  void (*transpose)(const TransposeArgs<T>&) noexcept;
};

}  // namespace fastconv
