// SPDX-License-Identifier: MIT
// Fourier transforms of many real lines at a time: lanes are lines, so that no element ever changes
// its lane. A line of N real elements is transformed as N / 2 complex ones, whose real parts are
// its even elements; `split` makes of their spectrum the first N / 2 + 1 frequencies of the line,
// and `join` goes back. Nothing is scaled:
//
//     split(passes(line))  = 2 * its spectrum          passes(join(spectrum)) = N * its line
//
// Complex number i of a vector of lines is a pair of planes, each a vector of `lanes` elements:
//
//     planes   [ re of 0 | im of 0 | re of 1 | im of 1 | .. ]
//
// which are elements 2 i and 2 i + 1 of the real lines, in order.
#pragma once

#include "core/types.h"

namespace fastconv {

// The radices that a pass may have.
inline constexpr int kFftRadices[] = {8, 5, 4, 3, 2};
inline constexpr int kNumFftRadices = 5;

// One pass of Stockham's algorithm (decimation in frequency): with n = radix * groups,
//
//     dst[q + step * (radix * p + k)] = w^(p * k) * sum over j < radix of
//         e^(-2 pi i j k / radix) * src[q + step * (p + groups * j)],   w = e^(-2 pi i / n)
//
// for p < groups, k < radix, q < step. If the planes of real and imaginary parts are exchanged, the
// passes compute the inverse transform.
template <class T>
struct FftPass {
  const T* src;
  T* dst;
  const T* twiddles;  // [p][k - 1][re, im]
  index_t groups, step;
  bool inverse;
};

// Of the passes' result z, the spectrum of the lines. Frequency f is written to dst + f * ld: its
// real parts there, its imaginary parts `plane` further on and, if `negated`, its real parts with
// the opposite sign another `plane` further on. Only the first `n` lanes are written.
template <class T>
struct FftSplit {
  const T* z;
  index_t half;       // N / 2
  const T* twiddles;  // [f][re, im] of e^(-2 pi i f / N) for f <= half / 2
  T* dst;
  index_t ld, plane;
  bool negated;
  int n;
};

// The inverse: reads a spectrum in the same layout, whole vectors of it, and writes z, which may be
// where the spectrum lies if the layouts are the same (ld = 2 * lanes).
template <class T>
struct FftJoin {
  const T* src;
  index_t ld, plane;
  index_t half;
  const T* twiddles;
  T* z;
};

// Products of spectra with weights that all lanes share, for one output channel:
//
//     y[f] = sum over terms t of conj(w[f][t]) * x[f][offsets[t] ..]
//
// for `vectors` vectors of lanes at each of n frequencies. Real parts lie where the pointers say,
// imaginary ones a plane further on. Unless `first`, they are added to what is there.
template <class T>
struct FftSums {
  const T* x;
  index_t ldx, x_plane;  // from a frequency to the next; from real to imaginary parts
  const index_t* offsets;
  const T* w;
  index_t ldw, w_plane, w_term;
  index_t terms;
  T* y;
  index_t ldy, y_plane;
  index_t vectors, n;
  bool first;
};

// Products of spectra whose lanes are channels, each with weights of its own:
//
//     y[f] = sum over terms t of conj(w[t * w_term + f]) * x[offsets[t] + f]
//
// for f < n, where the real and the imaginary parts of a frequency are a pair of planes.
template <class T>
struct FftProduct {
  const T* x;
  const index_t* offsets;  // where each term's spectrum begins in x
  const T* w;
  index_t w_term;  // from a term to the next
  index_t terms;
  T* y;
  index_t n;
};

// Outputs of one line, once they are neighbours: dst[i] = src[i] + bias + residual[i].
template <class T>
struct FftFinish {
  const T* src;
  index_t n;
  T bias;
  const T* residual;  // or null
  T* dst;
};

template <class T>
struct FftKernels {
  void (*pass[kNumFftRadices])(const FftPass<T>&) noexcept;
  void (*split)(const FftSplit<T>&) noexcept;
  void (*join)(const FftJoin<T>&) noexcept;
  void (*add)(const FftSums<T>&) noexcept;
  void (*multiply)(const FftProduct<T>&) noexcept;
  void (*finish)(const FftFinish<T>&) noexcept;
  bool (*finite)(const T* x, index_t n) noexcept;  // whether all n elements are
};

}  // namespace fastconv
