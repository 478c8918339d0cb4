// SPDX-License-Identifier: MIT
// A convolution between images, in one direction or the other, from C's descriptor.
#pragma once

#include "algorithms/conv/mapping.h"
#include "capi/describe.h"

namespace fastconv::capi {

// `pass` is FASTCONV_FORWARD or FASTCONV_INPUT_GRAD; `prepacked`: the weights are packed once, for
// many runs. Fails where the algorithm asked for cannot take the shape.
template <class T>
Mapping<T> mapping_of(const Convolution& c, int pass, bool prepacked) {
  const bool forward = pass == FASTCONV_FORWARD;
  Request request = c.request;
  request.prepacked = prepacked;
  if (!forward) request.algorithm = nullptr;
  try {
    return {c.d, c.transposed == forward ? Pass::adjoint : Pass::forward, request, c.exec};
  } catch (const std::invalid_argument& refusal) {  // of the algorithm: the shape is valid
    fail(FASTCONV_UNSUPPORTED, refusal.what());
  }
}

}  // namespace fastconv::capi
