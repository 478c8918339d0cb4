// SPDX-License-Identifier: MIT
// A convolution between images in one direction or the other: forward, transposed, or a gradient of
// the input, lowered, with the parts of its workspace.
#pragma once

#include "algorithms/conv/conv.h"
#include "capi/describe.h"

namespace fastconv::capi {

struct ConvMap {
  ConvDesc d;
  Exec exec;
  Lowered lowered;
  bool framed;  // a gradient through a padding mode: of the padded image, which is then folded
  index_t packed_bytes, frame_bytes;

  index_t scratch_bytes() const { return frame_bytes + lowered.scratch_bytes; }
};

// `pass` is FASTCONV_FORWARD or FASTCONV_INPUT_GRAD; `kept`: the weights are packed once, for many
// runs.
template <class T>
ConvMap conv_map(const Convolution& c, int pass, bool kept);

// args.packed is where packed weights are; `scratch` has scratch_bytes().
template <class T>
void run(const ConvMap& map, const ConvArgs<T>& args, std::byte* scratch) noexcept;

}  // namespace fastconv::capi
