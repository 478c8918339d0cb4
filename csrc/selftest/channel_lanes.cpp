// SPDX-License-Identifier: MIT
#include "selftest/check.h"

namespace fastconv::selftest {
namespace {

// A tile whose pixels lie anywhere in x, and whose results lie in c in the opposite order.
template <class T>
void test_tile(const ChannelLanesKernels<T>& kernels, index_t lanes, int pixels, int nv, index_t k,
               Report& report) {
  const index_t width = nv * lanes, x_step = 29;
  index_t in[kMaxPixels], out[kMaxPixels];
  for (int i = 0; i < pixels; ++i) {
    in[i] = i * 7 % x_step;
    out[i] = (pixels - 1 - i) * (width + 1);
  }
  const Integers<T> x(k * x_step), w(k * width);
  Fenced<T> got((pixels - 1) * (width + 1) + width, 7), want(got.size(), 7);
  kernels.run[pixels - 1][nv - 1]({.k = k,
                                   .x = x.data(),
                                   .x_step = x_step,
                                   .in = in,
                                   .w = w.data(),
                                   .c = got.data(),
                                   .out = out,
                                   .ahead = w.data()});
  for (int i = 0; i < pixels; ++i)
    for (index_t j = 0; j < width; ++j)
      for (index_t p = 0; p < k; ++p) want[out[i] + j] += x[in[i] + p * x_step] * w[p * width + j];
  report.expect_close(got, want, 0, 0, "channel_lanes tile ", pixels, " x ", nv, ", k ", k);
}

// Packs some rows of five channels. `outer`: in the weights, rows are inside channels, as an
// adjoint reads them; else channels are inside rows.
template <class T>
void test_pack(const ChannelLanesKernels<T>& kernels, index_t lanes, index_t rows, index_t taps,
               index_t keep, bool outer, Report& report) {
  constexpr index_t kChannels = 5;
  const index_t row_step = outer ? taps : kChannels * taps;
  const index_t channel_step = outer ? rows * taps : taps;
  const index_t slots[] = {2, -1, 0, 1, 5, 4, 3, 7, 6};
  const Integers<T> w(rows * kChannels * taps);
  Fenced<T> got(8 * kChannels * lanes, 77), want(got.size(), 77);
  kernels.pack({.w = w.data(),
                .end = w.data() + w.size(),
                .row_step = row_step,
                .rows = rows,
                .channel_step = channel_step,
                .channels = kChannels,
                .slots = taps == 1 ? slots + 2 : slots,
                .taps = taps,
                .dst = got.data(),
                .slot_step = kChannels * lanes,
                .ld = lanes,
                .keep = keep});
  for (index_t tap = 0; tap < taps; ++tap) {
    const index_t slot = taps == 1 ? 0 : slots[tap];
    for (index_t c = 0; slot >= 0 && c < kChannels; ++c)
      for (index_t row = 0; row < keep; ++row)
        want[(slot * kChannels + c) * lanes + row] =
            row < rows ? w[row * row_step + c * channel_step + tap] : 0;
  }
  report.expect_close(got, want, 0, 0, "pack ", rows, " rows, ", taps, " taps, keep ", keep);
}

// Stores a block of results as planes, with and without a residual.
template <class T>
void test_store(const ChannelLanesKernels<T>& kernels, index_t lanes, index_t rows, index_t n,
                bool with_residual, Report& report) {
  const auto whole = [&](index_t length) { return (length + lanes - 1) / lanes * lanes; };
  const index_t ldc = whole(rows), ldy = n + 2;
  const Integers<T> c(whole(n) * ldc), residual((rows - 1) * ldy + n);
  Fenced<T> got(residual.size(), 77), want(residual.size(), 77);
  kernels.store({.c = c.data(),
                 .ldc = ldc,
                 .rows = rows,
                 .n = n,
                 .y = got.data(),
                 .ldy = ldy,
                 .residual = with_residual ? residual.data() : nullptr});
  for (index_t row = 0; row < rows; ++row)
    for (index_t i = 0; i < n; ++i)
      want[row * ldy + i] = c[i * ldc + row] + (with_residual ? residual[row * ldy + i] : T{0});
  report.expect_close(got, want, 0, 0, "store ", rows, " rows of ", n);
}

template <class T>
void test(const ConvKernels<T>& k, Report& report) {
  const index_t lanes = k.gemm.lanes;
  for (int pixels = 1; pixels <= k.channel_lanes.max_pixels; ++pixels)
    for (int nv = 1; nv <= kChannelLanesNv; ++nv)
      for (const index_t terms : {1, 6})
        test_tile(k.channel_lanes, lanes, pixels, nv, terms, report);
  for (index_t rows = 1; rows <= lanes; ++rows) {
    for (const index_t taps : {1, 2, 4, 9})
      for (const index_t keep : {rows, lanes})
        for (const bool outer : {false, true})
          test_pack(k.channel_lanes, lanes, rows, taps, keep, outer, report);
  }
  for (index_t rows = 1; rows <= 2 * lanes; ++rows)
    for (index_t n = 1; n <= 2 * lanes + 1; ++n)
      for (const bool with_residual : {false, true})
        test_store(k.channel_lanes, lanes, rows, n, with_residual, report);
}

}  // namespace

void test_channel_lanes(const KernelTable& isa, Report& report) {
  test(isa.f32.conv, report);
  test(isa.f64.conv, report);
}

}  // namespace fastconv::selftest
