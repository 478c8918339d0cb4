// SPDX-License-Identifier: MIT
// What a stream computes, validated once, and its clock: how many outputs come with how many
// inputs. A *sample* is what the elements of all channels are at one time; inputs and outputs are
// samples.
//
//     conv, stride 3, last = 0     inputs   0 1 2 3 4 5 6 7     an output with inputs 0, 3, 6, ..
//     conv, stride 3, last = 2     inputs   0 1 2 3 4 5 6 7     an output with inputs 2, 5, ..
//     transposed, stride 3         inputs   0     1     2       three outputs with each input
//
// The *phase* is the number of inputs since the last one whose number is a multiple of the stride.
#pragma once

#include "core/types.h"

namespace fastconv::stream {

enum class Op : int { conv, transposed, max, average };

struct Desc {
  Op op = Op::conv;
  index_t batch = 1, c_in = 1, c_out = 1, groups = 1;
  index_t kernel = 1, stride = 1, dilation = 1;
  index_t last = 0;    // the phase of the input with which a window ends, from 0 to stride - 1
  double divisor = 1;  // of averages

  bool transposed() const { return op == Op::transposed; }
  index_t reach() const { return dilation * (kernel - 1) + 1; }
  // How many inputs before the newest one an output depends on.
  index_t past() const { return transposed() ? (reach() - 1) / stride : reach() - 1; }
  index_t in_step() const { return transposed() ? 1 : stride; }   // inputs for each output
  index_t out_step() const { return transposed() ? stride : 1; }  // outputs for each input

  // Of inputs that begin at this phase, the first that brings an output.
  index_t first(index_t phase) const { return (last - phase + in_step()) % in_step(); }
  // The outputs that n such inputs bring.
  index_t outputs(index_t phase, index_t n) const {
    const index_t from = first(phase);
    return n > from ? ((n - from - 1) / in_step() + 1) * out_step() : 0;
  }
  index_t after(index_t phase, index_t n) const { return (phase + n) % in_step(); }
  // What a stream owes that ends at this phase: the output of a stride that has begun, or what a
  // transposed convolution has added beyond its last input's share.
  index_t owed(index_t phase) const {
    if (transposed()) return reach() > stride ? reach() - stride : 0;
    return phase > 0 && phase <= last ? 1 : 0;
  }
  // The inputs, zeros, that bring it.
  index_t missing(index_t phase) const {
    if (transposed()) return (owed(phase) + stride - 1) / stride;
    return owed(phase) ? last - phase + 1 : 0;
  }
  // The past that is kept, so that its length tells the phase.
  index_t kept(index_t phase) const { return past() + phase; }
};

// Returns `d`, or throws std::invalid_argument with a sentence that names the offending numbers.
const Desc& validated(const Desc& d);

}  // namespace fastconv::stream
