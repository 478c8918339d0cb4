// SPDX-License-Identifier: MIT
// The elementwise kernels of one ISA and element type: activations, softmax, batch normalisation,
// sums, and the transpose of a matrix.
#pragma once

#include "core/types.h"

namespace fastconv {

//     x: `rows` rows, ldx apart            y: `columns` rows, ldy apart
//     [ a b c d .. ]                       [ a e .. ]
//     [ e f g h .. ]                       [ b f .. ]      y[j * ldy + i] = x[i * ldx + j]
//       :                                    :
//
// Elements are moved and never looked at, so that any 4 or 8 bytes may pass as T.
template <class T>
struct TransposeArgs {
  const T* x;
  index_t ldx;
  T* y;
  index_t ldy;
  index_t rows, columns;
};

// One channel of a batch: a row of n elements for each of `rows` images.
//
//     x   [ n elements ]............[ n elements ]............[ n elements ]
//         '--------- step ---------''--------- step ---------'
//
// dy, relu and NormMap::y lie in the same way. Where `relu` is given, a ReLU follows the
// normalisation, and dy is the gradient of the ReLU's result: then dy counts only where relu > 0
// (or NaN), and as 0 elsewhere. `relu` may be the ReLU's input or its result: both have the same
// positive elements.
template <class T>
struct NormRows {
  index_t n, rows, step;
  const T* x;
  T mean;
  const T* dy;    // for the kernels of the gradient, else null
  const T* relu;  // for the kernels of the gradient, or null where no ReLU follows
};
struct NormSums {
  double first, second;
};

// The same sums for pixels, whose columns are channels: of each of n columns the sum over the rows
// of dy and of dy * (x - mean) is added to first and second. Rows lie n elements apart.
template <class T>
struct NormColumns {
  index_t n, rows;
  const T *x, *dy;
  const T* mean;  // of each column
  double *first, *second;
};

// The gradient's map of each element of such a channel: y = dy * factor + (x - mean) * scale +
// shift. y may be x or dy.
template <class T>
struct NormMap {
  T scale, shift, factor;
  T* y;
};

// Rows of n neighbouring elements, each of which becomes y = (x - mean) * scale + shift, and a ReLU
// of that if asked for. In planes the elements of a row have one mean, scale and shift, those at
// row * step; in pixels (by_element) each element of a row has its own, and all rows have the same.
// y may be x.
template <class T>
struct AffineRows {
  index_t n, rows;
  const T* x;
  index_t ldx;
  T* y;
  index_t ldy;
  const T *mean, *scale, *shift;
  index_t step;
  bool by_element;
  bool relu;
};

// Rows of n neighbouring elements: y = a + b, and a ReLU of that if asked for. Where b has one
// element for each row (by_row), it is added to all of the row. y may be a or b.
template <class T>
struct AddRows {
  index_t n, rows;
  const T* a;
  index_t lda;
  const T* b;
  index_t ldb;
  T* y;
  index_t ldy;
  bool by_row;
  bool relu;
};

// The gradient of a PReLU over `rows` rows of n elements, one behind the other; each place of a row
// has a slope of its own. dx may be x or dy.
template <class T>
struct PreluRows {
  index_t n, rows;
  const T *x, *dy, *slopes;
  T* dx;
  T* sums;  // of each place: dy * x where x is not positive, over all rows
};

template <class T>
struct ElementwiseKernels {
  // y[i] = activation(x[i]) for i < n; y may be x. `slope` is leaky_relu's, or elu's alpha.
  void (*activate)(Activation activation, const T* x, T* y, index_t n, T slope) noexcept;
  // dx[i] = dy[i] * activation'(x[i]); dx may be x or dy. At kinks the derivative is PyTorch's:
  // relu'(0) = 0, hardswish'(3) = 1.
  void (*activate_grad)(Activation activation, const T* x, const T* dy, T* dx, index_t n,
                        T slope) noexcept;
  // The same from y = activation(x), for those whose derivative follows from y: none, relu, relu6,
  // leaky_relu and elu with slope >= 0, sigmoid, tanh, hardsigmoid and softplus.
  void (*activate_grad_from_output)(Activation activation, const T* y, const T* dy, T* dx,
                                    index_t n, T slope) noexcept;

  // y[i] = x[i], or x[i] * slopes[i] unless x[i] is positive; y may be x.
  void (*prelu_row)(const T* x, const T* slopes, T* y, index_t n) noexcept;
  void (*prelu_rows_grad)(const PreluRows<T>&) noexcept;
  // The gradient of a leaky_relu of n elements, and as the result that of its slope.
  double (*prelu_plane_grad)(const T* x, const T* dy, T* dx, index_t n, T slope) noexcept;

  // Softmax of n elements in a row, or down `width` neighbouring columns of n elements, whose rows
  // are ld apart. y may be x.
  void (*softmax_row)(const T* x, T* y, index_t n) noexcept;
  void (*softmax_columns)(const T* x, T* y, index_t n, index_t ld, index_t width) noexcept;
  // In place: y is the softmax and becomes the gradient y * (dy - sum(y * dy)).
  void (*softmax_row_grad)(T* y, const T* dy, index_t n) noexcept;
  void (*softmax_columns_grad)(T* y, const T* dy, index_t n, index_t ld, index_t width) noexcept;

  // The sums of x - mean and of (x - mean)^2; those of dy and of dy * (x - mean).
  NormSums (*sum_moments)(const NormRows<T>&) noexcept;
  NormSums (*sum_products)(const NormRows<T>&) noexcept;
  void (*sum_columns)(const NormColumns<T>&) noexcept;
  void (*normalize_grad)(const NormRows<T>&, const NormMap<T>&) noexcept;
  void (*normalize)(const AffineRows<T>&) noexcept;
  void (*add)(const AddRows<T>&) noexcept;

  void (*transpose)(const TransposeArgs<T>&) noexcept;
};

}  // namespace fastconv
