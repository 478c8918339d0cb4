// SPDX-License-Identifier: MIT
// Depthwise tiles, dot tiles, sums and the peak loop, against plain loops.
#include <algorithm>

#include "selftest/check.h"

namespace fastconv::selftest {
namespace {

template <class T>
constexpr T kLimits[] = {-3, 5};

// A tile of `run`: five taps, one above the other, in a strip.
template <class T>
void test_depthwise(const Kernels<T>& k, index_t rows, index_t nv, int tail, bool with_init,
                    const typename DepthwiseKernels<T>::Run run, Report& report) {
  constexpr T untouched = 77;
  constexpr index_t kTaps = 5;
  const index_t lanes = k.conv.gemm.lanes, n = (nv - 1) * lanes + tail, ldc = n + 3;
  const index_t width = nv * lanes, row_step = width + 1;
  const Integers<T> a(kTaps), b((kTaps + rows - 2) * row_step + width), init((rows - 1) * ldc + n);
  index_t offsets[kTaps];
  for (index_t p = 0; p < kTaps; ++p) offsets[p] = p * row_step;
  Fenced<T> got(init.size(), untouched), want(init.size(), untouched);
  run({.k = kTaps,
       .a = a.data(),
       .b = b.data(),
       .row_step = row_step,
       .offsets = offsets,
       .c = got.data(),
       .ldc = ldc,
       .init = with_init ? init.data() : nullptr,
       .bias = 3,
       .tail = tail,
       .limits = with_init ? kLimits<T> : nullptr});
  for (index_t r = 0; r < rows; ++r)
    for (index_t j = 0; j < n; ++j) {
      T sum = with_init ? init[r * ldc + j] + 3 : T{3};
      for (index_t p = 0; p < kTaps; ++p) sum += a[p] * b[(p + r) * row_step + j];
      want[r * ldc + j] = with_init ? std::clamp(sum, kLimits<T>[0], kLimits<T>[1]) : sum;
    }
  report.expect_close(got, want, 0, 0, "depthwise tile ", rows, " x ", nv, ", tail ", tail);
}

// A dot tile over two lines of n pixels, overwriting its sums or adding to them; compared are the
// sums over all lanes.
template <class T>
void test_dot(const ConvKernels<T>& k, int mr, int nr, index_t n, bool overwrite, Report& report) {
  const index_t lanes = k.gemm.lanes, lda = 2 * n + 2, b_line = n + 1, ld = nr + 1;
  const Integers<T> a((mr - 1) * lda + 2 * n), b(nr + b_line + n);
  index_t offsets[kMaxDot];
  for (int j = 0; j < nr; ++j) offsets[j] = nr - j;
  Fenced<T> sums(((mr - 1) * ld + nr) * lanes, overwrite ? 77 : 1);
  k.dot.run[mr - 1][nr - 1]({.n = n,
                             .lines = 2,
                             .a = a.data(),
                             .lda = lda,
                             .b = b.data(),
                             .b_line = b_line,
                             .offsets = offsets,
                             .sums = sums.data(),
                             .ld = ld,
                             .overwrite = overwrite});
  for (int i = 0; i < mr; ++i)
    for (int j = 0; j < nr; ++j) {
      double want = overwrite ? 0 : static_cast<double>(lanes);
      for (index_t q = 0; q < 2; ++q)
        for (index_t p = 0; p < n; ++p)
          want += static_cast<double>(a[i * lda + q * n + p] * b[q * b_line + nr - j + p]);
      const double got = k.sum(sums.data() + (i * ld + j) * lanes, lanes, 1, 0);
      report.expect(got == want, "dot tile ", mr, " x ", nr, ", n ", n, ": ", got, ", not ", want);
    }
}

// A tile of `run_rows`, for kernels of 3, 5 and 7 rows, whose columns reach beyond both ends of the
// rows. Weights are read backwards, and all rows but the last are written.
template <class T>
void test_depthwise_rows(const Kernels<T>& k, int stride, int height, index_t nv, index_t columns,
                         Report& report) {
  constexpr index_t kTaps = 3;
  const auto& depthwise = k.conv.depthwise;
  const index_t lanes = k.conv.gemm.lanes, tail = columns - (nv - 1) * lanes;
  const index_t rows = depthwise.rows[stride - 1][nv - 1], lines = rows - 1,
                width = stride * columns + 1;
  const index_t reads = (rows - 1) * stride + height;
  const Integers<T> image(reads * width), a(height * kTaps), init(lines * columns);
  const T* read[32];
  for (index_t i = 0; i < reads; ++i) read[i] = image.data() + i * width;
  for (const index_t start : {-2, 0, 1}) {
    Fenced<T> got(lines * columns, 77), want(got.size(), 77);
    depthwise.run_rows[stride - 1][(height - 3) / 2][nv - 1](
        {.rows = read,
         .width = width,
         .start = start,
         .w_taps = kTaps,
         .w_step = 1,
         .a = a.data() + height * kTaps - 1,
         .a_row = -kTaps,
         .a_column = -1,
         .c = got.data(),
         .ldc = columns,
         .init = init.data(),
         .bias = 3,
         .lines = static_cast<int>(lines),
         .tail = static_cast<int>(tail),
         .limits = start ? kLimits<T> : nullptr});
    for (index_t r = 0; r < lines; ++r)
      for (index_t j = 0; j < columns; ++j) {
        T sum = init[r * columns + j] + 3;
        for (index_t h = 0; h < height; ++h)
          for (index_t tap = 0; tap < kTaps; ++tap)
            if (const index_t at = start + j * stride + tap; at >= 0 && at < width)
              sum += a[height * kTaps - 1 - h * kTaps - tap] * image[(r * stride + h) * width + at];
        want[r * columns + j] = start ? std::clamp(sum, kLimits<T>[0], kLimits<T>[1]) : sum;
      }
    report.expect_close(got, want, 0, 0, "depthwise rows ", height, ", stride ", stride, ", nv ",
                        nv, ", columns ", columns, ", start ", start);
  }
}

template <class T>
void test(const Kernels<T>& k, Report& report) {
  const int lanes = k.conv.gemm.lanes;
  for (int shape = 0; shape < kDepthwiseShapes; ++shape)
    for (int nv = 1; nv <= 8 >> shape; ++nv)
      for (int tail = 1; tail <= lanes; ++tail)
        for (const bool with_init : {false, true})
          test_depthwise<T>(k, index_t{1} << shape, nv, tail, with_init,
                            k.conv.depthwise.run[shape][nv - 1], report);
  for (int mr = 1; mr <= k.conv.dot.max_mr; ++mr)
    for (int nr = 1; nr <= k.conv.dot.max_nr; ++nr)
      for (index_t n = 0; n <= 2 * lanes + 1; ++n)
        for (const bool overwrite : {true, false}) test_dot(k.conv, mr, nr, n, overwrite, report);
  for (const int height : {3, 5, 7})
    for (int nv = 1; nv <= kDepthwiseNv; ++nv)
      for (index_t columns = (nv - 1) * lanes + 1; columns <= nv * lanes; ++columns)
        for (int stride = 1; stride <= (nv <= 2 ? 2 : 1); ++stride)
          test_depthwise_rows(k, stride, height, nv, columns, report);
  for (const index_t n : {0, 1, 2, 3, 5, 31, 32, 33, 500}) {
    const Integers<T> x(n);
    double want = 0;
    for (index_t i = 0; i < n; ++i) want += static_cast<double>(x[i]);
    report.expect(k.conv.sum(x.data(), n, 1, n) == want, "sum of ", n);
  }
  // Every lane of every chain goes to 1, so that the sum is their number, half of the operations.
  report.expect(k.peak.run(200) == static_cast<T>(k.peak.flops / 2), "peak loop");
}

}  // namespace

void test_small_tiles(const KernelTable& isa, Report& report) {
  test(isa.f32, report);
  test(isa.f64, report);
}

}  // namespace fastconv::selftest
