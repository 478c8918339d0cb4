// SPDX-License-Identifier: MIT
// The file to read first: which algorithm a convolution takes, and the switch that runs it.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "algorithms/loops.h"
#include "algorithms/winograd.h"
#include "core/conv_desc.h"
#include "core/exec.h"

namespace fastconv {

enum class Algorithm : int { auto_, direct, im2col, pointwise, depthwise, winograd };
inline constexpr Algorithm kAlgorithms[] = {Algorithm::direct, Algorithm::im2col,
                                            Algorithm::pointwise, Algorithm::depthwise,
                                            Algorithm::winograd};
const char* name_of(Algorithm algorithm);

// What a call asks for beside its shape.
struct Wish {
  Algorithm algorithm = Algorithm::auto_;
  bool plain_sums = false;                // precision "highest": no Winograd
  bool packed_ahead = false;              // a plan: packing the weights costs nothing
  std::optional<WinogradForm> form = {};  // only this one of Winograd's; for tests
};

struct Candidate {
  Algorithm algorithm;
  const char* refused;  // why it cannot take this shape, or null
  double cycles;        // predicted, on one core
  WinogradForm form;    // of Algorithm::winograd
  bool same_as(Algorithm other, WinogradForm other_form) const {
    return algorithm == other && form.h == other_form.h && form.w == other_form.w;
  }
};

std::string label_of(const Candidate& candidate);  // its name, and the form of Winograd's

// Every algorithm, and every form of Winograd's, with its predicted cost for one Correlation; a
// pure function of problem and ISA.
template <class T>
std::vector<Candidate> candidates(const Correlation& r, const Wish& wish, const Exec& exec);

// A convolution, or its adjoint, as the correlations that compute it, each with its algorithm and
// what the algorithm needs to know. Made at the boundary: it may throw, running it cannot.
struct Step {
  Correlation r;
  Algorithm algorithm;
  index_t mr;                 // rows of a panel of packed weights
  index_t packed;             // where its weights start in the packed weights, in elements
  std::vector<index_t> taps;  // of weight_taps
  std::optional<StripLayout> layout;
  WinogradForm form = {};
  std::optional<TileGrid> grid = {};
  bool fused = false;  // weights are packed where they are used, not by pack()
};
struct Lowered {
  std::vector<Step> steps = {};
  bool complete = true;  // the steps write every output; else all are filled with the bias first
  index_t batch = 0, channels = 0, plane = 0;  // of the outputs
  index_t packed_elements = 0;
  index_t scratch_bytes = 0;
};

// Throws std::invalid_argument, with the reason, if the algorithm asked for cannot take the shape.
template <class T>
Lowered lower_forward(const ConvDesc& d, const Wish& wish, const Exec& exec);
template <class T>
Lowered lower_adjoint(const ConvDesc& d, const Wish& wish, const Exec& exec);

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
