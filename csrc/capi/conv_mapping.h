// SPDX-License-Identifier: MIT
// Makes a mapping, forward or of the input's gradient, of C's descriptor.
#pragma once

#include "algorithms/conv/mapping.h"
#include "capi/describe.h"

namespace fastconv::capi {

// `pass` is FASTCONV_FORWARD or FASTCONV_INPUT_GRAD. With `prepacked` the weights are packed once,
// for many runs. Fails if the algorithm that is asked for cannot take the shape.
template <class T>
Mapping<T> mapping_of(const Convolution& c, int pass, bool prepacked) {
  const bool forward = pass == FASTCONV_FORWARD;
  Request request = c.request;
  request.prepacked = prepacked;
  if (!forward) request.algorithm = nullptr;
  try {
    return {c.d, c.transposed == forward ? Pass::adjoint : Pass::forward, request, c.exec};
  } catch (const std::invalid_argument& refusal) {  // the shape is valid: an algorithm refuses it
    fail(FASTCONV_UNSUPPORTED, refusal.what());
  }
}

}  // namespace fastconv::capi
