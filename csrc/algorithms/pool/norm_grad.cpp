// SPDX-License-Identifier: MIT
#include "algorithms/pool/norm_grad.h"

#include <cmath>

#include "algorithms/pool/taps.h"
#include "algorithms/pool/tasks.h"
#include "core/memory.h"

namespace fastconv::pool {
namespace {

constexpr Pooling kSums{.op = PoolOp::sum};

// sign(x) * (|x| / y)**exponent.
template <class T>
T slope_of(T x, T y, T exponent) {
  const T sign = x < 0 ? T{-1} : x > 0 ? T{1} : x;
  if (exponent == 0) return sign;
  const T ratio = std::abs(x) / y;
  return sign * (exponent == 1 ? ratio : std::pow(ratio, exponent));
}

// Calls element(i) for i in 0..n.
template <class Element>
void for_runs(index_t n, int threads, const Element& element) {
  constexpr index_t kRun = 4096;
  for_units(ceil_div(n, kRun), kRun, threads, [&](index_t u, int) {
    for (index_t i = u * kRun; i < std::min(n, (u + 1) * kRun); ++i) element(i);
  });
}

// A loop for each power: the compiler makes vectors only of loops without a choice between powers.
// For the same reason a product or a quotient is computed first, and chosen or not afterwards.
template <class T>
void step_before(double power, const T* y, const T* dy, T* g, index_t n, int threads) noexcept {
  if (power == 1) return for_runs(n, threads, [=](index_t i) { g[i] = y[i] == 0 ? T{} : dy[i]; });
  for_runs(n, threads, [=](index_t i) {
    const T quotient = dy[i] / y[i];
    g[i] = y[i] == 0 ? T{} : quotient;
  });
}

template <class T>
void step_behind(double power, const T* x, T* dx, index_t n, int threads) noexcept {
  if (power == 1)
    return for_runs(n, threads, [=](index_t i) {
      const T product = dx[i] * (x[i] < 0 ? T{-1} : T{1});
      dx[i] = x[i] == 0 ? T{} : product;
    });
  for_runs(n, threads, [=](index_t i) {
    const T product = dx[i] * x[i];
    dx[i] = x[i] == 0 ? T{} : product;
  });
}

}  // namespace

template <class T>
NormGradBySums<T> NormGradBySums<T>::prepare(const Problem& problem) {
  const PoolDesc& d = problem.d;
  const double power = problem.pooling.power;
  return {.refusal = power == 1 || power == 2 ? nullptr : "the power is neither 1 nor 2",
          .factor_bytes = cache_lines(d.planes() * d.out_plane() * static_cast<index_t>(sizeof(T))),
          .sums = SumGrad<T>(d, kSums)};
}

template <class T>
void NormGradBySums<T>::run(const Problem& problem, const NormArrays<T>& arrays, const Exec& exec,
                            std::byte* scratch) const noexcept {
  const PoolDesc& d = problem.d;
  const double power = problem.pooling.power;
  T* factors = reinterpret_cast<T*>(scratch);
  step_before(power, arrays.y, arrays.dy, factors, d.planes() * d.out_plane(), exec.threads);
  sums.run({.from = factors, .to = arrays.dx}, exec, scratch + factor_bytes);
  step_behind(power, arrays.x, arrays.dx, d.planes() * d.in_plane(), exec.threads);
}

template <class T>
void NormGradByTaps<T>::run(const Problem& problem, const NormArrays<T>& arrays, const Exec& exec,
                            std::byte*) const noexcept {
  const PoolDesc& d = problem.d;
  const bool largest = std::isinf(problem.pooling.power);
  const T exponent = static_cast<T>(problem.pooling.power - 1);
  for_units(d.planes(), taps_work(d), exec.threads, [&](index_t plane, int) {
    const T* x = arrays.x + plane * d.in_plane();
    const T* y = arrays.y + plane * d.out_plane();
    const T* dy = arrays.dy + plane * d.out_plane();
    T* dx = arrays.dx + plane * d.in_plane();
    std::fill(dx, dx + d.in_plane(), T{});
    index_t taken = -1;  // p = inf: the output whose largest element was found already
    for_taps(d, [&](index_t place, index_t output) {
      if (x[place] == 0 || y[output] == 0) return;
      if (!largest) {
        dx[place] += dy[output] * slope_of(x[place], y[output], exponent);
      } else if (taken != output && std::abs(x[place]) == y[output]) {
        taken = output;
        dx[place] += x[place] < 0 ? -dy[output] : dy[output];
      }
    });
  });
}

template struct NormGradBySums<float>;
template struct NormGradBySums<double>;
template struct NormGradByTaps<float>;
template struct NormGradByTaps<double>;

}  // namespace fastconv::pool
