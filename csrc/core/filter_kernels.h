// SPDX-License-Identifier: MIT
// The kernels of image filters: weighted sums of places, extremes of columns, and the conversions
// of elements around them. ISA files include this header.
#pragma once

#include "core/types.h"

namespace fastconv {

// The dtypes that images of filters have.
enum class Element : int { u8, i16, u16, f32, f64 };
inline constexpr int kElements = 5, kIntegers = 3;

// What a weight is for: one place; or two, whose sum or difference it weighs.
enum class Places : int { one, sum, difference };

// For rows r and columns i of y, added up in the order of the terms:
//
//     y[r * y_row + i] = sum over t of weights[t] * p(t),   where p(t) is x[r * x_row + i +
//     first[t]]
//
// and, for all terms but the first, where places are not `one`, this plus or minus what stands at
// second[t] instead of first[t].
template <class T>
struct WeighRows {
  const T* x;
  index_t x_row;
  T* y;
  index_t y_row, rows, n;
  const T* weights;
  const index_t *first, *second;
  index_t terms;
};

// A kernel of `height` by `width` weights, which lie column by column:
//
//     y[r * y_row + i] = sum over p, q of weights[q * height + p] * x[(r + p) * x_row + i + q *
//     step]
template <class T>
struct WeighPlane {
  const T* x;
  index_t x_row;
  T* y;
  index_t y_row, rows, n;
  const T* weights;
  index_t height, width, step;
};

// y[r * y_row + i] becomes the extreme of x[(r + p) * x_row + i], p < height.
template <class T>
struct JoinColumns {
  const T* x;
  index_t x_row;
  T* y;
  index_t y_row, rows, n;
  index_t height;
};

// The same of x[r * x_row + i + q * step], q < width.
template <class T>
struct JoinRows {
  const T* x;
  index_t x_row;
  T* y;
  index_t y_row, rows, n;
  index_t width, step;
};

// Sums of at most 2^22 that were computed in float, and are to be cut towards zero as if they had
// been computed in double, each product and each sum rounded. Those that lie within `error` of an
// integer are computed again so, and cut, in place.
struct SureSums {
  WeighRows<float> sums;  // its weights are not read
  const double* weights;
  Places places;
  float error;
  bool positive;  // whether no weight is negative
};

template <class T>
struct FilterKernels {
  // Of single places; multiplies and adds in one rounding where the ISA can.
  void (*weigh)(const WeighRows<T>&) noexcept;
  // One for each of Places; rounds each product and each sum.
  void (*weigh_exactly[3])(const WeighRows<T>&) noexcept;
  // Several rows are computed together, and read what they share once.
  void (*weigh_plane)(const WeighPlane<T>&) noexcept;
  // n elements converted to T and back. What becomes an integer has `bias` added, is cut towards
  // zero, and wraps as a cast through int32 does.
  void (*widen[kElements])(const void* x, index_t n, T* y) noexcept;
  void (*narrow[kElements])(const T* x, index_t n, T bias, void* y) noexcept;
  void (*settle[kIntegers])(T* x, index_t n, T bias) noexcept;  // both, in place
};

// Of the larger [0] or the smaller [1].
template <class T>
struct JoinKernels {
  void (*columns[2])(const JoinColumns<T>&) noexcept;
  void (*rows[2])(const JoinRows<T>&) noexcept;
};
// Of sums that wrap, as integers do.
template <class T>
struct WrapKernels {
  void (*weigh_plane)(const WeighPlane<T>&) noexcept;
};
struct FilterTable : JoinKernels<float>,
                     JoinKernels<double>,
                     JoinKernels<std::uint8_t>,
                     JoinKernels<std::int16_t>,
                     JoinKernels<std::uint16_t>,
                     WrapKernels<std::uint8_t>,
                     WrapKernels<std::int16_t>,
                     WrapKernels<std::uint16_t> {
  FilterKernels<float> f32;
  FilterKernels<double> f64;
  void (*make_sure)(const SureSums&) noexcept;
};

}  // namespace fastconv
