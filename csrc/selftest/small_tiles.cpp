// SPDX-License-Identifier: MIT
#include "selftest/check.h"

namespace fastconv::selftest {
namespace {

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
       .tail = tail});
  for (index_t r = 0; r < rows; ++r)
    for (index_t j = 0; j < n; ++j) {
      T sum = with_init ? init[r * ldc + j] + 3 : T{3};
      for (index_t p = 0; p < kTaps; ++p) sum += a[p] * b[(p + r) * row_step + j];
      want[r * ldc + j] = sum;
    }
  report.expect_close(got, want, 0, 0, "depthwise tile ", rows, " x ", nv, ", tail ", tail);
}

template <class T>
void test_dot(const DotKernels<T>& dot, int mr, int nr, index_t n, Report& report) {
  const index_t lda = n + 2, ldb = n + 1, ld = nr + 1;
  const Integers<T> a((mr - 1) * lda + n), b((nr - 1) * ldb + n);
  Fenced<double> got((mr - 1) * ld + nr, 77), want(got.size(), 77);
  dot.run[mr - 1][nr - 1](
      {.n = n, .a = a.data(), .lda = lda, .b = b.data(), .ldb = ldb, .sums = got.data(), .ld = ld});
  for (int i = 0; i < mr; ++i)
    for (int j = 0; j < nr; ++j)
      for (index_t p = 0; p < n; ++p)
        want[i * ld + j] += static_cast<double>(a[i * lda + p] * b[j * ldb + p]);
  report.expect_close(got, want, 0, 0, "dot tile ", mr, " x ", nr, ", n ", n);
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
      for (index_t n = 0; n <= 2 * lanes + 1; ++n) test_dot(k.conv.dot, mr, nr, n, report);
  for (const index_t n : {0, 1, 2, 3, 5, 31, 32, 33, 500}) {
    const Integers<T> x(n);
    double want = 0;
    for (index_t i = 0; i < n; ++i) want += static_cast<double>(x[i]);
    report.expect(k.conv.sum(x.data(), n) == want, "sum of ", n);
  }
  // Each chain and lane goes to 1, in two operations a round.
  report.expect(k.peak.run(200) == static_cast<T>(k.peak.flops / 2), "peak loop");
}

}  // namespace

void test_small_tiles(const KernelTable& isa, Report& report) {
  test(isa.f32, report);
  test(isa.f64, report);
}

}  // namespace fastconv::selftest
