// SPDX-License-Identifier: MIT
// What a filter is to compute.
#pragma once

#include <vector>

#include "core/filter_kernels.h"

namespace fastconv::filter {

enum class Kind : int { none, weigh, total, larger, smaller };

// The filter along one axis: result i takes the `size` places from i - before on. A total is
// divided by its size.
struct AxisFilter {
  Kind kind = Kind::none;
  index_t size = 1, before = 0;
  std::vector<double> weights;  // of Kind::weigh: for each place
  Places places = Places::one;  // whether the weights are symmetric (sum) or antisymmetric
  PadMode border = PadMode::symmetric;
};

// Images of `height` rows of `width` pixels, of `depth` neighbouring elements each. The columns
// come first, as in SciPy, which keeps what lies between two axes in the dtype of the results.
struct Problem {
  index_t batch, height, width, depth;
  Element from, to;  // of the image and of the results
  AxisFilter column, row;
  // A kernel of two axes, row by row; empty if each axis has its own. Then `column` and `row` tell
  // its sizes, and are of Kind::none.
  std::vector<double> plane;
  double constant = 0;  // what stands beyond the ends of an axis whose border is a constant
  // Whether results are what SciPy has, cut towards zero: sums in double, in its order.
  bool exactly = false;
};

constexpr index_t size_of(Element element) {
  switch (element) {
    case Element::u8:
      return 1;
    case Element::i16:
    case Element::u16:
      return 2;
    case Element::f32:
      return 4;
    default:
      return 8;
  }
}
constexpr bool is_integer(Element element) { return element < Element::f32; }

// How far a weighted sum of uint8 that is computed in float may lie from the exact one.
double float_error(const std::vector<double>& weights);
// Whether all sums of the problem, which are to be exact, can be computed in float, and again where
// they lie close to an integer: then that is seldom.
bool can_check(const Problem& problem);
// Whether results are integers of the image's own type, and weights integers: sums that wrap then
// have the bits of those that are computed in double and wrap at the end.
bool can_wrap(const Problem& problem);

}  // namespace fastconv::filter
