// SPDX-License-Identifier: MIT
// Every gemm tile, of both families, against plain loops: all shapes, all tails, with and without
// init and bias.
#include <algorithm>
#include <vector>

#include "selftest/check.h"

namespace fastconv::selftest {
namespace {

struct TileShape {
  index_t k;
  int mr, nv, tail;
  bool indirect, with_init;  // with_init: and with limits
};

template <class T>
void test_tile(const GemmKernels<T>& gemm, const TileShape& s, Report& report) {
  constexpr T untouched = 77;
  static constexpr T kLimits[] = {-3, 5};
  const index_t n = (s.nv - 1) * gemm.lanes + s.tail, ldc = n + 3;
  const index_t ldb = s.indirect ? s.nv * gemm.lanes : n;  // run_indirect reads whole vectors
  const Integers<T> a(s.k * s.mr), b(s.k * ldb), init((s.mr - 1) * ldc + n), bias(s.mr);
  std::vector<index_t> offsets;  // rows may lie anywhere: here they lie backwards
  for (index_t p = 0; p < s.k + kAhead; ++p) offsets.push_back(p < s.k ? (s.k - 1 - p) * ldb : 0);

  Fenced<T> got(init.size(), untouched), want(init.size(), untouched);
  const auto run = s.indirect ? gemm.run_indirect : gemm.run_gemm;
  run[s.mr - 1][s.nv - 1]({.k = s.k,
                           .a = a.data(),
                           .b = b.data(),
                           .ldb = ldb,
                           .offsets = offsets.data(),
                           .c = got.data(),
                           .ldc = ldc,
                           .init = s.with_init ? init.data() : nullptr,
                           .bias = s.with_init ? bias.data() : nullptr,
                           .tail = s.tail,
                           .limits = s.with_init ? kLimits : nullptr});
  for (index_t i = 0; i < s.mr; ++i)
    for (index_t j = 0; j < n; ++j) {
      T sum = s.with_init ? init[i * ldc + j] + bias[i] : T{0};
      for (index_t p = 0; p < s.k; ++p)
        sum +=
            a[p * s.mr + i] * b[(s.indirect ? offsets[static_cast<std::size_t>(p)] : p * ldb) + j];
      want[i * ldc + j] = s.with_init ? std::clamp(sum, kLimits[0], kLimits[1]) : sum;
    }
  report.expect_close(got, want, 0, 0, s.indirect ? "indirect gemm" : "gemm", " tile ", s.mr, " x ",
                      s.nv, ", tail ", s.tail, ", k ", s.k);
}

template <class T>
void test(const GemmKernels<T>& gemm, Report& report) {
  for (int mr = 1; mr <= gemm.max_mr; ++mr) {
    report.expect(gemm.max_nv[mr] >= 1, "no tile of ", mr, " rows");
    for (int nv = 1; nv <= gemm.max_nv[mr]; ++nv)
      for (int tail = 1; tail <= gemm.lanes; ++tail)
        for (const index_t k : {0, 1, 7})
          for (const bool indirect : {false, true})
            for (const bool with_init : {false, true})
              test_tile<T>(gemm, {k, mr, nv, tail, indirect, with_init}, report);
  }
}

}  // namespace

void test_gemm(const KernelTable& isa, Report& report) {
  test(isa.f32.conv.gemm, report);
  test(isa.f64.conv.gemm, report);
}

}  // namespace fastconv::selftest
