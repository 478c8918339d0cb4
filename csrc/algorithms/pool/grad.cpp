// SPDX-License-Identifier: MIT
// Gradients that spread over whole windows: of sums, averages and p-norms.
#include "algorithms/pool/grad.h"

#include <cmath>

#include "algorithms/common/blocking.h"
#include "algorithms/pool/pixels.h"
#include "algorithms/pool/tasks.h"

namespace fastconv {
namespace {

constexpr index_t kMostReach = 16384;  // beyond, a spread row leaves the caches
constexpr index_t kLeastTurned = 3;    // of 512x512, 3x3 s2: 16 lanes 1.5 ms, by rows 0.4 a plane
constexpr index_t kBlockColumns = 8192;
constexpr index_t kBlockWork = 65536;

// Windows that touch first..last of the input along an axis.
Range touching(const Axis& a, index_t first, index_t last) {
  const index_t begin = first + a.lo - a.reach() + 1;
  return {begin > 0 ? ceil_div(begin, a.stride) : 0, std::min(a.out, (last + a.lo) / a.stride + 1)};
}

// Outputs ow of row oh, divided, each added to its window's columns of `row`, which starts at the
// first window's first column.
template <class T>
void spread_row(const PoolDesc& d, const Pooling& pooling, index_t oh, Range ow, const T* dy,
                T* row) {
  const index_t n = ow.end - ow.begin, size = (n - 1) * d.w.stride + d.w.reach();
  const T* from = dy + oh * d.w.out + ow.begin;
  T* divided = row + size;
  std::copy(from, from + n, divided);
  if (pooling.average) {
    const double rows = pooling.rows(d, oh);
    for (index_t j = 0; j < n; ++j)
      divided[j] = static_cast<T>(double(from[j]) / (rows * pooling.columns(d, ow.begin + j)));
  }
  std::fill(row, row + size, T{});
  for (index_t t = 0; t < d.w.kernel; ++t) {
    T* to = row + t * d.w.dilation;
    if (d.w.stride == 1)
      for (index_t j = 0; j < n; ++j) to[j] += divided[j];
    else
      for (index_t j = 0; j < n; ++j) to[j * d.w.stride] += divided[j];
  }
}

// Rows r0..r1 and columns c0..c1 of one plane of dx.
struct Block {
  index_t r0, r1, c0, c1;
};
template <class T>
void spread_block(const PoolDesc& d, const Pooling& pooling, const Block& b, const T* dy, T* dx,
                  T* row) {
  for (index_t r = b.r0; r < b.r1; ++r)
    std::fill(dx + r * d.w.in + b.c0, dx + r * d.w.in + b.c1, T{});
  const Range oh = touching(d.h, b.r0, b.r1 - 1), ow = touching(d.w, b.c0, b.c1 - 1);
  if (ow.begin >= ow.end) return;
  const index_t start = ow.begin * d.w.stride - d.w.lo;  // the column at row[0]
  const index_t stop = (ow.end - 1) * d.w.stride - d.w.lo + d.w.reach();
  const index_t c0 = std::max(b.c0, start), c1 = std::min(b.c1, stop);
  for (index_t o = oh.begin; o < oh.end; ++o) {
    const Span rows = taps_within(d.h, o, b.r0, b.r1);
    if (rows.count == 0) continue;
    spread_row(d, pooling, o, ow, dy, row);
    for (index_t p = 0; p < rows.count; ++p) {
      T* to = dx + (rows.at + p * d.h.dilation) * d.w.in;
      for (index_t c = c0; c < c1; ++c) to[c] += row[c - start];
    }
  }
}

// Calls element(place of the input, output) for every tap of every window of a plane.
template <class Element>
void for_taps(const PoolDesc& d, const Element& element) {
  for (index_t oh = 0; oh < d.h.out; ++oh) {
    const Span h = span_of(d.h, oh);
    for (index_t ow = 0; ow < d.w.out; ++ow) {
      const Span w = span_of(d.w, ow);
      for (index_t p = 0; p < h.count; ++p)
        for (index_t q = 0; q < w.count; ++q)
          element((h.at + p * d.h.dilation) * d.w.in + w.at + q * d.w.dilation, oh * d.w.out + ow);
    }
  }
}

// Elements of a plane touched when going tap by tap, which is some four times as slow as by rows.
double plane_work(const PoolDesc& d) {
  return 4 * usual_taps(d) * static_cast<double>(d.out_plane()) + static_cast<double>(d.in_plane());
}

template <class T>
void spread_taps(const PoolDesc& d, const Pooling& pooling, const T* dy, T* dx, int threads) {
  for_units(d.planes(), plane_work(d), threads, [&](index_t plane, int) {
    const T* from = dy + plane * d.out_plane();
    T* to = dx + plane * d.in_plane();
    std::fill(to, to + d.in_plane(), T{});
    index_t current = -1;
    T g{};
    for_taps(d, [&](index_t place, index_t output) {
      if (output != current) {
        current = output;
        g = from[output];
        if (pooling.average)
          g = static_cast<T>(double(g) / (pooling.rows(d, output / d.w.out) *
                                          pooling.columns(d, output % d.w.out)));
      }
      to[place] += g;
    });
  });
}

// d|x|_p / dx = sign(x) * (|x| / y)**(p - 1), and 0 where x or y is 0.
template <class T>
T norm_slope(T x, T y, T exponent) {
  const T sign = x < 0 ? T{-1} : x > 0 ? T{1} : x;
  if (exponent == 0) return sign;
  const T ratio = std::abs(x) / y;
  return sign * (exponent == 1 ? ratio : std::pow(ratio, exponent));
}

// Each plane is one window.
template <class T>
void spread_whole(const PoolDesc& d, const Pooling& pooling, const T* dy, T* dx, int threads) {
  const double divisor = pooling.average ? pooling.rows(d, 0) * pooling.columns(d, 0) : 1;
  const index_t n = d.in_plane();
  for_units(d.planes(), static_cast<double>(n), threads, [&](index_t plane, int) {
    std::fill_n(dx + plane * n, n, static_cast<T>(double(dy[plane]) / divisor));
  });
}

// Calls element(i) for i in 0..n.
template <class Element>
void for_runs(index_t n, int threads, const Element& element) {
  constexpr index_t kRun = 4096;
  for_units(ceil_div(n, kRun), kRun, threads, [&](index_t u, int) {
    for (index_t i = u * kRun; i < std::min(n, (u + 1) * kRun); ++i) element(i);
  });
}

}  // namespace

template <class T>
SpreadPlan plan_spread(const PoolDesc& d, const Pooling& pooling) {
  SpreadPlan plan;
  if (d.planes() >= kLeastTurned)
    plan.pixels = plan_pixels<T>(d, pooling, PixelUse::adjoint, false);
  if (plan.pixels.fits) {
    plan.shared_bytes = plan.pixels.shared_bytes;
    plan.thread_bytes = plan.pixels.thread_bytes;
    return plan;
  }
  plan.by_rows =
      d.h.kernel > 0 && d.w.kernel > 0 && d.w.reach() <= kMostReach && d.w.stride <= kMostReach;
  if (!plan.by_rows) return plan;
  plan.column_block = std::min(d.w.in, kBlockColumns);
  plan.row_block = std::clamp<index_t>(kBlockWork / plan.column_block, 1, d.h.in);
  const index_t outputs = (plan.column_block + d.w.reach()) / d.w.stride + 1;
  plan.row_size = (outputs - 1) * d.w.stride + d.w.reach() + outputs;
  plan.thread_bytes = cache_lines(plan.row_size * static_cast<index_t>(sizeof(T)));
  return plan;
}

template <class T>
void spread(const PoolDesc& d, const Pooling& pooling, const SpreadPlan& plan, const T* dy, T* dx,
            const Exec& exec, std::byte* scratch) noexcept {
  if (is_whole(d)) return spread_whole(d, pooling, dy, dx, exec.threads);
  if (plan.pixels.fits) return spread_pixels(d, pooling, plan.pixels, dy, dx, exec, scratch);
  const int threads = exec.threads;
  if (!plan.by_rows) return spread_taps(d, pooling, dy, dx, threads);
  const index_t h_blocks = ceil_div(d.h.in, plan.row_block);
  const index_t w_blocks = ceil_div(d.w.in, plan.column_block);
  const double work = static_cast<double>(plan.row_block) * static_cast<double>(plan.column_block) *
                      static_cast<double>(d.h.kernel / d.h.stride + 1);
  for_units(d.planes() * h_blocks * w_blocks, work, threads, [&](index_t u, int thread) {
    const index_t plane = u / (h_blocks * w_blocks), block = u % (h_blocks * w_blocks);
    const index_t r = block / w_blocks * plan.row_block, c = block % w_blocks * plan.column_block;
    const Block b{r, std::min(r + plan.row_block, d.h.in), c,
                  std::min(c + plan.column_block, d.w.in)};
    spread_block(d, pooling, b, dy + plane * d.out_plane(), dx + plane * d.in_plane(),
                 reinterpret_cast<T*>(scratch + thread * plan.thread_bytes));
  });
}

namespace {

constexpr Pooling kSums{.op = PoolOp::sum};

template <class T>
void norm_before(double power, const T* y, const T* dy, T* g, index_t n, int threads) noexcept {
  for_runs(n, threads, [=](index_t i) {
    const T factor = power == 1 ? dy[i] : dy[i] / y[i];  // first: a choice alone makes vectors
    g[i] = y[i] == 0 ? T{} : factor;
  });
}

template <class T>
void norm_behind(double power, const T* x, T* dx, index_t n, int threads) noexcept {
  for_runs(n, threads, [=](index_t i) {
    const T slope = power == 1 ? (x[i] < 0 ? T{-1} : T{1}) : x[i];
    const T product = dx[i] * slope;
    dx[i] = x[i] == 0 ? T{} : product;
  });
}

template <class T>
void spread_norm(const PoolDesc& d, double power, const T* x, const T* y, const T* dy, T* dx,
                 int threads) noexcept {
  const bool largest = std::isinf(power);
  const T exponent = static_cast<T>(power - 1);
  for_units(d.planes(), plane_work(d), threads, [&](index_t plane, int) {
    const T* in = x + plane * d.in_plane();
    const T* out = y + plane * d.out_plane();
    const T* from = dy + plane * d.out_plane();
    T* to = dx + plane * d.in_plane();
    std::fill(to, to + d.in_plane(), T{});
    index_t taken = -1;  // p = inf: the output whose largest element was found already
    for_taps(d, [&](index_t place, index_t output) {
      if (in[place] == 0 || out[output] == 0) return;
      if (!largest) {
        to[place] += from[output] * norm_slope(in[place], out[output], exponent);
      } else if (taken != output && std::abs(in[place]) == out[output]) {
        taken = output;
        to[place] += in[place] < 0 ? -from[output] : from[output];
      }
    });
  });
}

}  // namespace

template <class T>
index_t norm_grad_scratch(const PoolDesc& d, double power, const Exec& exec) {
  if (power != 1 && power != 2) return 0;
  const index_t factors = d.planes() * d.out_plane() * index_t{sizeof(T)};
  return cache_lines(factors) + spread_scratch(plan_spread<T>(d, kSums), exec.threads);
}

template <class T>
void norm_grad(const PoolDesc& d, double power, const T* x, const T* y, const T* dy, T* dx,
               const Exec& exec, std::byte* scratch) noexcept {
  if (power != 1 && power != 2) return spread_norm(d, power, x, y, dy, dx, exec.threads);
  const index_t n = d.planes() * d.out_plane();
  T* factors = reinterpret_cast<T*>(scratch);
  norm_before(power, y, dy, factors, n, exec.threads);
  spread(d, kSums, plan_spread<T>(d, kSums), factors, dx, exec,
         scratch + cache_lines(n * index_t{sizeof(T)}));
  norm_behind(power, x, dx, d.planes() * d.in_plane(), exec.threads);
}

template SpreadPlan plan_spread<float>(const PoolDesc&, const Pooling&);
template SpreadPlan plan_spread<double>(const PoolDesc&, const Pooling&);
template void spread(const PoolDesc&, const Pooling&, const SpreadPlan&, const float*, float*,
                     const Exec&, std::byte*) noexcept;
template void spread(const PoolDesc&, const Pooling&, const SpreadPlan&, const double*, double*,
                     const Exec&, std::byte*) noexcept;
template index_t norm_grad_scratch<float>(const PoolDesc&, double, const Exec&);
template index_t norm_grad_scratch<double>(const PoolDesc&, double, const Exec&);
template void norm_grad(const PoolDesc&, double, const float*, const float*, const float*, float*,
                        const Exec&, std::byte*) noexcept;
template void norm_grad(const PoolDesc&, double, const double*, const double*, const double*,
                        double*, const Exec&, std::byte*) noexcept;

}  // namespace fastconv
