// SPDX-License-Identifier: MIT
// Tiny images, whose outputs are told apart by the taps that read the image for them, and not the
// padding. An output of the middle of a 3x3 convolution has 9 such taps, one in a corner has 4. The
// outputs that have the same taps are a part: none of its products is one with a zero.
#pragma once

#include <vector>

#include "algorithms/correlation/correlation.h"

namespace fastconv {

// An output of a part: its place in the plane of outputs, and the place in the image that the first
// of the part's taps reads for it.
struct PartOutput {
  index_t out, in;
};

// Some outputs of one phase, with the taps that they have.
struct ImagePart {
  Correlation r;                    // the phase with these taps alone
  std::vector<index_t> shifts;      // from what the first tap reads to what each tap reads
  std::vector<PartOutput> outputs;  // in the order of their places
};

// The parts of all phases, which pad with zeros. Outputs without taps are in none of them.
std::vector<ImagePart> image_parts(const std::vector<Correlation>& phases);

// What a phase has of parts, found without taking memory.
struct PartSizes {
  double parts;
  double outputs;  // that have taps
  double reads;    // pairs of an output and a tap that it has
  double taps;     // of all parts together
};
PartSizes part_sizes(const Correlation& r);

}  // namespace fastconv
