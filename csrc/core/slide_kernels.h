// SPDX-License-Identifier: MIT
// The pooling kernels whose cost does not depend on how long a window is: windows slide along a
// line of rows, or along a line of elements. What they join is prepared (magnitudes, powers).
#pragma once

#include "core/types.h"

namespace fastconv {

// How two elements are joined. In the larger and the smaller a NaN wins over everything, and among
// equals (0 and -0 are) the first wins.
enum class Join : int { larger, smaller, total };
inline constexpr int kJoins = 3;

// Elements, and, for the kernels that tell where an extreme stood, a number for each: its bits are
// those of an integer as wide as T, which are moved and never computed with.
template <class T>
struct Cells {
  T* values;
  T* places = nullptr;
};

// Windows along the rows of a matrix of `columns` columns, each of which is pooled by itself:
// window o holds the rows from start + o * stride on, `kernel` >= 1 of them, as far as they exist.
//
//     x    row 0  [ x x x x ]  -.
//          row 1  [ x x x x ]   > window 0  -->  y  [ y y y y ]
//          row 2  [ x x x x ]  -'  > window 1       [ y y y y ]
//          row 3  [ x x x x ]  ---'
//
// A window without any row gives `none`; the kernels of places have no such window.
template <class T>
struct SlideRows {
  Cells<T> x;  // without places, the place of an element is first_place + its row * place_step
  index_t x_row, rows = 0, columns;
  index_t windows = 0, kernel = 1, stride = 1, start = 0;
  T none;
  index_t first_place = 0, place_step = 0;
  Cells<T> ends;  // kSlideStrip bytes for each of `kernel` / `stride` windows (rounded up), but of
                  // no more than there are
  Cells<T> y;
  index_t y_row;
};
inline constexpr index_t kSlideStrip = 256;  // four vectors of the longest ISA

// Windows along a line of elements: window i holds the `kernel` elements i, i + step, .. of x. They
// and kSlideSlack + step elements behind the last of them may be read; x is overwritten. `joined`,
// a power of 4 and at most `kernel`, is how many elements are joined first: joined * step windows
// then lie side by side.
template <class T>
struct SlideLine {
  Cells<T> x;
  index_t n;  // windows
  index_t kernel, step, joined;
  T* rest;  // for totals: as much memory as x has
  Cells<T> ends;
  Cells<T> y;  // n elements; up to kSlideSlack + step behind them may be written
};
inline constexpr index_t kSlideSlack = 512;

template <class T>
struct SlideKernels {
  void (*rows[kJoins])(const SlideRows<T>&) noexcept;
  void (*line[kJoins])(const SlideLine<T>&) noexcept;
};
// Of the larger [0] or the smaller [1], with places.
template <class T>
struct PlaceKernels {
  void (*rows[2])(const SlideRows<T>&) noexcept;
  void (*line[2])(const SlideLine<T>&) noexcept;
};

}  // namespace fastconv
