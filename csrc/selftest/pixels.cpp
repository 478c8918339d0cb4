// SPDX-License-Identifier: MIT
// Tiles and lines of pixels whose channels are neighbours, against plain loops.
#include <vector>

#include "selftest/check.h"

namespace fastconv::selftest {
namespace {

template <class T>
T clamped(T value, T lowest, T highest) {
  return value < lowest ? lowest : value > highest ? highest : value;
}

// A tile of two rows of two lines of k terms.
template <class T>
void test_tile(const ConvKernels<T>& k, int pixels, int nv, int tail, index_t terms, bool with_init,
               Report& report) {
  const index_t lanes = k.gemm.lanes, ld = nv * lanes, n = ld - lanes + tail;
  const index_t x_step = terms + 1, x_line = 3 * x_step, x_row = 20 * x_step, y_step = n + 2;
  const Integers<T> x(x_row + x_line + (pixels - 1) * x_step + terms), w(4 * terms * ld);
  const Integers<T> bias(ld), init((pixels - 1) * y_step + n);
  Fenced<T> got(init.size(), 77), want(init.size(), 77);
  k.pixel_tile.run[pixels - 1][nv - 1]({.k = terms,
                                        .lines = 2,
                                        .rows = 2,
                                        .x = x.data(),
                                        .x_step = x_step,
                                        .x_line = x_line,
                                        .x_row = x_row,
                                        .w = w.data(),
                                        .w_line = terms * ld,
                                        .w_row = 2 * terms * ld,
                                        .y = got.data(),
                                        .y_step = y_step,
                                        .init = with_init ? init.data() : nullptr,
                                        .init_step = y_step,
                                        .bias = bias.data(),
                                        .tail = tail,
                                        .lowest = -300,
                                        .highest = 400,
                                        .ahead = w.data(),
                                        .ahead_step = 0});
  for (int i = 0; i < pixels; ++i)
    for (index_t j = 0; j < n; ++j) {
      T sum = bias[j] + (with_init ? init[i * y_step + j] : T{0});
      for (index_t line = 0; line < 4; ++line)
        for (index_t p = 0; p < terms; ++p)
          sum += x[i * x_step + line / 2 * x_row + line % 2 * x_line + p] *
                 w[(line * terms + p) * ld + j];
      want[i * y_step + j] = clamped<T>(sum, -300, 400);
    }
  report.expect_close(got, want, 0, 0, "pixel tile ", pixels, " x ", nv, ", tail ", tail, ", k ",
                      terms);
}

// Two rows of n pixels, of 2 by 3 taps.
template <class T>
void test_line(const ConvKernels<T>& k, index_t n, index_t blocks, int tail, bool with_init,
               Report& report) {
  const index_t lanes = k.gemm.lanes, ld = blocks * lanes, channels = ld - lanes + tail;
  const index_t step = channels + 1, row = (n + 4) * step, y_step = channels + 2;
  const index_t y_row = n * y_step;
  const Integers<T> x(2 * row + (n + 1) * step + channels), w(6 * ld), bias(ld);
  const Integers<T> init(y_row + (n - 1) * y_step + channels);
  Fenced<T> got(init.size(), 77), want(init.size(), 77);
  k.depthwise.run_line({.n = n,
                        .blocks = blocks,
                        .tail = tail,
                        .rows = 2,
                        .lines = 3,
                        .x = x.data(),
                        .x_step = step,
                        .x_line = step,
                        .x_row = row,
                        .w = w.data(),
                        .w_line = ld,
                        .w_row = 3 * ld,
                        .y = got.data(),
                        .y_step = y_step,
                        .init = with_init ? init.data() : nullptr,
                        .init_step = y_step,
                        .bias = bias.data(),
                        .lowest = -100,
                        .highest = 150,
                        .pair = true,
                        .y_row = y_row,
                        .init_row = y_row,
                        .ahead = row,
                        .ahead_step = row,
                        .ahead_rows = 1});
  for (index_t i = 0; i < 2 * n; ++i)
    for (index_t c = 0; c < channels; ++c) {
      T sum = bias[c] + (with_init ? init[i * y_step + c] : T{0});
      for (index_t t = 0; t < 6; ++t)
        sum += w[t * ld + c] * x[(i % n + t % 3) * step + (i / n + t / 3) * row + c];
      want[i * y_step + c] = clamped<T>(sum, -100, 150);
    }
  report.expect_close(got, want, 0, 0, "line of ", n, " pixels, ", blocks, " blocks, tail ", tail);
}

// A line of n pixels, of 2 by `lines` taps that lie together, with groups of two channels.
template <class T>
void test_groups(const ConvKernels<T>& k, index_t n, index_t lines, index_t stride,
                 Report& report) {
  const index_t lanes = k.gemm.lanes, ld = 2 * lanes, row = ((n - 1) * stride + lines) * ld;
  const Integers<T> x(2 * row), w(4 * lines * ld), bias(ld);
  Fenced<T> got(n * ld, 77), want(n * ld, 77);
  std::vector<std::int32_t> places;
  for (int term = 0; term < 2; ++term)
    for (int lane = 0; lane < lanes; ++lane) places.push_back(lane / 2 * 2 + term);
  k.depthwise.run_line({.n = n,
                        .blocks = 2,
                        .tail = static_cast<int>(lanes),
                        .rows = 2,
                        .lines = lines,
                        .x = x.data(),
                        .x_step = stride * ld,
                        .x_line = ld,
                        .x_row = row,
                        .w = w.data(),
                        .w_line = 2 * ld,
                        .w_row = 2 * lines * ld,
                        .y = got.data(),
                        .y_step = ld,
                        .init = nullptr,
                        .init_step = 0,
                        .bias = bias.data(),
                        .lowest = -100,
                        .highest = 150,
                        .terms = 2,
                        .w_term = ld,
                        .places = places.data()});
  for (index_t i = 0; i < n; ++i)
    for (index_t c = 0; c < ld; ++c) {
      T sum = bias[c];
      for (index_t t = 0; t < 4 * lines; ++t)
        sum += w[t * ld + c] *
               x[t / 2 / lines * row + (i * stride + t / 2 % lines) * ld + c / 2 * 2 + t % 2];
      want[i * ld + c] = clamped<T>(sum, -100, 150);
    }
  report.expect_close(got, want, 0, 0, "groups, ", n, " pixels, ", lines, " taps, s", stride);
}

// A band of rows of n elements, of as many rows of 3 taps as kernel number `kernel` has.
template <class T>
void test_band(const ConvKernels<T>& k, int kernel, int height, index_t n, bool with_init,
               Report& report) {
  const index_t period = 3 * k.gemm.lanes, rows = kBandRows[kernel], outputs = 1 << height;
  const index_t row = n + 9, y_row = n + 2;
  const Integers<T> x((outputs + rows - 2) * row + n + 6), w(3 * rows * period), bias(period);
  const Integers<T> init((outputs - 1) * y_row + n);
  Fenced<T> got(init.size(), 77), want(init.size(), 77);
  k.depthwise.run_band[kernel][height]({.n = n,
                                        .period = period,
                                        .lines = 3,
                                        .x = x.data(),
                                        .x_line = 3,
                                        .x_row = row,
                                        .w = w.data(),
                                        .w_line = period,
                                        .w_row = 3 * period,
                                        .y = got.data(),
                                        .y_row = y_row,
                                        .init = with_init ? init.data() : nullptr,
                                        .init_row = y_row,
                                        .bias = bias.data(),
                                        .lowest = -100,
                                        .highest = 150});
  for (index_t i = 0; i < outputs; ++i)
    for (index_t e = 0; e < n; ++e) {
      T sum = bias[e % period] + (with_init ? init[i * y_row + e] : T{0});
      for (index_t t = 0; t < 3 * rows; ++t)
        sum += w[t * period + e % period] * x[(i + t / 3) * row + t % 3 * 3 + e];
      want[i * y_row + e] = clamped<T>(sum, -100, 150);
    }
  report.expect_close(got, want, 0, 0, "band of ", outputs, " rows of ", n, ", ", rows, " taps");
}

template <class T>
void test(const ConvKernels<T>& k, Report& report) {
  const auto lanes = static_cast<int>(k.gemm.lanes);
  for (int nv = 1; nv <= kPixelTileNv; ++nv)
    for (int pixels = 1; pixels <= k.pixel_tile.max_pixels[nv - 1]; ++pixels)
      for (const int tail : {1, lanes / 2, lanes})
        for (const index_t terms : {1, 2, 5})
          for (const bool with_init : {false, true})
            test_tile(k, pixels, nv, tail, terms, with_init, report);
  for (index_t n = 1; n <= 18; ++n)
    for (const index_t blocks : {1, 3})
      for (const int tail : {1, lanes / 2, lanes})
        for (const bool with_init : {false, true}) test_line(k, n, blocks, tail, with_init, report);
  for (index_t n = 1; n <= 9 && lanes > 2; ++n)
    for (const index_t lines : {1, 2, 3})
      for (const index_t stride : {1, 2}) test_groups(k, n, lines, stride, report);
  for (int kernel = 0; kernel < kBandKernels; ++kernel)
    for (int height = 0; height < kBandHeights; ++height)
      for (const index_t n : {index_t{1}, index_t{lanes}, index_t{7 * lanes + 1}})
        for (const bool with_init : {false, true})
          test_band(k, kernel, height, n, with_init, report);
}

}  // namespace

void test_pixels(const KernelTable& isa, Report& report) {
  test(isa.f32.conv, report);
  test(isa.f64.conv, report);
}

}  // namespace fastconv::selftest
