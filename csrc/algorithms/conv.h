// SPDX-License-Identifier: MIT
// The file to read first: which algorithm a convolution takes, and the switch that runs it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "algorithms/broadcast.h"
#include "algorithms/loops.h"
#include "core/conv_desc.h"
#include "core/exec.h"

namespace fastconv {

enum class Algorithm : int { auto_, direct, im2col, pointwise, depthwise, broadcast };
inline constexpr Algorithm kAlgorithms[] = {Algorithm::direct, Algorithm::im2col,
                                            Algorithm::pointwise, Algorithm::depthwise,
                                            Algorithm::broadcast};
const char* name_of(Algorithm algorithm);

struct Candidate {
  Algorithm algorithm;
  const char* refused;  // why it cannot take this shape, or null
  double cycles;        // predicted, on one core
};

// Whether weights are packed by each call, which then pays for it, or once for many calls.
enum class Packing : int { each_call, once };

// Every algorithm with its predicted cost for one Correlation; a pure function of problem and ISA.
template <class T>
std::vector<Candidate> candidates(const Correlation& r, Packing packing, const Exec& exec);

// A convolution, or its adjoint, as the correlations that compute it, each with its algorithm and
// what the algorithm needs to know. Made at the boundary: it may throw, running it cannot.
struct Step {
  Correlation r;
  Algorithm algorithm;
  index_t mr;                 // rows of a panel of packed weights
  index_t packed;             // where its weights start in the packed weights, in elements
  std::vector<index_t> taps;  // of weight_taps
  std::optional<StripLayout> layout;
};
struct Lowered {
  std::vector<Step> steps = {};
  std::optional<BroadcastLayout> broadcast = {};  // takes all steps together, or none
  Packing packing = Packing::once;
  bool complete = true;  // the steps write every output; else all are filled with the bias first
  index_t batch = 0, channels = 0, plane = 0;  // of the outputs
  index_t packed_elements = 0;
  index_t scratch_bytes = 0;
};

// Throws std::invalid_argument, with the reason, if `asked` cannot take the shape.
template <class T>
Lowered lower_forward(const ConvDesc& d, Algorithm asked, Packing packing, const Exec& exec);
template <class T>
Lowered lower_adjoint(const ConvDesc& d, Algorithm asked, Packing packing, const Exec& exec);

template <class T>
void pack(const Lowered& lowered, const T* weights, T* packed, const Exec& exec) noexcept;

template <class T>
struct ConvArgs {
  const T* x;
  const T* packed;
  const T* weights;   // as they came; used where each call packs
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
