// SPDX-License-Identifier: MIT
// The engine for long filters at stride 1 without dilation, whose results depend on how the signal
// was cut, within the bound for transforms; and the choice between it and the engines of plain
// sums.
#pragma once

#include "algorithms/stream/engine.h"

namespace fastconv::stream {

// The engine that is asked for: "direct", "fft", or the quicker one if `algorithm` is null; with
// plain_sums "direct". Throws std::invalid_argument, with the reason, if that one does not take the
// stream.
template <class T>
std::shared_ptr<const Engine<T>> make_engine(const Desc&, const Parameters<T>&, const Exec&,
                                             const char* algorithm, bool plain_sums);

}  // namespace fastconv::stream
