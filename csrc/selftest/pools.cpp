// SPDX-License-Identifier: MIT
// Whole pools against the scalar ISA. The bits have to be the same, because the order in which
// elements are joined does not depend on the number of lanes.
#include <limits>

#include "algorithms/pool/tables.h"
#include "isa/tables.h"
#include "selftest/check.h"

namespace fastconv::selftest {
namespace {

struct Case {
  index_t h, w, kh, kw, stride, dilation, pad;
};
constexpr Case kCases[] = {
    {9, 23, 2, 2, 2, 1, 0},     {8, 17, 3, 3, 2, 1, 1},     {7, 19, 3, 3, 1, 1, 1},
    {11, 9, 2, 3, 1, 1, 1},     {9, 31, 1, 4, 3, 1, 1},     {12, 25, 5, 5, 4, 1, 2},
    {30, 60, 25, 40, 1, 1, 12}, {31, 90, 20, 33, 2, 2, 30}, {10, 13, 3, 2, 1, 2, 1},
    {9, 40, 2, 2, 2, 2, 1},     {3, 3, 3, 3, 1, 1, 0}};
constexpr index_t kPlanes = 3;

PoolDesc describe(const Case& c) {
  const Padding padding{.lo = c.pad, .hi = c.pad, .is_pair = true};
  return validated({.channels = kPlanes,
                    .h = pool_axis("height", c.h, c.kh, c.stride, c.dilation, padding, true),
                    .w = pool_axis("width", c.w, c.kw, c.stride, c.dilation, padding, true)});
}

template <class T>
void test_pool(const KernelTable& isa, const PoolDesc& d, const pool::Pooling& pooling,
               const Fenced<T>& x, Report& report) {
  Fenced<T> got(d.planes() * d.out_plane(), 77), want(got.size(), 77);
  const pool::Values<T> plan(d, pooling);
  const auto run = [&](const Exec& exec, Fenced<T>& y) {
    const Scratch scratch(plan.scratch(exec.threads));
    plan.run({.from = x.data(), .to = y.data()}, exec, scratch.bytes());
  };
  run({&scalar::table, 1}, want);
  for (const int threads : {1, 2}) {
    run({&isa, threads}, got);
    report.expect_equal(got, want, "pool ", static_cast<int>(pooling.op),
                        pooling.average ? "/n" : "", " of ", d.h.in, "x", d.w.in, ", kernel ",
                        d.h.kernel, "x", d.w.kernel, ", stride ", d.w.stride, ", threads ",
                        threads);
  }
}

template <class T>
void test_all(const KernelTable& isa, const PoolDesc& d, Report& report) {
  const Integers<T> whole(d.planes() * d.in_plane());
  Integers<T> special(whole.size());  // its sums would differ if they were added in another order
  const T values[] = {std::numeric_limits<T>::quiet_NaN(), T{-0.0},
                      std::numeric_limits<T>::infinity(), -std::numeric_limits<T>::infinity()};
  for (index_t i = 0; i < special.size(); i += 7) special[i] = values[i / 7 % 4];
  Integers<T> zeros(whole.size());  // 0 and -0 are equal: the first of them has to win
  for (index_t i = 0; i < zeros.size(); ++i) zeros[i] = std::copysign(T{0}, zeros[i]);
  for (int op = 0; op < kPoolKernels; ++op) {
    test_pool<T>(isa, d, {.op = static_cast<PoolOp>(op)}, zeros, report);
    test_pool<T>(isa, d, {.op = static_cast<PoolOp>(op)}, whole, report);
    test_pool<T>(isa, d, {.op = static_cast<PoolOp>(op)}, special, report);
  }
  for (const bool include_pad : {false, true})
    test_pool<T>(isa, d, {.op = PoolOp::sum, .average = true, .include_pad = include_pad}, whole,
                 report);
}

template <class T>
void test(const KernelTable& isa, Report& report) {
  for (const Case& c : kCases) test_all<T>(isa, describe(c), report);
  for (const index_t out : {1, 3})  // global and adaptive
    test_all<T>(isa,
                validated({.channels = kPlanes,
                           .h = adaptive_axis("height", 7, out),
                           .w = adaptive_axis("width", 38, out)}),
                report);
}

}  // namespace

void test_pools(const KernelTable& isa, Report& report) {
  test<float>(isa, report);
  test<double>(isa, report);
}

}  // namespace fastconv::selftest
