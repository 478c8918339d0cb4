// SPDX-License-Identifier: MIT
// What a pool is asked for: everything that decides which algorithm runs, and the arrays it runs
// on.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

#include "core/pool_desc.h"

namespace fastconv::pool {

// What becomes of the elements of a window.
struct Pooling {
  PoolOp op = PoolOp::max;
  double power = 1;  // of a p-norm
  bool average = false;
  bool include_pad = true;  // of an average
  index_t divisor = 0;      // of an average; 0: the number of elements

  // The divisor of window (oh, ow) is rows(oh) * columns(ow).
  double rows(const PoolDesc& d, index_t oh) const {
    return static_cast<double>(divisor != 0 ? divisor : counted(d.h, oh, include_pad));
  }
  double columns(const PoolDesc& d, index_t ow) const {
    return divisor != 0 ? 1 : static_cast<double>(counted(d.w, ow, include_pad));
  }
};

// Whether every window is one element, or none.
inline bool windows_are_elements(const PoolDesc& d) { return d.h.kernel == 1 && d.w.kernel == 1; }

// Whether every window of an average is one element, which need not be divided.
inline bool is_average_of_one(const PoolDesc& d, const Pooling& pooling) {
  const bool plain = pooling.divisor == 0 || pooling.divisor == 1;
  return pooling.average && plain && windows_are_elements(d) && !has_empty_window(d.h) &&
         !has_empty_window(d.w);
}

// (sum |x|**p)**(1 / p), or the largest |x| where p is infinite.
inline Pooling p_norm(double p) {
  const PoolOp op = std::isinf(p) ? PoolOp::abs_max
                    : p == 1      ? PoolOp::abs_sum
                    : p == 2      ? PoolOp::squares
                                  : PoolOp::powers;
  return {.op = op, .power = p};
}

enum class Use {
  values,
  indices,   // maxima or minima and where they stood; no window is empty
  sum_grad,  // the gradient of a sum or an average: from the output's to the input's
  norm_grad
};

// How the elements of an image lie in memory.
enum class Layout {
  planes,  // (N, C, H, W)
  pixels   // (N, H, W, C): the channels of a pixel are neighbours
};

struct Problem {
  PoolDesc d;
  Pooling pooling;
  Use use = Use::values;
  Layout layout = Layout::planes;
  bool pixels_apart = false;  // whether there may be gaps between the pixels of the result
};

template <class T>
struct Arrays {
  const T* from;                    // x; of a gradient, dy
  T* to;                            // y; of a gradient, dx, which need not be zero beforehand
  std::int64_t* indices = nullptr;  // of Use::indices: h * W + w in the plane
  // How far apart images, and in Layout::pixels the pixels of `to`, lie if there are gaps between
  // them, as there are in a slice of channels of a larger array. 0 if there are none.
  index_t from_image = 0, to_image = 0, to_pixel = 0;

  bool planes_apart() const { return from_image != 0 || to_image != 0; }
};

// Where plane `plane`, counted through all images, begins. A plane has n elements; images lie
// `image` elements apart, or without gaps if that is 0.
inline index_t plane_at(const PoolDesc& d, index_t plane, index_t n, index_t image) {
  return image == 0 ? plane * n : plane / d.channels * image + plane % d.channels * n;
}

// All planes in groups of up to `most` neighbours. Where images lie apart, no group has planes of
// two of them.
struct PlaneGroups {
  index_t runs, planes, most;  // runs of neighbouring planes, and how many planes a run has

  PlaneGroups(const PoolDesc& d, bool apart, index_t most_planes)
      : runs(apart ? d.batch : 1), planes(apart ? d.channels : d.planes()), most(most_planes) {}
  index_t per_run() const { return ceil_div(planes, most); }
  index_t count() const { return runs * per_run(); }
  index_t first(index_t group) const {
    return group / per_run() * planes + group % per_run() * most;
  }
  index_t size(index_t group) const { return std::min(most, planes - group % per_run() * most); }
};

template <class T>
struct NormArrays {
  const T *x, *y, *dy;
  T* dx;
};

}  // namespace fastconv::pool
