// SPDX-License-Identifier: MIT
// Kernels that move or reduce rows: gather_rows with all padding modes, the transpose, and the
// largest and smallest element.
#include <limits>

#include "isa/tables.h"
#include "selftest/check.h"

namespace fastconv::selftest {
namespace {

// Three rows at once, from before their first to behind their last element.
template <class T>
void test_gather(const ConvKernels<T>& k, const ConvKernels<T>& plain, PadMode mode, index_t step,
                 index_t n, Report& report, index_t width = 21) {
  constexpr index_t kRows = 3;
  const Integers<T> image(kRows * width);
  Fenced<T> got(kRows * (n + 1) - 1, 77), want(got.size(), 77);
  for (index_t start = -5; start <= 5; ++start) {
    if (start + (n - 1) * step >= 2 * width - 1) continue;  // beyond what padding can be
    RowArgs<T> args{.row = image.data(),
                    .width = width,
                    .start = start,
                    .step = step,
                    .n = n,
                    .mode = mode,
                    .dst = got.data(),
                    .rows = kRows,
                    .row_step = width,
                    .dst_step = n + 1};
    k.gather_rows(args);
    args.dst = want.data();
    plain.gather_rows(args);
    report.expect_equal(got, want, "gather ", n, " from ", start, ", step ", step, ", mode ",
                        static_cast<int>(mode));
  }
}

template <class T>
void test_transpose(const ElementwiseKernels<T>& k, index_t rows, index_t columns, index_t gap,
                    Report& report) {
  const index_t ldx = columns + gap, ldy = rows + 2;
  const Integers<T> x((rows - 1) * ldx + columns);
  Fenced<T> got((columns - 1) * ldy + rows, 77), want(got.size(), 77);
  k.transpose(
      {.x = x.data(), .ldx = ldx, .y = got.data(), .ldy = ldy, .rows = rows, .columns = columns});
  for (index_t i = 0; i < rows; ++i)
    for (index_t j = 0; j < columns; ++j) want[j * ldy + i] = x[i * ldx + j];
  report.expect_equal(got, want, "transpose ", rows, " x ", columns, ", gap ", gap);
}

// The largest and the smallest element: the first of equals, where 0 and -0 are equal, and a NaN
// before everything. Each place of the row holds each special number once.
template <class T>
void test_extremes(const PoolKernels<T>& k, const PoolKernels<T>& plain, index_t n,
                   Report& report) {
  Integers<T> x(n);
  const auto expect = [&](T got, T want, const char* what, index_t at) {
    const bool same =
        (got == want && std::signbit(got) == std::signbit(want)) || (got != got && want != want);
    report.expect(same, what, " of ", n, ", special at ", at, ": ", got, ", not ", want);
  };
  for (index_t at = 0; at < n; ++at)
    for (const T special : {std::numeric_limits<T>::quiet_NaN(), T{-0.0}, T{99}, T{-99}}) {
      const T before = std::exchange(x[at], special);
      expect(k.largest(x.data(), n), plain.largest(x.data(), n), "largest", at);
      expect(k.smallest(x.data(), n), plain.smallest(x.data(), n), "smallest", at);
      x[at] = before;
    }
  for (index_t i = 0; i < n; ++i) x[i] = std::copysign(T{0}, x[i]);
  expect(k.largest(x.data(), n), plain.largest(x.data(), n), "largest zero", 0);
  expect(k.smallest(x.data(), n), plain.smallest(x.data(), n), "smallest zero", 0);
}

template <class T>
void test(const Kernels<T>& k, const Kernels<T>& plain, Report& report) {
  const index_t lanes = k.conv.gemm.lanes;
  for (const PadMode mode :
       {PadMode::zeros, PadMode::reflect, PadMode::replicate, PadMode::circular})
    for (index_t step = 1; step <= 5; ++step)
      for (index_t n = 1; n <= 22; ++n) test_gather(k.conv, plain.conv, mode, step, n, report);
  for (const index_t step :
       {3, 4, 5, 6, 7, 8, 9, 16})  // whole vectors, whose last element ends a row
    for (const index_t n : {lanes, 2 * lanes, 5 * lanes + 1})
      test_gather(k.conv, plain.conv, PadMode::zeros, step, n, report, (n - 1) * step + 1);
  for (index_t rows = 1; rows <= 2 * lanes + 1; ++rows)
    for (index_t columns = 1; columns <= 2 * lanes + 1; ++columns)
      for (const index_t gap : {0, 1}) test_transpose(k.elementwise, rows, columns, gap, report);
  for (const index_t gap : {0, 1}) {
    test_transpose(k.elementwise, 9 * lanes + 1, 3, gap, report);
    test_transpose(k.elementwise, 3, 9 * lanes + 1, gap, report);
  }
  for (index_t n = 1; n <= 6 * lanes + 1; ++n) test_extremes(k.pool, plain.pool, n, report);
}

}  // namespace

void test_rows(const KernelTable& isa, Report& report) {
  test(isa.f32, scalar::table.f32, report);
  test(isa.f64, scalar::table.f64, report);
}

}  // namespace fastconv::selftest
