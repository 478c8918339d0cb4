// SPDX-License-Identifier: MIT
// Depthwise layers on small planes, and at strides: lanes are neighbouring channels. Planes are
// turned into pixels and back, which costs half a cycle an element and spares what short rows and
// strides cost a kernel whose lanes are columns.
#pragma once

#include <vector>

#include "algorithms/correlation/job.h"
#include "algorithms/depthwise/frame.h"

namespace fastconv {

struct DepthwisePixels {
  struct Phase {
    Correlation r;
    std::vector<index_t> x_at, w_at;  // of its taps, in the frame and in the weights
  };
  std::vector<Phase> phases;
  PixelFrame frame;
  index_t kernel;  // weights of a channel
  index_t lanes;
  bool complete;  // the phases reach every output
};

// Whether these phases of one depthwise layer better go this way. `phases` may be those of the
// forward call, which is one, or of an adjoint.
template <class T>
bool takes_pixels(const std::vector<Correlation>& phases, const Exec& exec);
template <class T>
DepthwisePixels pixels_layout(std::vector<Correlation> phases, bool complete, const Exec& exec);
template <class T>
index_t pixels_scratch(const DepthwisePixels& layout, const Exec& exec);
// `job` is of any phase; its raw weights are used. Writes every output.
template <class T>
void depthwise_pixels(const Job<T>& job, const DepthwisePixels& layout, const Exec& exec,
                      std::byte* scratch) noexcept;

}  // namespace fastconv
