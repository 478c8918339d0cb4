// SPDX-License-Identifier: MIT
// Winograd's transforms against the scalar ISA. Results may differ a little, since that rounds
// products before it adds them.
#include <algorithm>
#include <limits>

#include "isa/tables.h"
#include "selftest/check.h"

namespace fastconv::selftest {
namespace {

constexpr index_t kColumns = 32;  // a whole number of vectors of every ISA
constexpr index_t kLines = 3;

template <class T>
constexpr double kTolerance = 16 * std::numeric_limits<T>::epsilon();  // for about 10 roundings

// Tiles of a row of 11 elements, beginning from before its first to behind its last element.
template <class T>
void test_tile_rows(const WinogradKernels<T>& k, const WinogradKernels<T>& plain, int s,
                    PadMode mode, index_t step, index_t n, Report& report) {
  const WinogradScheme& scheme = kSchemes[s];
  const index_t ld = 3 * n + 1;
  const Integers<T> image(11);
  Fenced<T> got(scheme.alpha * ld - 1, 77), want(got.size(), 77);
  for (index_t start = -4; start <= 4; start += 2) {
    const TileRow row{.at = 0, .start = start, .n = n, .dst = {0, 2 * n, n}, .n_dst = 3};
    const auto run = [&](const WinogradKernels<T>& kernels, Fenced<T>& dst) {
      kernels.tile_rows[s]({.image = image.data(),
                            .next = image.data(),
                            .width = image.size(),
                            .step = step,
                            .mode = mode,
                            .rows = &row,
                            .n_rows = 1,
                            .dst = dst.data(),
                            .ld = ld});
    };
    run(k, got), run(plain, want);
    report.expect_close(got, want, kTolerance<T>, 32, "tile rows of F(", scheme.m, ", ", scheme.r,
                        "), start ", start, ", step ", step, ", mode ", static_cast<int>(mode));
  }
}

template <class T>
using Transform = void (*)(const PlanesArgs<T>&) noexcept;

// One transform of three lines of planes.
template <class T>
void test_planes(Transform<T> run, Transform<T> plain, index_t terms, index_t results,
                 index_t lanes, const char* what, Report& report) {
  const index_t src_term = kColumns + 1, dst_term = kColumns + 2;
  const Integers<T> src(kLines * terms * src_term);
  Fenced<T> got(kLines * results * dst_term, 77), want(got.size(), 77);
  PlanesArgs<T> args{.src = src.data(),
                     .src_term = src_term,
                     .src_line = terms * src_term,
                     .dst = got.data(),
                     .dst_term = dst_term,
                     .dst_line = results * dst_term,
                     .lines = kLines,
                     .vectors = kColumns / lanes};
  run(args);
  args.dst = want.data();
  args.vectors = kColumns / (16 / index_t{sizeof(T)});
  plain(args);
  report.expect_close(got, want, kTolerance<T>, 32, what, " transform, ", terms, " -> ", results);
}

// The last transform, and that it notices whatever is not finite.
template <class T>
void test_pixel_rows(const WinogradKernels<T>& k, const WinogradKernels<T>& plain, int s,
                     index_t lanes, Report& report) {
  const index_t alpha = kSchemes[s].alpha, width = kColumns * kSchemes[s].m;
  Integers<T> src(kLines * alpha * kColumns);
  Fenced<T> got(kLines * (width + 1) - 1, 77), want(got.size(), 77);
  const auto run = [&](const WinogradKernels<T>& kernels, Fenced<T>& dst, index_t vector) {
    return kernels.pixel_rows[s]({.src = src.data(),
                                  .src_term = kColumns,
                                  .src_line = alpha * kColumns,
                                  .dst = dst.data(),
                                  .ldc = width + 1,
                                  .lines = kLines,
                                  .vectors = kColumns / vector,
                                  .bias = 3});
  };
  report.expect(run(k, got, lanes), "pixel rows: finite");
  run(plain, want, 16 / index_t{sizeof(T)});
  report.expect_close(got, want, kTolerance<T>, 32, "pixel rows of F(", kSchemes[s].m, ", ",
                      kSchemes[s].r, ")");
  for (index_t i = 0; i < src.size(); i += alpha * kColumns / 8 + 1)  // in some lane of some plane
    for (const double value : {HUGE_VAL, -HUGE_VAL, std::nan("")}) {
      const T before = src[i];
      src[i] = static_cast<T>(value);
      report.expect(!run(k, got, lanes), "pixel rows: element ", i, " is ", value);
      src[i] = before;
    }
}

// Runs of several lengths, to neighbours or a step apart.
template <class T>
void test_store_runs(const WinogradKernels<T>& k, index_t step, bool with_residual,
                     Report& report) {
  const PixelRun runs[] = {{0, 40, 13, 38}, {13, 2, 1, 2}, {14, 8, 4, 9}, {18, 20, 6, 20}};
  const Integers<T> from(24), residual(52 * step + 1);
  Fenced<T> got(residual.size(), 77), want(residual.size(), 77);
  static constexpr T limits[] = {-3, 5};
  PixelRun apart[4];
  for (int i = 0; i < 4; ++i)
    apart[i] = {runs[i].from, runs[i].to * step, runs[i].n, runs[i].residual * step};
  k.store_runs({.runs = apart,
                .n_runs = 4,
                .from = from.data(),
                .residual = with_residual ? residual.data() : nullptr,
                .to = got.data(),
                .step = step,
                .limits = with_residual ? limits : nullptr});
  for (const PixelRun& run : apart)
    for (index_t i = 0; i < run.n; ++i) {
      const index_t to = run.to + i * step, at = run.residual + i * step;
      want[to] = from[run.from + i];
      if (with_residual) want[to] = std::clamp(want[to] + residual[at], limits[0], limits[1]);
    }
  report.expect_close(got, want, 0, 0, "store_runs, step ", step);
}

template <class T>
void test(const Kernels<T>& isa, const Kernels<T>& scalar_isa, Report& report) {
  const WinogradKernels<T>&k = isa.conv.winograd, &plain = scalar_isa.conv.winograd;
  const index_t lanes = isa.conv.gemm.lanes;
  for (int s = 0; s < kNumSchemes; ++s) {
    const WinogradScheme& scheme = kSchemes[s];
    for (const PadMode mode :
         {PadMode::zeros, PadMode::reflect, PadMode::replicate, PadMode::circular})
      for (const index_t step : {1, 2})
        for (index_t n = 1; n <= 5; ++n) test_tile_rows(k, plain, s, mode, step, n, report);
    test_planes(k.input[s], plain.input[s], scheme.alpha, scheme.alpha, lanes, "input", report);
    test_planes(k.output[s], plain.output[s], scheme.alpha, scheme.m, lanes, "output", report);
    test_planes(k.weights[s], plain.weights[s], scheme.r, scheme.alpha, lanes, "weight", report);
    test_planes(k.grads[s], plain.grads[s], scheme.m, scheme.alpha, lanes, "gradient", report);
    test_planes(k.sums[s], plain.sums[s], scheme.alpha, scheme.r, lanes, "sum", report);
    test_pixel_rows(k, plain, s, lanes, report);
  }
  for (const index_t step : {1, 3})
    for (const bool with_residual : {false, true}) test_store_runs(k, step, with_residual, report);
}

}  // namespace

void test_winograd(const KernelTable& isa, Report& report) {
  test(isa.f32, scalar::table.f32, report);
  test(isa.f64, scalar::table.f64, report);
}

}  // namespace fastconv::selftest
