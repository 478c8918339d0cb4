// SPDX-License-Identifier: MIT
#include "algorithms/elementwise/batch_norm.h"

#include <algorithm>
#include <cmath>

namespace fastconv {
namespace {

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

index_t norm_width(index_t channels) noexcept {
  // Of 16 vectors or so the last one, which is not whole, no longer matters.
  constexpr index_t kFew = 256;
  return channels == 0 ? 0 : channels * (channels < kFew / 2 ? kFew / channels : 1);
}

namespace {

struct Channel {
  double mean, scale, shift;
};

// of(c) gives the constants of a channel in double.
template <class T, class Of>
void fill_constants(index_t channels, const NormConstants<T>& to, const Of& of) noexcept {
  for (index_t c = 0; c < channels; ++c) {
    const Channel channel = of(c);
    to.mean[c] = static_cast<T>(channel.mean);
    to.scale[c] = static_cast<T>(channel.scale);
    const double left = static_cast<double>(to.mean[c]) - channel.mean;
    to.shift[c] = static_cast<T>(channel.shift + left * channel.scale);
  }
  for (index_t c = channels; c < norm_width(channels); ++c) {
    to.mean[c] = to.mean[c - channels];
    to.scale[c] = to.scale[c - channels];
    to.shift[c] = to.shift[c - channels];
  }
}

}  // namespace

template <class T>
void norm_constants(index_t channels, const double* mean, const double* scale, const double* shift,
                    const NormConstants<T>& constants) noexcept {
  fill_constants(channels, constants,
                 [&](index_t c) { return Channel{mean[c], scale[c], shift[c]}; });
}

template <class T>
void norm_constants(index_t channels, const NormStatistics<T>& s,
                    const NormConstants<T>& constants) noexcept {
  fill_constants(channels, constants, [&](index_t c) {
    const double weight = s.weight ? static_cast<double>(s.weight[c]) : 1;
    const double bias = s.bias ? static_cast<double>(s.bias[c]) : 0;
    return Channel{static_cast<double>(s.mean[c]),
                   weight / std::sqrt(static_cast<double>(s.var[c]) + s.eps), bias};
  });
}

template <class T>
void normalize(const Exec& exec, const NormLoop& loop, const T* x,
               const NormConstants<T>& constants, const Fused<T>& fused, T* y) noexcept {
  const auto run = [&](const NormLoop& part, index_t start) {
    for_row_blocks(exec, part, fused.cost(), [&](const RowBlock<3>& b) {
      const index_t channel = b.at[1];
      T* to = y + start + b.at[2];
      exec.kernels<T>().elementwise.normalize({.n = b.n,
                                               .rows = b.rows,
                                               .x = x + start + b.at[0],
                                               .ldx = b.ld[0],
                                               .y = to,
                                               .ldy = b.ld[2],
                                               .mean = constants.mean + channel,
                                               .scale = constants.scale + channel,
                                               .shift = constants.shift + channel,
                                               .step = b.ld[1],
                                               .by_element = part.inner(1) != 0,
                                               .relu = fused.relu()});
      fused.apply(exec, to, b.n, b.rows, b.ld[2]);
    });
  };
  const index_t channels = loop.length[loop.rank - 1], width = norm_width(channels);
  const bool pixels = loop.rank == 2 && loop.inner(1) != 0 && loop.step[1][0] == 0;
  if (!pixels || width == channels || loop.step[0][0] != channels || loop.step[2][0] != channels)
    return run(loop, 0);
  // Dense pixels of few channels: rows as long as the repeated constants, and what is left.
  const index_t rows = loop.size() / width;
  run({.rank = 2, .length = {rows, width}, .step = {{width, 1}, {0, 1}, {width, 1}}}, 0);
  run({.rank = 1, .length = {loop.size() - rows * width}, .step = {{1}, {1}, {1}}}, rows * width);
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
               .y = dx + c * s.plane});
  });
}

template void batch_moments(const Exec&, const NormShape&, const float*, double*, double*) noexcept;
template void norm_constants(index_t, const double*, const double*, const double*,
                             const NormConstants<float>&) noexcept;
template void norm_constants(index_t, const NormStatistics<float>&,
                             const NormConstants<float>&) noexcept;
template void normalize(const Exec&, const NormLoop&, const float*, const NormConstants<float>&,
                        const Fused<float>&, float*) noexcept;
template void batch_norm_grad(const Exec&, const NormShape&, const float*, const float*,
                              const float*, const double*, const double*, const double*, float*,
                              double*, double*) noexcept;
template void batch_moments(const Exec&, const NormShape&, const double*, double*,
                            double*) noexcept;
template void norm_constants(index_t, const double*, const double*, const double*,
                             const NormConstants<double>&) noexcept;
template void norm_constants(index_t, const NormStatistics<double>&,
                             const NormConstants<double>&) noexcept;
template void normalize(const Exec&, const NormLoop&, const double*, const NormConstants<double>&,
                        const Fused<double>&, double*) noexcept;
template void batch_norm_grad(const Exec&, const NormShape&, const double*, const double*,
                              const double*, const double*, const double*, const double*, double*,
                              double*, double*) noexcept;

}  // namespace fastconv
