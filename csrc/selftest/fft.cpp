// SPDX-License-Identifier: MIT
// Fourier transforms: passes against the sums that they stand for, and whole transforms there and
// back.
#include <complex>
#include <limits>
#include <numbers>

#include "selftest/check.h"

namespace fastconv::selftest {
namespace {

template <class T>
constexpr double kTolerance = 64 * std::numeric_limits<T>::epsilon();

std::complex<double> root(index_t turn, index_t n) {
  return std::polar(1.0, -2 * std::numbers::pi * double(turn % n) / double(n));
}

// One pass of a radix: groups of it, and steps between the numbers of a butterfly.
template <class T>
void test_pass(const FftKernels<T>& k, index_t lanes, int radix, bool inverse, Report& report) {
  const index_t r = kFftRadices[radix], groups = 3, step = 2, n = r * groups;
  const Integers<T> src(2 * n * step * lanes);
  Fenced<T> dst(src.size(), 77), want(src.size(), 77), twiddles(2 * groups * (r - 1));
  for (index_t p = 0; p < groups; ++p)
    for (index_t j = 1; j < r; ++j) {
      const std::complex<double> turn = root(p * j, n);
      twiddles[2 * (p * (r - 1) + j - 1)] = static_cast<T>(turn.real());
      twiddles[2 * (p * (r - 1) + j - 1) + 1] = static_cast<T>(turn.imag());
    }
  k.pass[radix](
      {src.data(), dst.data(), twiddles.data(), groups, step, inverse, {0, groups}, {0, step}});
  const auto sign = [&](std::complex<double> z) { return inverse ? std::conj(z) : z; };
  for (index_t q = 0; q < step; ++q)
    for (index_t p = 0; p < groups; ++p)
      for (index_t j = 0; j < r; ++j)
        for (index_t l = 0; l < lanes; ++l) {
          std::complex<double> sum = 0;
          for (index_t i = 0; i < r; ++i) {
            const index_t at = 2 * (q + step * (p + groups * i)) * lanes + l;
            sum += sign(root(i * j, r)) *
                   std::complex<double>(double(src[at]), double(src[at + lanes]));
          }
          sum *= sign(root(p * j, n));
          const index_t to = 2 * (q + step * (r * p + j)) * lanes + l;
          want[to] = static_cast<T>(sum.real()), want[to + lanes] = static_cast<T>(sum.imag());
        }
  report.expect_close(dst, want, kTolerance<T>, 32, "a pass of radix ", r,
                      inverse ? ", inverse" : "");
}

// split and join of 12 elements a line: a transform of one pass of 3 and one of 2.
template <class T>
void test_real_lines(const FftKernels<T>& k, index_t lanes, Report& report) {
  const index_t n = 12, half = 6;
  const Integers<T> x(n * lanes);
  Fenced<T> a(x.size()), b(x.size()), spectrum(3 * (half + 1) * lanes), twiddles(4), turns(8);
  for (index_t i = 0; i < x.size(); ++i) a[i] = x[i];
  for (index_t j = 1; j < 3; ++j) {
    twiddles[2 * j - 2] = static_cast<T>(root(j, half).real());
    twiddles[2 * j - 1] = static_cast<T>(root(j, half).imag());
  }
  // The twiddles of both groups; those of group 0 are 1 and never read.
  Fenced<T> both(8, T{1});
  for (index_t i = 0; i < 4; ++i) both[4 + i] = twiddles[i];
  for (index_t f = 0; f < 4; ++f) {
    turns[2 * f] = static_cast<T>(root(f, n).real());
    turns[2 * f + 1] = static_cast<T>(root(f, n).imag());
  }
  const Fenced<T> none(2, T{1});
  const auto passes = [&](bool inverse) {
    k.pass[3]({a.data(), b.data(), both.data(), 2, 1, inverse, {0, 2}, {0, 1}});
    k.pass[4]({b.data(), a.data(), none.data(), 1, 3, inverse, {0, 1}, {0, 3}});
  };
  passes(false);
  k.split({a.data(), half, turns.data(), spectrum.data(), 3 * lanes, lanes, true,
           static_cast<int>(lanes)});
  for (index_t f = 0; f <= half; ++f)
    for (index_t l = 0; l < lanes; ++l) {
      std::complex<double> sum = 0;
      for (index_t i = 0; i < n; ++i) sum += 2.0 * root(i * f, n) * double(x[i * lanes + l]);
      const T* at = spectrum.data() + 3 * f * lanes + l;
      const double error = std::abs(sum - std::complex<double>(double(at[0]), double(at[lanes])));
      report.expect(error <= 256 * kTolerance<T> && at[2 * lanes] == -at[0], "frequency ", f);
    }
  k.join({spectrum.data(), 3 * lanes, lanes, half, turns.data(), a.data()});
  passes(true);
  Fenced<T> want(x.size());
  for (index_t i = 0; i < x.size(); ++i) want[i] = static_cast<T>(2 * n) * x[i];
  report.expect_close(a, want, 16 * kTolerance<T>, 200, "lines there and back");
}

// Element i of a long line of numbers in planes.
template <class T>
std::complex<double> element(const T* planes, index_t i, index_t lanes) {
  const T* at = planes + i / lanes * 2 * lanes + i % lanes;
  return {double(at[0]), double(at[lanes])};
}

// A part of the blocks of a long line: numbers are multiplied and transposed.
template <class T>
void test_turn(const FftKernels<T>& k, index_t lanes, bool inverse, Report& report) {
  const index_t blocks = 3, n = blocks * lanes * lanes;
  const Integers<T> src(2 * n);
  Fenced<T> dst(2 * n, 77), want(2 * n, 77), twiddles(2 * n);
  for (index_t m = 0; m < blocks * lanes; ++m)
    for (index_t l = 0; l < lanes; ++l) {
      twiddles[2 * m * lanes + l] = static_cast<T>(root(m * l, n).real());
      twiddles[(2 * m + 1) * lanes + l] = static_cast<T>(root(m * l, n).imag());
    }
  k.turn({src.data(), dst.data(), twiddles.data(), blocks, inverse, 1, blocks});
  for (index_t m = lanes; m < blocks * lanes; ++m)
    for (index_t l = 0; l < lanes; ++l) {
      const std::complex<double> w = inverse ? std::conj(root(m * l, n)) : root(m * l, n);
      const std::complex<double> z = w * element(src.data(), m * lanes + l, lanes);
      T* to = want.data() + 2 * (l * blocks + m / lanes) * lanes + m % lanes;
      to[0] = static_cast<T>(z.real()), to[lanes] = static_cast<T>(z.imag());
    }
  report.expect_close(dst, want, kTolerance<T>, 32, "a turned line", inverse ? ", inverse" : "");
}

// A line is wound, without the elements that are too large, and unwound.
template <class T>
void test_wind(const FftKernels<T>& k, index_t lanes, Report& report) {
  const index_t n = 4 * lanes;
  Integers<T> x(n);
  const Integers<T> carried(n);
  Fenced<T> angles(2 * n), z(2 * n, 77), want(2 * n, 77), y(n, 77), right(n, 77), carry(n), left(n);
  x[lanes] = std::numeric_limits<T>::quiet_NaN(), x[lanes + 1] = 1000;
  for (index_t i = 0; i < n; ++i) {
    const std::complex<double> w = std::conj(root(i, 4 * n));
    T* at = angles.data() + i / lanes * 2 * lanes + i % lanes;
    at[0] = static_cast<T>(w.real()), at[lanes] = static_cast<T>(w.imag());
    carry[i] = left[i] = carried[i];
    if (i < lanes || i >= 3 * lanes) continue;
    const double kept = std::abs(x[i]) < 1000 ? double(x[i]) : 0.0;
    T* to = want.data() + i / lanes * 2 * lanes + i % lanes;
    to[0] = static_cast<T>(kept * w.real()), to[lanes] = static_cast<T>(kept * w.imag());
    right[i] = static_cast<T>(kept) + carried[i], left[i] = 0;
  }
  k.wind({x.data(), angles.data(), T{1000}, z.data(), 1, 3});
  report.expect_close(z, want, kTolerance<T>, 16, "a wound line");
  k.unwind({z.data(), angles.data(), carry.data(), y.data(), 1, 3});
  report.expect_close(y, right, kTolerance<T>, 32, "an unwound line");
  report.expect_close(carry, left, kTolerance<T>, 32, "what is carried over");
}

// The products of two terms, with weights of each lane's own and with shared ones.
template <class T>
void test_products(const FftKernels<T>& k, index_t lanes, Report& report) {
  constexpr index_t kFrequencies = 3, kVectors = 5, kTerms = 2;
  const index_t wide = kVectors * lanes, pair = 2 * lanes;
  const Integers<T> x(kFrequencies * 2 * (wide + 1)), w(kFrequencies * 2 * kTerms * lanes);
  const index_t offsets[kTerms] = {0, 1};
  Fenced<T> got(kFrequencies * 2 * wide, 1), want(got.size(), 1);
  k.add({x.data(), 2 * (wide + 1), wide + 1, offsets, w.data(), 2 * kTerms, kTerms, 1, kTerms,
         got.data(), 2 * wide, wide, kVectors, kFrequencies, false});
  for (index_t f = 0; f < kFrequencies; ++f)
    for (index_t i = 0; i < wide; ++i)
      for (index_t t = 0; t < kTerms; ++t) {
        const T* from = x.data() + 2 * f * (wide + 1) + offsets[t] + i;
        const T* weight = w.data() + 2 * f * kTerms + t;
        const T re = from[0], im = from[wide + 1], wr = weight[0], wi = weight[kTerms];
        want[2 * f * wide + i] += wr * re + wi * im;
        want[(2 * f + 1) * wide + i] += wr * im - wi * re;
      }
  report.expect_equal(got, want, "sums of products");
  const index_t own[kTerms] = {pair, 0};
  Fenced<T> each(2 * pair), right(2 * pair);
  k.multiply({x.data(), own, w.data(), pair, kTerms, each.data(), 2});
  for (index_t i = 0; i < 2 * pair; ++i) {
    if (i % pair >= lanes) continue;
    for (index_t t = 0; t < kTerms; ++t) {
      const T* from = x.data() + own[t] + i;
      const T* weight = w.data() + t * pair + i;
      right[i] += weight[0] * from[0] + weight[lanes] * from[lanes];
      right[i + lanes] += weight[0] * from[lanes] - weight[lanes] * from[0];
    }
  }
  report.expect_equal(each, right, "products of channels");
}

template <class T>
void test_outputs(const FftKernels<T>& k, Report& report) {
  for (index_t n = 1; n < 40; ++n) {
    Integers<T> x(n);
    const Integers<T> residual(n);
    Fenced<T> got(n), want(n);
    for (index_t i = 0; i < n; ++i) want[i] = x[i] + 3 + residual[i];
    k.finish({x.data(), n, T{3}, residual.data(), got.data()});
    report.expect_equal(got, want, "finished outputs, n = ", n);
    report.expect(k.finite(x.data(), n), "finite, n = ", n);
    x[n - 1] = std::numeric_limits<T>::infinity();
    report.expect(!k.finite(x.data(), n), "not finite, n = ", n);
  }
}

template <class T>
void test_type(const KernelTable& isa, Report& report) {
  const FftKernels<T>& k = kernels<T>(isa).conv.fft;
  const index_t lanes = kernels<T>(isa).conv.gemm.lanes;
  for (int radix = 0; radix < kNumFftRadices; ++radix)
    for (const bool inverse : {false, true}) test_pass(k, lanes, radix, inverse, report);
  for (const bool inverse : {false, true}) test_turn(k, lanes, inverse, report);
  test_wind(k, lanes, report);
  test_real_lines(k, lanes, report);
  test_products(k, lanes, report);
  test_outputs(k, report);
}

}  // namespace

void test_fft(const KernelTable& isa, Report& report) {
  test_type<float>(isa, report);
  test_type<double>(isa, report);
}

}  // namespace fastconv::selftest
