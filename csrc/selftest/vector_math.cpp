// SPDX-License-Identifier: MIT
// Activations, softmax and their gradients against the scalar ISA. Results may differ a little,
// since that rounds products before it adds them. Whether its results are right is for the Python
// tests.
#include <limits>

#include "isa/tables.h"
#include "selftest/check.h"

namespace fastconv::selftest {
namespace {

constexpr Activation kActivations[] = {
    Activation::none,      Activation::relu,      Activation::relu6,       Activation::leaky_relu,
    Activation::sigmoid,   Activation::tanh,      Activation::silu,        Activation::gelu,
    Activation::gelu_tanh, Activation::hardswish, Activation::hardsigmoid, Activation::elu,
    Activation::softplus};

template <class T>
constexpr double kTolerance = 32 * std::numeric_limits<T>::epsilon();

// Arguments of both signs, from subnormal numbers to infinity, and NaN.
template <class T>
struct Arguments : Fenced<T> {
  explicit Arguments(index_t n) : Fenced<T>(n) {
    for (index_t i = 0; i < n; ++i) {
      const double magnitude = std::exp2(static_cast<double>(i) / 6 - 20);
      (*this)[i] = static_cast<T>(i % 2 ? -magnitude : magnitude);
    }
    const double special[] = {0.0,   -0.0,   HUGE_VAL, -HUGE_VAL, std::nan(""),
                              1e-40, -1e-40, 88,       -104};
    for (index_t i = 0; i < 9 && i < n; ++i) (*this)[n - 1 - i] = static_cast<T>(special[i]);
  }
};

template <class T>
void test_activations(const ElementwiseKernels<T>& k, const ElementwiseKernels<T>& plain, index_t n,
                      Report& report) {
  const Arguments<T> x(n);
  const Integers<T> dy(n);
  Fenced<T> got(n), want(n), y(n);
  const T slope = T(0.25);
  const double least = std::numeric_limits<T>::min();
  for (const Activation kind : kActivations) {
    k.activate(kind, x.data(), got.data(), n, slope);
    plain.activate(kind, x.data(), want.data(), n, slope);
    plain.activate(kind, x.data(), y.data(), n, slope);
    report.expect_close(got, want, kTolerance<T>, least, "activation ", static_cast<int>(kind),
                        " of ", n);
    k.activate_grad(kind, x.data(), dy.data(), got.data(), n, slope);
    plain.activate_grad(kind, x.data(), dy.data(), want.data(), n, slope);
    report.expect_close(got, want, kTolerance<T>, 1, "gradient of activation ",
                        static_cast<int>(kind), " of ", n);
    if (kind == Activation::silu || kind == Activation::gelu || kind == Activation::gelu_tanh ||
        kind == Activation::hardswish)
      continue;
    k.activate_grad_from_output(kind, y.data(), dy.data(), got.data(), n, slope);
    plain.activate_grad_from_output(kind, y.data(), dy.data(), want.data(), n, slope);
    report.expect_close(got, want, kTolerance<T>, 1, "gradient from output of activation ",
                        static_cast<int>(kind), " of ", n);
  }
}

template <class T>
void test_prelu(const ElementwiseKernels<T>& k, const ElementwiseKernels<T>& plain, index_t n,
                Report& report) {
  constexpr index_t kRows = 3;
  const Arguments<T> x(n);
  const Integers<T> slopes(n), many(n * kRows), dy(n * kRows);
  Fenced<T> got(n), want(n), got_dx(n * kRows), want_dx(n * kRows);
  k.prelu_row(x.data(), slopes.data(), got.data(), n);
  plain.prelu_row(x.data(), slopes.data(), want.data(), n);
  report.expect_close(got, want, 0, 0, "prelu of ", n);
  const auto rows = [&](Fenced<T>& dx, Fenced<T>& sums) {
    return PreluRows<T>{n, kRows, many.data(), dy.data(), slopes.data(), dx.data(), sums.data()};
  };
  k.prelu_rows_grad(rows(got_dx, got));
  plain.prelu_rows_grad(rows(want_dx, want));
  report.expect_close(got, want, 0, 0, "gradient of prelu's slopes, rows of ", n);
  report.expect_close(got_dx, want_dx, 0, 0, "gradient of prelu, rows of ", n);
  const index_t all = n * kRows;
  got[0] = T(k.prelu_plane_grad(many.data(), dy.data(), got_dx.data(), all, T(0.25)));
  want[0] = T(plain.prelu_plane_grad(many.data(), dy.data(), want_dx.data(), all, T(0.25)));
  report.expect_close(got, want, 0, 0, "gradient of a slope, ", all);
  report.expect_close(got_dx, want_dx, 0, 0, "gradient of a leaky_relu of ", all);
}

template <class T>
void test_softmax(const ElementwiseKernels<T>& k, const ElementwiseKernels<T>& plain, index_t n,
                  index_t width, Report& report) {
  const Integers<T> x(n * width), dy(n * width);
  Fenced<T> got(n * width), want(n * width);
  const double least = std::numeric_limits<T>::min();
  k.softmax_row(x.data(), got.data(), x.size());
  plain.softmax_row(x.data(), want.data(), x.size());
  report.expect_close(got, want, kTolerance<T>, least, "softmax of a row of ", x.size());
  k.softmax_row_grad(got.data(), dy.data(), x.size());
  plain.softmax_row_grad(want.data(), dy.data(), x.size());
  report.expect_close(got, want, kTolerance<T>, 1, "its gradient");
  k.softmax_columns(x.data(), got.data(), n, width, width);
  plain.softmax_columns(x.data(), want.data(), n, width, width);
  report.expect_close(got, want, kTolerance<T>, least, "softmax of ", width, " columns of ", n);
  k.softmax_columns_grad(got.data(), dy.data(), n, width, width);
  plain.softmax_columns_grad(want.data(), dy.data(), n, width, width);
  report.expect_close(got, want, kTolerance<T>, 1, "its gradient");
}

template <class T>
void test(const ElementwiseKernels<T>& k, const ElementwiseKernels<T>& plain, Report& report) {
  for (const index_t n : {1, 2, 3, 7, 16, 37, 200}) {
    test_activations(k, plain, n, report);
    test_prelu(k, plain, n, report);
  }
  for (index_t n = 1; n <= 5; ++n)
    for (index_t width = 1; width <= 19; ++width) test_softmax(k, plain, n, width, report);
}

}  // namespace

void test_vector_math(const KernelTable& isa, Report& report) {
  test(isa.f32.elementwise, scalar::table.f32.elementwise, report);
  test(isa.f64.elementwise, scalar::table.f64.elementwise, report);
}

}  // namespace fastconv::selftest
