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
// passes compute the inverse transform. A call may compute a part of a pass.
template <class T>
struct FftPass {
  const T* src;
  T* dst;
  const T* twiddles;  // [p][k - 1][re, im]
  index_t groups, step;
  bool inverse;
  struct {
    index_t from, to;
  } p, q;  // of all p and q, those of this call
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

// One long line, whose neighbouring elements are the lanes: element lanes * m + l is lane l of
// number m. The passes above transform every lane by itself; then `turn` multiplies number k1 of
// lane l by w^(l * k1) and transposes blocks of `lanes` numbers, so that lane i of number j *
// blocks + b is what was lane j of number b * lanes + i; and passes of `lanes` numbers, a step of
// `blocks` apart, make the transform of the line of it, in its natural order. Blocks of a call are
// from..to.
template <class T>
struct FftTurn {
  const T* src;
  T* dst;
  const T* twiddles;  // planes of w^(l * k1)
  index_t blocks;
  bool inverse;
  index_t from, to;
};

// The product of two lines of N real elements as polynomials: multiplied by e^(i pi n / 2N) they
// are transformed as N complex numbers, and the product's element n comes back as a real part, its
// element n + N as an imaginary one (right-angle convolution). `wind` makes numbers from..to,
// vectors of them, of a line; elements that are not smaller than `limit` count as zeros. `unwind`
// reads them back from z, and adds what was carried over from the last line:
//
//     y[n] = (product's element n) + carry[n];   carry[n] = (product's element n + N)
template <class T>
struct FftWind {
  const T* x;
  const T* angles;  // planes of e^(i pi n / 2N)
  T limit;
  T* z;
  index_t from, to;
};
template <class T>
struct FftUnwind {
  const T* z;
  const T* angles;
  T* carry;
  T* y;
  index_t from, to;
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
  void (*turn)(const FftTurn<T>&) noexcept;
  void (*wind)(const FftWind<T>&) noexcept;
  void (*unwind)(const FftUnwind<T>&) noexcept;
  void (*finish)(const FftFinish<T>&) noexcept;
  bool (*finite)(const T* x, index_t n) noexcept;  // whether all n elements are
};

}  // namespace fastconv
