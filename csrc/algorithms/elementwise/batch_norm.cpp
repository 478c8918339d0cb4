// SPDX-License-Identifier: MIT
#include "algorithms/elementwise/batch_norm.h"

#include <algorithm>

#include "algorithms/common/blocking.h"
#include "core/parallel.h"

namespace fastconv {
namespace {

// Calls body(c): a channel's rows are read two or three times, out of L2 mostly. Tasks are runs of
// channels: planes of a few elements share cache lines, which two threads would write by turns.
template <class Body>
void for_channels(const Exec& exec, const NormShape& s, const Body& body) noexcept {
  const double work = 2 * double(s.n) * double(s.channels) * double(s.plane);
  const index_t tasks = std::min<index_t>(s.channels, 8 * exec.threads);
  parallel_for(tasks, useful_threads(tasks, work, exec.threads), [&](index_t task, int) {
    const Range channels = part(s.channels, tasks, task);
    for (index_t c = channels.begin; c < channels.end; ++c) body(c);
  });
}

template <class T>
NormRows<T> rows_of(const NormShape& s, index_t c, const T* x, T mean, const T* dy = nullptr,
                    const T* relu = nullptr) {
  const index_t at = c * s.plane;
  return {s.plane,
          s.n,
          s.channels * s.plane,
          x + at,
          mean,
          dy ? dy + at : nullptr,
          relu ? relu + at : nullptr};
}

}  // namespace

template <class T>
void batch_moments(const Exec& exec, const NormShape& s, const T* x, double* mean,
                   double* var) noexcept {
  const auto& kernels = exec.kernels<T>();
  const double count = double(s.n) * double(s.plane);
  for_channels(exec, s, [&](index_t c) {
    // A mean from sums in T is near, not exact: what is left, and the squares, are summed about it.
    const NormRows<T> rows = rows_of(s, c, x, T{0});
    const T near = static_cast<T>(kernels.conv.sum(rows.x, rows.n, rows.rows, rows.step) / count);
    const NormSums sums = kernels.elementwise.sum_moments(rows_of(s, c, x, near));
    const double off = sums.first / count;
    mean[c] = static_cast<double>(near) + off;
    var[c] = std::max(sums.second / count - off * off, 0.0);
  });
}

template <class T>
void normalize(const Exec& exec, const NormShape& s, const T* x, const double* mean,
               const double* scale, const double* shift, bool relu, T* y) noexcept {
  for_channels(exec, s, [&](index_t c) {
    const T near = static_cast<T>(mean[c]);
    const double left = static_cast<double>(near) - mean[c];
    exec.kernels<T>().elementwise.normalize(rows_of(s, c, x, near),
                                            {.scale = static_cast<T>(scale[c]),
                                             .shift = static_cast<T>(shift[c] + left * scale[c]),
                                             .factor = T{0},
                                             .relu = relu,
                                             .y = y + c * s.plane});
  });
}

template <class T>
void batch_norm_grad(const Exec& exec, const NormShape& s, const T* dy, const T* x, const T* relu,
                     const double* mean, const double* inverse, const double* weight, T* dx,
                     double* d_weight, double* d_bias) noexcept {
  const auto& kernels = exec.kernels<T>().elementwise;
  const double count = double(s.n) * double(s.plane);
  for_channels(exec, s, [&](index_t c) {
    const T near = static_cast<T>(mean[c]);
    const NormRows<T> rows = rows_of(s, c, x, near, dy, relu);
    const NormSums sums = kernels.sum_products(rows);
    const double sum = sums.first;
    const double products = sums.second - sum * (mean[c] - static_cast<double>(near));
    d_bias[c] = sum;
    d_weight[c] = products * inverse[c];
    // dx = scale * (dy - sum / count - (x - mean) * inverse^2 * products / count)
    const double scale = weight[c] * inverse[c];
    kernels.normalize_grad(
        rows, {.scale = static_cast<T>(-scale * inverse[c] * inverse[c] * products / count),
               .shift = static_cast<T>(-scale * sum / count),
               .factor = static_cast<T>(scale),
               .relu = false,
               .y = dx + c * s.plane});
  });
}

template void batch_moments(const Exec&, const NormShape&, const float*, double*, double*) noexcept;
template void normalize(const Exec&, const NormShape&, const float*, const double*, const double*,
                        const double*, bool, float*) noexcept;
template void batch_norm_grad(const Exec&, const NormShape&, const float*, const float*,
                              const float*, const double*, const double*, const double*, float*,
                              double*, double*) noexcept;
template void batch_moments(const Exec&, const NormShape&, const double*, double*,
                            double*) noexcept;
template void normalize(const Exec&, const NormShape&, const double*, const double*, const double*,
                        const double*, bool, double*) noexcept;
template void batch_norm_grad(const Exec&, const NormShape&, const double*, const double*,
                              const double*, const double*, const double*, const double*, double*,
                              double*, double*) noexcept;

}  // namespace fastconv
