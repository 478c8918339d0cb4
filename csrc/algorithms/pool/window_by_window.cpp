// SPDX-License-Identifier: MIT
#include "algorithms/pool/window_by_window.h"

#include <cmath>
#include <limits>

#include "algorithms/pool/tasks.h"

namespace fastconv::pool {
namespace {

// One window of a plane: its rows, or one run where it holds whole rows.
template <class T>
struct Window {
  const T* x;
  index_t rows, pitch, n, step;
};

template <class T>
Window<T> window_at(const PoolDesc& d, const T* plane, Span h, Span w) {
  if (w.count == d.w.in && h.count > 0 && (d.h.dilation == 1 || h.count == 1))
    return {plane + h.at * d.w.in, 1, 0, h.count * w.count, 1};
  return {plane + h.at * d.w.in + w.at, w.count > 0 ? h.count : 0, d.h.dilation * d.w.in, w.count,
          d.w.dilation};
}

// Sums of prepared elements in double: such windows may be long.
template <class T, class Take>
double sum_of(const Window<T>& window, const Take& take) {
  double total = 0;
  for (index_t r = 0; r < window.rows; ++r)
    for (index_t i = 0; i < window.n; ++i)
      total += take(static_cast<double>(window.x[r * window.pitch + i * window.step]));
  return total;
}

template <class T>
T largest_magnitude(const Window<T>& window) {
  T best = 0;
  for (index_t r = 0; r < window.rows; ++r)
    for (index_t i = 0; i < window.n; ++i) {
      const T v = std::abs(window.x[r * window.pitch + i * window.step]);
      if (v > best || v != v) best = v;
    }
  return best;
}

template <class T>
T extreme_of(const Window<T>& window, const PoolKernels<T>& kernels, bool smallest) {
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  T best = smallest ? kInfinity : -kInfinity;
  const auto join = [&](T v) {
    if ((smallest ? v < best : v > best) || v != v) best = v;
  };
  for (index_t r = 0; r < window.rows; ++r) {
    const T* row = window.x + r * window.pitch;
    if (window.step == 1)
      join(smallest ? kernels.smallest(row, window.n) : kernels.largest(row, window.n));
    else
      for (index_t i = 0; i < window.n; ++i) join(row[i * window.step]);
  }
  return best;
}

template <class T>
double total_of(const Window<T>& window, const Pooling& pooling, const ConvKernels<T>& kernels) {
  switch (pooling.op) {
    case PoolOp::abs_sum:
      return sum_of(window, [](double v) { return std::abs(v); });
    case PoolOp::squares:
      return std::sqrt(sum_of(window, [](double v) { return v * v; }));
    case PoolOp::powers: {
      const double p = pooling.power;
      return std::pow(sum_of(window, [&](double v) { return std::pow(std::abs(v), p); }), 1 / p);
    }
    default:
      break;
  }
  if (window.step != 1) return sum_of(window, [](double v) { return v; });
  return kernels.sum(window.x, window.n, window.rows, window.pitch);
}

template <class T>
T pooled(const Window<T>& window, const Pooling& pooling, double divisor,
         const Kernels<T>& kernels) {
  switch (pooling.op) {
    case PoolOp::max:
    case PoolOp::min:
      return extreme_of(window, kernels.pool, pooling.op == PoolOp::min);
    case PoolOp::abs_max:
      return largest_magnitude(window);
    default:
      break;
  }
  const double total = total_of(window, pooling, kernels.conv);
  return static_cast<T>(pooling.average ? total / divisor : total);
}

}  // namespace

template <class T>
void WindowByWindow<T>::run(const Problem& problem, const Arrays<T>& arrays, const Exec& exec,
                            std::byte*) const noexcept {
  const PoolDesc& d = problem.d;
  const Pooling& pooling = problem.pooling;
  const double work = usual_taps(d) * static_cast<double>(d.w.out);
  for_units(d.planes() * d.h.out, work, exec.threads, [&](index_t u, int) {
    const index_t plane = u / d.h.out, oh = u % d.h.out;
    const Span h = span_of(d.h, oh);
    const double rows = pooling.average ? pooling.rows(d, oh) : 1;
    const T* x = arrays.from + plane_at(d, plane, d.in_plane(), arrays.from_image);
    T* row = arrays.to + plane_at(d, plane, d.out_plane(), arrays.to_image) + oh * d.w.out;
    for (index_t ow = 0; ow < d.w.out; ++ow) {
      const auto window = window_at(d, x, h, span_of(d.w, ow));
      const double divisor = pooling.average ? rows * pooling.columns(d, ow) : 1;
      row[ow] = pooled(window, pooling, divisor, exec.kernels<T>());
    }
  });
}

template struct WindowByWindow<float>;
template struct WindowByWindow<double>;

}  // namespace fastconv::pool
