// SPDX-License-Identifier: MIT
// The file to read first: a convolution, or its adjoint, as one call with its workspace. Bindings
// and the C API make a Mapping, take memory for it, pack the weights and run it.
#pragma once

#include <memory>

#include "algorithms/correlation/algorithm.h"
#include "core/conv_desc.h"

namespace fastconv {

// From d's input to its output; or from its output to its input, which is a transposed convolution
// or the gradient of the input.
enum class Pass { forward, adjoint };

// All phases of d, and what the call asks for.
Problem problem_of(const ConvDesc& d, Pass pass, const Request& request);

// A problem whose algorithm is chosen and laid out.
template <class T>
struct Solution {
  const Algorithm<T>* algorithm;
  std::unique_ptr<const Prepared<T>> prepared;
  double fmas;
};

// Throws std::invalid_argument, with the reason, if the algorithm asked for cannot take the shape.
template <class T>
class Mapping {
 public:
  // What follows from a shape is remembered for functions, not for plans, which keep it themselves.
  Mapping(const ConvDesc& d, Pass pass, const Request& request, const Exec& exec);

  const Algorithm<T>& algorithm() const { return *solution_->algorithm; }
  const Prepared<T>& prepared() const { return *solution_->prepared; }
  double fmas() const { return solution_->fmas; }
  const Exec& exec() const { return exec_; }

  index_t packed_bytes() const;     // where weights are packed, whole cache lines
  index_t workspace_bytes() const;  // of one run, beside them

  void pack(const T* weights, T* packed) const noexcept { prepared().pack(weights, packed, exec_); }
  void run(const ConvArgs<T>& args, std::byte* workspace) const noexcept;

 private:
  ConvDesc d_;
  Exec exec_;
  // The adjoint of a padding mode other than zeros: of the padded image, which is then folded.
  bool framed_;
  index_t frame_bytes_ = 0;
  std::shared_ptr<const Solution<T>> solution_;
};

}  // namespace fastconv
