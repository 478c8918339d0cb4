// SPDX-License-Identifier: MIT
// The file to read first: a convolution, or its adjoint, as one call with its workspace. Bindings
// and the C API make a Mapping, take memory for it, pack the weights and run it.
#pragma once

#include <memory>

#include "algorithms/conv/turn.h"
#include "algorithms/correlation/algorithm.h"
#include "core/conv_desc.h"

namespace fastconv {

// `forward` computes d's output from its input. `adjoint` computes an array like d's input from one
// like its output: it is a transposed convolution, or the gradient of the input.
enum class Pass { forward, adjoint };

// The problem that d is in this pass: all of its phases, and what the call asks for. Taps that only
// read padding are left out, unless the algorithm that the call asks for takes the kernel only as
// it is.
template <class T>
Problem problem_of(const ConvDesc& d, Pass pass, const Request& request, const Exec& exec);

// A problem's algorithm, chosen and laid out.
template <class T>
struct Solution {
  const Algorithm<T>* algorithm;
  std::unique_ptr<const Prepared<T>> prepared;
  std::size_t phases;
  double fmas;
  bool needs_weights;  // see Mapping::needs_weights
};

template <class T>
class Mapping {
 public:
  // Throws std::invalid_argument, with the reason, if the algorithm asked for cannot take the
  // shape. The solution is remembered for the next call on this shape, unless weights are
  // prepacked: the plan that asks for that holds its solution itself.
  Mapping(const ConvDesc& d, Pass pass, const Request& request, const Exec& exec);

  const Algorithm<T>& algorithm() const { return *solution_->algorithm; }
  const Prepared<T>& prepared() const { return *solution_->prepared; }
  double fmas() const { return solution_->fmas; }
  const Exec& exec() const { return exec_; }

  index_t packed_bytes() const;     // of the packed weights, in whole cache lines
  index_t workspace_bytes() const;  // what run() needs beside the packed weights

  void pack(const T* weights, T* packed) const noexcept { prepared().pack(weights, packed, exec_); }
  // Whether packed weights do not stand for the plain ones: run() reads these as well, or some of
  // them are not packed, since no output reads them.
  bool needs_weights() const { return solution_->needs_weights; }
  // Writes the plain weights that were packed, of which none are needed. Throws std::bad_alloc if
  // memory is short.
  void unpack(const T* packed, T* weights) const;
  void run(const ConvArgs<T>& args, std::byte* workspace) const noexcept;

 private:
  void run_turned(const ConvArgs<T>& args, std::byte* workspace) const noexcept;

  ConvDesc d_;
  Exec exec_;
  // Whether this is the adjoint of a padding mode other than zeros. It is computed on a frame,
  // which the workspace holds first, and is then folded back.
  bool framed_;
  // Whether the padding is a constant: the workspace then holds the input in its frame first.
  bool filled_;
  // Whether the result is pixels, and whether the algorithm wants the input or the result to lie
  // otherwise than the caller's: the workspace then holds them, behind the frame, as it wants them.
  bool pixels_ = false, turns_x_ = false, turns_y_ = false;
  ImageShape x_{}, y_{};  // what the algorithm reads and writes
  index_t frame_bytes_ = 0, x_bytes_ = 0, y_bytes_ = 0;
  std::shared_ptr<const Solution<T>> solution_;
};

}  // namespace fastconv
