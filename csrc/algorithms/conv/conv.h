// SPDX-License-Identifier: MIT
// The file to read first: a convolution as steps, and the switch that runs them.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "algorithms/conv/choose.h"
#include "algorithms/dense/channel_lanes.h"
#include "algorithms/depthwise/pairs.h"
#include "algorithms/depthwise/pixels.h"
#include "algorithms/loops.h"
#include "algorithms/transposed/depth_to_space.h"
#include "algorithms/transposed/shared_strip.h"
#include "algorithms/winograd/winograd.h"
#include "core/conv_desc.h"
#include "core/exec.h"

namespace fastconv {

// A convolution, or its adjoint, as the correlations that compute it, each with its algorithm and
// what the algorithm needs to know. Made at the boundary: it may throw, running it cannot.
struct Step {
  Correlation r;
  Algorithm algorithm;
  index_t mr;                         // rows of a panel of packed weights
  index_t packed;                     // where its weights start in the packed weights, in elements
  std::vector<index_t> slots;         // of weight_slots
  std::optional<StripLayout> layout;  // depthwise
  std::optional<DirectLayout> direct = {};
  WinogradForm form = {};
  std::optional<TileGrid> grid = {};
  bool fused = false;  // weights are packed where they are used, not by pack()
  PixelForm pixels = {};
};
struct Lowered {
  std::vector<Step> steps = {};
  std::optional<ChannelLanesLayout> channel_lanes = {};  // takes all steps together, or none
  std::optional<PhasesLayout> phases = {};               // likewise
  std::optional<SpreadLayout> spread = {};               // likewise
  std::vector<PairsLayout> pairs = {};                   // likewise
  std::optional<DepthwisePixels> turned = {};            // likewise
  bool kept = false;                                     // weights are packed once for many calls
  bool complete = true;  // the steps write every output; else all are filled with the bias first
  index_t batch = 0, channels = 0, plane = 0;  // of the outputs
  index_t packed_elements = 0;
  index_t scratch_bytes = 0;
  double fmas() const;
};

// Throws std::invalid_argument, with the reason, if the algorithm asked for cannot take the shape.
template <class T>
Lowered lower_forward(const ConvDesc& d, const Request& request, const Exec& exec);
template <class T>
Lowered lower_adjoint(const ConvDesc& d, const Request& request, const Exec& exec);

template <class T>
void pack(const Lowered& lowered, const T* weights, T* packed, const Exec& exec) noexcept;

template <class T>
struct ConvArgs {
  const T* x;
  const T* packed;
  const T* weights;   // as the caller has them
  const T* bias;      // or null
  const T* residual;  // or null; may be y
  T* y;
  Activation activation = Activation::none;
  T slope = T{0};
};

template <class T>
void run(const Lowered& lowered, const ConvArgs<T>& args, const Exec& exec,
         std::byte* scratch) noexcept;

}  // namespace fastconv
