// SPDX-License-Identifier: MIT
// Long kernels by Fourier transforms. Its entries in the table of algorithms are
// one family:
//     fft            lanes are blocks or rows of one channel, which share their weights
//     fft_channels   lanes are the channels of a depthwise layer
//     fft_planes     transforms of both axes, for images that are large beside square kernels
#pragma once

#include "algorithms/correlation/phases.h"

namespace fastconv::fft {

inline constexpr const char* kFamily = "fft";

template <class T>
const PhaseAlgorithm<T>& shared();
template <class T>
const PhaseAlgorithm<T>& channels();
template <class T>
const PhaseAlgorithm<T>& planes();

}  // namespace fastconv::fft
