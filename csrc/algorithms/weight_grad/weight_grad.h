// SPDX-License-Identifier: MIT
// Gradients of weights and bias, and the adjoint of padding.
#pragma once

#include <optional>
#include <vector>

#include "algorithms/conv/choose.h"
#include "algorithms/correlation/strip.h"
#include "algorithms/depthwise/frame.h"
#include "core/exec.h"

namespace fastconv {

// dw[m][c][tap] = sum over n and pixels of dy[n, m, pixel] * x[n, c, pixel * step + tap], for the
// forward correlation `r`. dw is contiguous, (groups * m, c, taps).
template <class T>
struct WeightGrad {
  const Correlation& r;
  const T* x;
  const T* dy;
  T* dw;
};

// Of a depthwise layer, from planes that are turned into pixels.
struct PixelsGrad {
  PixelFrame frame;
  std::vector<index_t> x_at, w_at;  // of the taps, in the frame and in the sums
  index_t kernel, lanes, columns;
};

// How it is computed: from pixels, by Winograd's algorithm (and plain sums, should one of its not
// be finite), or by outer products or dot products from a strip. Made before the parallel region;
// `scratch` in bytes.
struct LoweredWeightGrad {
  Correlation r;
  bool outer;
  std::optional<StripLayout> layout;
  std::optional<PixelsGrad> pixels;
  std::optional<WinogradForm> winograd;
  index_t scratch;
};
template <class T>
LoweredWeightGrad lower_weight_grad(const ConvDesc& d, const Request& request, const Exec& exec);
template <class T>
void run(const LoweredWeightGrad& lowered, const T* x, const T* dy, T* dw, const Exec& exec,
         std::byte* scratch) noexcept;

// weight_grad_pixels.cpp: nothing, unless that is the better way.
template <class T>
std::optional<PixelsGrad> pixels_grad(const Correlation& r, const Exec& exec);
template <class T>
index_t pixels_grad_scratch(const PixelsGrad& layout, const Exec& exec);
template <class T>
void pixels_grad(const WeightGrad<T>& job, const PixelsGrad& layout, const Exec& exec,
                 std::byte* scratch) noexcept;

// weight_grad_outer.cpp
template <class T>
StripLayout outer_layout(const Correlation& r, const Exec& exec);
template <class T>
index_t outer_scratch(const Correlation& r, const StripLayout& layout, const Exec& exec);
template <class T>
void outer(const WeightGrad<T>& job, const StripLayout& layout, const Exec& exec,
           std::byte* scratch) noexcept;

// weight_grad_dots.cpp
template <class T>
StripLayout dots_layout(const Correlation& r);
template <class T>
index_t dots_scratch(const Correlation& r, const StripLayout& layout, const Exec& exec);
template <class T>
void dots(const WeightGrad<T>& job, const StripLayout& layout, const Exec& exec,
          std::byte* scratch) noexcept;

// db[channel] = sum over n and pixels of dy.
template <class T>
void bias_grad(index_t batch, index_t channels, index_t plane, const T* dy, T* db,
               const Exec& exec) noexcept;

// dx = the adjoint of padding x by mode: each padded element's gradient goes to the element that it
// copies. `padded` has planes of (h.lo + h.in + h.hi) by (w.lo + w.in + w.hi).
template <class T>
void fold_padding(const ConvDesc& d, index_t planes, const T* padded, T* dx,
                  const Exec& exec) noexcept;

}  // namespace fastconv
