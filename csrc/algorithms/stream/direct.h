// SPDX-License-Identifier: MIT
// The engines that add the terms of an output one after another. Each of them takes its own kind of
// layer, at any length of a block, so that the order of a sum never changes.
#pragma once

#include "algorithms/stream/ring_engine.h"

namespace fastconv::stream {

// Lanes are output channels.
template <class T>
std::shared_ptr<const Engine<T>> make_tiles(const Desc&, const Parameters<T>&, const Exec&);
// Lanes are channels, each of which has a filter of its own: depthwise layers and averages.
template <class T>
std::shared_ptr<const Engine<T>> make_lines(const Desc&, const Parameters<T>&, const Exec&);
// Lanes are neighbouring outputs of one channel, at stride 1.
template <class T>
std::shared_ptr<const Engine<T>> make_rows(const Desc&, const Parameters<T>&, const Exec&);

// Lanes are channels.
template <class T>
std::shared_ptr<const Engine<T>> make_maxima(const Desc&, const Exec&);

}  // namespace fastconv::stream
