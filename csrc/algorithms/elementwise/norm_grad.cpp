// SPDX-License-Identifier: MIT
#include "algorithms/elementwise/norm_grad.h"

#include <algorithm>
#include <cmath>

#include "algorithms/common/blocking.h"
#include "core/parallel.h"

namespace fastconv {
namespace {

constexpr index_t kBlock =
    8192;  // elements of three arrays that stay in L2 for two or three passes

// Rows of some channels: planes have one channel, rows of pixels have one for each element.
struct Rows {
  index_t at;       // of the first element
  index_t n, rows;  // elements of a row, and their number
  index_t ld;       // from row to row
  index_t channel;  // of the first element
  bool pixels;
};

// The gradient in front of the activation, in dx or, if there is no activation, in dy itself.
template <class T>
const T* through_activation(const Exec& exec, const Rows& r, const NormGrad<T>& a,
                            const NormConstants<T>& c, const Fused<T>& fused) noexcept {
  const auto& kernels = exec.kernels<T>().elementwise;
  if (fused.kind == Activation::none) return a.dy;
  for (index_t at = r.at; at < r.at + r.rows * r.ld; at += r.ld) {
    if (a.output != nullptr) {
      kernels.activate_grad_from_output(fused.kind, a.output + at, a.dy + at, a.dx + at, r.n,
                                        fused.slope);
      continue;
    }
    kernels.normalize({.n = r.n,
                       .rows = 1,
                       .x = a.x + at,
                       .ldx = 0,
                       .y = a.dx + at,
                       .ldy = 0,
                       .mean = c.mean + r.channel,
                       .scale = c.scale + r.channel,
                       .shift = c.shift + r.channel,
                       .step = 0,
                       .by_element = r.pixels,
                       .relu = false});
    kernels.activate_grad(fused.kind, a.dx + at, a.dy + at, a.dx + at, r.n, fused.slope);
  }
  return a.dx;
}

template <class T>
void scale_rows(const Exec& exec, const Rows& r, const T* dz, T* dx,
                const NormGradConstants<T>& c) noexcept {
  exec.kernels<T>().elementwise.normalize({.n = r.n,
                                           .rows = r.rows,
                                           .x = dz + r.at,
                                           .ldx = r.ld,
                                           .y = dx + r.at,
                                           .ldy = r.ld,
                                           .mean = c.zero,
                                           .scale = c.forward.scale + r.channel,
                                           .shift = c.zero,
                                           .step = 0,
                                           .by_element = r.pixels,
                                           .relu = false});
}

// The sums that give d_bias and d_weight of a channel, for whom a row belongs to it alone.
template <class T>
NormSums channel_grad(const Exec& exec, const NormShape& s, index_t channel, const NormGrad<T>& a,
                      const NormGradConstants<T>& c, const Fused<T>& fused) noexcept {
  const index_t together = std::max<index_t>(1, kBlock / s.plane), ld = s.channels * s.plane;
  NormSums total{0, 0};
  for (index_t image = 0; image < s.n; image += together) {
    const Rows r{.at = image * ld + channel * s.plane,
                 .n = s.plane,
                 .rows = std::min(together, s.n - image),
                 .ld = ld,
                 .channel = channel,
                 .pixels = false};
    const T* dz = through_activation(exec, r, a, c.forward, fused);
    const NormSums sums =
        exec.kernels<T>().elementwise.sum_products({.n = r.n,
                                                    .rows = r.rows,
                                                    .step = ld,
                                                    .x = a.x + r.at,
                                                    .mean = c.forward.mean[channel],
                                                    .dy = dz + r.at,
                                                    .relu = nullptr});
    total.first += sums.first;
    total.second += sums.second;
    scale_rows(exec, r, dz, a.dx, c);
  }
  return total;
}

// Pixels are rows as long as the constants, and what is left of one. Parts of these rows have sums
// of their own; their number follows from the problem, so that the sums have the same bits for any
// number of threads.
struct PixelParts {
  index_t width, rows, left, parts;
  explicit PixelParts(const NormShape& s) : width(norm_width(s.channels)) {
    const index_t total = s.n * s.channels * s.plane;
    rows = total / width;
    left = total % width;
    parts = std::clamp<index_t>(total / (8 * kBlock), 1, 64);
  }
  index_t sums() const { return parts * 2 * width; }
};

template <class T>
void pixels_grad(const Exec& exec, const NormShape& s, const NormGrad<T>& a,
                 const NormGradConstants<T>& c, const Fused<T>& fused, double* sums) noexcept {
  const PixelParts p(s);
  std::fill_n(sums, p.sums(), 0.0);
  const auto add_rows = [&](index_t first, index_t rows, index_t n, double* to) {
    const Rows r{first * p.width, n, rows, n, 0, true};
    const T* dz = through_activation(exec, r, a, c.forward, fused);
    exec.kernels<T>().elementwise.sum_columns({.n = n,
                                               .rows = rows,
                                               .x = a.x + r.at,
                                               .dy = dz + r.at,
                                               .mean = c.forward.mean,
                                               .first = to,
                                               .second = to + p.width});
    scale_rows(exec, r, dz, a.dx, c);
  };
  const index_t together = std::max<index_t>(1, kBlock / p.width);
  const double work = 3 * double(s.n) * double(s.channels) * double(s.plane);
  parallel_for(p.parts, useful_threads(p.parts, work, exec.threads), [&](index_t i, int) {
    const Range range = part(p.rows, p.parts, i);
    double* to = sums + i * 2 * p.width;
    for (index_t row = range.begin; row < range.end; row += together)
      add_rows(row, std::min(together, range.end - row), p.width, to);
    if (i == p.parts - 1 && p.left > 0) add_rows(p.rows, 1, p.left, to);
  });
  for (index_t i = 2 * p.width; i < p.sums(); ++i) sums[i % (2 * p.width)] += sums[i];
  for (index_t j = s.channels; j < p.width; ++j) {
    sums[j % s.channels] += sums[j];
    sums[p.width + j % s.channels] += sums[p.width + j];
  }
}

}  // namespace

index_t norm_grad_bytes(const NormShape& s, bool pixels) noexcept {
  return (pixels ? PixelParts(s).sums() : 2 * s.channels) * index_t{sizeof(double)};
}

template <class T>
void evaluation_grad(const Exec& exec, const NormShape& s, bool pixels, const NormGrad<T>& arrays,
                     const NormStatistics<T>& statistics, const NormGradConstants<T>& constants,
                     const Fused<T>& fused, double* scratch) noexcept {
  norm_constants(s.channels, statistics, constants.forward);
  std::fill_n(constants.zero, norm_width(s.channels), T{0});
  index_t second = s.channels;  // where the sums that give d_weight begin
  if (pixels) {
    pixels_grad(exec, s, arrays, constants, fused, scratch);
    second = norm_width(s.channels);
  } else {
    for_channels(exec, s, [&](index_t channel) {
      const NormSums sums = channel_grad(exec, s, channel, arrays, constants, fused);
      scratch[channel] = sums.first;
      scratch[second + channel] = sums.second;
    });
  }
  for (index_t channel = 0; channel < s.channels; ++channel) {
    const double var = static_cast<double>(statistics.var[channel]);
    arrays.d_bias[channel] = static_cast<T>(scratch[channel]);
    arrays.d_weight[channel] =
        static_cast<T>(scratch[second + channel] / std::sqrt(var + statistics.eps));
  }
}

template void evaluation_grad(const Exec&, const NormShape&, bool, const NormGrad<float>&,
                              const NormStatistics<float>&, const NormGradConstants<float>&,
                              const Fused<float>&, double*) noexcept;
template void evaluation_grad(const Exec&, const NormShape&, bool, const NormGrad<double>&,
                              const NormStatistics<double>&, const NormGradConstants<double>&,
                              const Fused<double>&, double*) noexcept;

}  // namespace fastconv
