// SPDX-License-Identifier: MIT
#include "algorithms/batch_norm.h"

#include <algorithm>

#include "core/parallel.h"

namespace fastconv {
namespace {

// Calls body(c): a channel's rows are read two or three times, out of L2 mostly.
template <class Body>
void for_channels(const Exec& exec, const NormShape& s, const Body& body) noexcept {
  const double work = 2 * double(s.n) * double(s.channels) * double(s.plane);
  parallel_for(s.channels, useful_threads(s.channels, work, exec.threads),
               [&](index_t c, int) { body(c); });
}

index_t row(const NormShape& s, index_t n, index_t c) { return (n * s.channels + c) * s.plane; }

}  // namespace

template <class T>
void batch_moments(const Exec& exec, const NormShape& s, const T* x, double* mean,
                   double* var) noexcept {
  const auto& kernels = exec.kernels<T>();
  const double count = double(s.n) * double(s.plane);
  for_channels(exec, s, [&](index_t c) {
    // A mean from sums in T is near, not exact: what is left, and the squares, are summed about it.
    double sum = 0, offsets = 0, squares = 0;
    for (index_t n = 0; n < s.n; ++n) sum += kernels.conv.sum(x + row(s, n, c), s.plane);
    const T near = static_cast<T>(sum / count);
    for (index_t n = 0; n < s.n; ++n) {
      offsets += kernels.elementwise.sum_offsets(x + row(s, n, c), s.plane, near);
      squares += kernels.elementwise.sum_squares(x + row(s, n, c), s.plane, near);
    }
    const double off = offsets / count;
    mean[c] = static_cast<double>(near) + off;
    var[c] = std::max(squares / count - off * off, 0.0);
  });
}

template <class T>
void normalize(const Exec& exec, const NormShape& s, const T* x, const double* mean,
               const double* scale, const double* shift, T* y) noexcept {
  const auto run = exec.kernels<T>().elementwise.normalize;
  for_channels(exec, s, [&](index_t c) {
    const T near = static_cast<T>(mean[c]);
    const double left = static_cast<double>(near) - mean[c];
    for (index_t n = 0; n < s.n; ++n)
      run({.n = s.plane,
           .x = x + row(s, n, c),
           .mean = near,
           .scale = static_cast<T>(scale[c]),
           .shift = static_cast<T>(shift[c] + left * scale[c]),
           .dy = nullptr,
           .factor = T{0},
           .y = y + row(s, n, c)});
  });
}

template <class T>
void batch_norm_grad(const Exec& exec, const NormShape& s, const T* dy, const T* x,
                     const double* mean, const double* inverse, const double* weight, T* dx,
                     double* d_weight, double* d_bias) noexcept {
  const auto& kernels = exec.kernels<T>();
  const double count = double(s.n) * double(s.plane);
  for_channels(exec, s, [&](index_t c) {
    const T near = static_cast<T>(mean[c]);
    double sum = 0, products = 0;
    for (index_t n = 0; n < s.n; ++n) {
      const index_t at = row(s, n, c);
      sum += kernels.conv.sum(dy + at, s.plane);
      products += kernels.elementwise.sum_products(dy + at, x + at, s.plane, near);
    }
    products -= sum * (mean[c] - static_cast<double>(near));
    d_bias[c] = sum;
    d_weight[c] = products * inverse[c];
    // dx = scale * (dy - sum / count - (x - mean) * inverse^2 * products / count)
    const double scale = weight[c] * inverse[c];
    for (index_t n = 0; n < s.n; ++n) {
      const index_t at = row(s, n, c);
      kernels.elementwise.normalize(
          {.n = s.plane,
           .x = x + at,
           .mean = near,
           .scale = static_cast<T>(-scale * inverse[c] * inverse[c] * products / count),
           .shift = static_cast<T>(-scale * sum / count),
           .dy = dy + at,
           .factor = static_cast<T>(scale),
           .y = dx + at});
    }
  });
}

#define FC_INSTANTIATE(T)                                                                          \
  template void batch_moments(const Exec&, const NormShape&, const T*, double*, double*) noexcept; \
  template void normalize(const Exec&, const NormShape&, const T*, const double*, const double*,   \
                          const double*, T*) noexcept;                                             \
  template void batch_norm_grad(const Exec&, const NormShape&, const T*, const T*, const double*,  \
                                const double*, const double*, T*, double*, double*) noexcept
FC_INSTANTIATE(float);
FC_INSTANTIATE(double);
#undef FC_INSTANTIATE

}  // namespace fastconv
