// SPDX-License-Identifier: MIT
#include "algorithms/pool/slide_windows.h"

#include <numeric>

namespace fastconv::pool {
namespace {

index_t modulo(index_t a, index_t n) { return (a % n + n) % n; }

index_t steps(index_t first, index_t step, index_t end) {
  return first < end ? ceil_div(end - first, step) : 0;
}

}  // namespace

SlideAxis::SlideAxis(const Axis& axis, bool gradient)
    : axis_(axis),
      gradient_(gradient),
      elements_(gradient ? axis.out : axis.in),
      outputs_(gradient ? axis.in : axis.out) {
  const index_t shared = std::gcd(axis.stride, axis.dilation);
  element_step_ = gradient ? axis.dilation / shared : axis.dilation;
  output_step_ = axis.dilation / shared * (gradient ? axis.stride : 1);
  count_ = std::min(output_step_, outputs_);
}

SlideSeries SlideAxis::forward(index_t i) const {
  const index_t place = i * axis_.stride - axis_.lo, element = modulo(place, element_step_);
  return {.element = element,
          .element_step = element_step_,
          .elements = steps(element, element_step_, elements_),
          .output = i,
          .output_step = output_step_,
          .outputs = steps(i, output_step_, outputs_),
          .kernel = axis_.kernel,
          .stride = output_step_ * axis_.stride / axis_.dilation,
          .start = (place - element) / element_step_};
}

// Output i gathers from element (i + lo - t * dilation) / stride for each tap t for which that is
// whole: every stride / gcd-th from the first on, which is `tap`. Their elements lie element_step_
// apart.
SlideSeries SlideAxis::backward(index_t i) const {
  const index_t place = i + axis_.lo;
  const index_t taps = axis_.stride * element_step_ / axis_.dilation,
                most = std::min(taps, axis_.kernel);
  index_t tap = axis_.dilation == 1 ? modulo(place, axis_.stride) : 0;
  while (tap < most && modulo(place - tap * axis_.dilation, axis_.stride) != 0) ++tap;
  const bool any = tap < most;
  const index_t count = any ? (axis_.kernel - 1 - tap) / taps + 1 : 0;
  const index_t last = any ? (place - tap * axis_.dilation) / axis_.stride : 0;
  const index_t element = modulo(last, element_step_);
  return {.element = element,
          .element_step = element_step_,
          .elements = steps(element, element_step_, elements_),
          .output = i,
          .output_step = output_step_,
          .outputs = steps(i, output_step_, outputs_),
          .kernel = count,
          .stride = 1,
          .start = (last - element) / element_step_ - count + 1};
}

SlideLineWindows::SlideLineWindows(const Axis& axis, bool gradient)
    : in(gradient ? (axis.out - 1) * axis.stride + 1 : axis.in),
      spread(gradient ? axis.stride : 1),
      step(axis.dilation),
      out_(gradient ? axis.in : axis.out),
      stride_(gradient ? 1 : axis.stride),
      lo_(gradient ? axis.reach() - 1 - axis.lo : axis.lo),
      full_(axis.kernel) {
  kernel = std::min(full_, ceil_div(in, step));
  const index_t least = -(kernel - 1) * step;
  first = kernel == full_ ? std::max(-lo_, least) : least;
  n = kernel == full_ ? std::min(in, (out_ - 1) * stride_ - lo_ + 1) - first : in - first;
}

}  // namespace fastconv::pool
