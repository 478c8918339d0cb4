// SPDX-License-Identifier: MIT
#include "algorithms/pool/norm_grad.h"

#include <cmath>

#include "algorithms/pool/scatter.h"
#include "algorithms/pool/taps.h"
#include "algorithms/pool/tasks.h"
#include "core/memory.h"

namespace fastconv::pool {
namespace {

constexpr Pooling kSums{.op = PoolOp::sum};

Problem magnitudes(const Problem& problem) {
  Problem found = problem;
  found.use = Use::indices;
  found.pooling.op = PoolOp::abs_max;
  return found;
}

// sign(x) * (|x| / y)**exponent.
template <class T>
T slope_of(T x, T y, T exponent) {
  const T sign = x < 0 ? T{-1} : x > 0 ? T{1} : x;
  if (exponent == 0) return sign;
  const T ratio = std::abs(x) / y;
  return sign * (exponent == 1 ? ratio : std::pow(ratio, exponent));
}

constexpr index_t kRun = 4096;  // elements of an elementwise step: 16 or 32 KiB

// Calls run(first, n) for runs of neighbours of `n` elements.
template <class Run>
void for_runs(index_t n, int threads, const Run& run) noexcept {
  for_units(ceil_div(n, kRun), kRun, threads,
            [&](index_t u, int) { run(u * kRun, std::min(kRun, n - u * kRun)); });
}

}  // namespace

template <class T>
NormGradBySums<T> NormGradBySums<T>::prepare(const Problem& problem) {
  const PoolDesc& d = problem.d;
  return {.refusal = std::isinf(problem.pooling.power) ? "the power is infinite" : nullptr,
          .factor_bytes = cache_lines(d.planes() * d.out_plane() * static_cast<index_t>(sizeof(T))),
          .sums = SumGrad<T>(d, kSums)};
}

template <class T>
void NormGradBySums<T>::run(const Problem& problem, const NormArrays<T>& arrays, const Exec& exec,
                            std::byte* scratch) const noexcept {
  const PoolDesc& d = problem.d;
  const double p = problem.pooling.power;
  const auto& kernels = exec.kernels<T>().pool;
  T* factors = reinterpret_cast<T*>(scratch);
  for_runs(d.planes() * d.out_plane(), exec.threads, [&](index_t i, index_t n) {
    kernels.norm_factors(p, arrays.y + i, arrays.dy + i, n, factors + i);
  });
  sums.run({.from = factors, .to = arrays.dx}, exec, scratch + factor_bytes);
  for_runs(d.planes() * d.in_plane(), exec.threads,
           [&](index_t i, index_t n) { kernels.norm_slopes(p, arrays.x + i, n, arrays.dx + i); });
}

template <class T>
NormGradByPlaces<T> NormGradByPlaces<T>::prepare(const Problem& problem) {
  const PoolDesc& d = problem.d;
  if (!std::isinf(problem.pooling.power)) return {.refusal = "the power is finite"};
  if (has_empty_window(d.h) || has_empty_window(d.w))
    return {.refusal = "padding leaves a window without any element"};
  const auto places = Sliding<T>::prepare(magnitudes(problem));
  constexpr auto kPair = static_cast<index_t>(sizeof(std::int64_t) + sizeof(T));
  return {.refusal = places.refusal,
          .found_bytes = cache_lines(d.planes() * d.out_plane() * kPair),
          .places = places};
}

template <class T>
index_t NormGradByPlaces<T>::scratch(int threads) const {
  return found_bytes + places.scratch(threads);
}

template <class T>
void NormGradByPlaces<T>::run(const Problem& problem, const NormArrays<T>& arrays, const Exec& exec,
                              std::byte* scratch) const noexcept {
  const PoolDesc& d = problem.d;
  const index_t n = d.planes() * d.out_plane();
  auto* indices = reinterpret_cast<std::int64_t*>(scratch);
  T* found = reinterpret_cast<T*>(indices + n);
  places.run(magnitudes(problem), {.from = arrays.x, .to = found, .indices = indices}, exec,
             scratch + found_bytes);
  for_runs(n, exec.threads, [&](index_t first, index_t count) {
    for (index_t i = first; i < first + count; ++i) {
      const T x = found[i], y = arrays.y[i];
      found[i] = y == 0 || std::abs(x) != y ? T{} : x < 0 ? -arrays.dy[i] : arrays.dy[i];
    }
  });
  scatter_add<T>({d.planes(), d.out_plane(), d.in_plane()}, found, indices, arrays.dx,
                 exec.threads);
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
template struct NormGradByPlaces<float>;
template struct NormGradByPlaces<double>;
template struct NormGradByTaps<float>;
template struct NormGradByTaps<double>;

}  // namespace fastconv::pool
