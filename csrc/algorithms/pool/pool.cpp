// SPDX-License-Identifier: MIT
// Pools of float32 and float64: blocks of windows at once where neighbours share work, one window
// after the other where they do not.
#include "algorithms/pool/pool.h"

#include <cmath>
#include <limits>

#include "algorithms/pool/pixels.h"
#include "algorithms/pool/tasks.h"

namespace fastconv {
namespace {

constexpr index_t kRowBytes = 16384;  // a block's joined row: a third of the smallest L1
constexpr index_t kMostReach = 4096;  // beyond, a joined row of one window leaves the L1
constexpr index_t kMostTaps = 1024;   // beyond, plain float32 sums lose digits
constexpr index_t kSmallPlane = 1024;
constexpr index_t kMostWhole = 16384;  // elements: 1024 additions each in 4 chains of 4 lanes
constexpr index_t kBlockWork = 65536;  // elements of a block
constexpr index_t kMostPowered = index_t{1} << 20;  // bytes of a plane of powers: half of an L2

// It decides how sums are rounded, so it must not see the threads.
bool is_separable(const PoolDesc& d, const Pooling& pooling, index_t item) {
  if (d.planes() == 0 || d.h.kernel == 0 || d.w.kernel == 0) return false;
  if (d.w.reach() > kMostReach || std::max(d.h.kernel, d.w.kernel) > kMostTaps ||
      d.h.kernel * d.w.kernel > kMostTaps)
    return false;
  // Where most columns belong to no window, a joined row is mostly waste.
  if (d.w.stride > std::min(4 * d.w.reach(), kMostReach)) return false;
  if (d.w.out == 1 && d.w.kernel * d.h.kernel >= kMostLanes) return false;
  return pooling.op != PoolOp::powers || d.in_plane() <= kMostPowered / item;
}

// Whether to turn planes into pixels: where rows are short, or windows alike to no vector of
// columns.
bool prefers_pixels(const PoolDesc& d) {
  if (d.planes() < kLeastPlanes) return false;
  const PixelWindows h{d.h, false}, w{d.w, false};
  return d.in_plane() <= kSmallPlane || d.w.kernel == 0 || d.h.kernel == 0 || d.w.stride > 2 ||
         h.long_window() > 0 || w.long_window() > 0;
}

// The parts of the scratch that all threads share.
template <class T>
struct Shared {
  index_t* offsets;
  index_t* phases;
  T* h_counts;
  T* w_counts;
  index_t bytes = 0;

  // Without a `base` it only counts the bytes.
  Shared(const PoolDesc& d, const Pooling& pooling, std::byte* base) {
    const auto take = [&]<class E>(E*& array, index_t n) {
      array = base ? reinterpret_cast<E*>(base + bytes) : nullptr;
      bytes += cache_lines(n * static_cast<index_t>(sizeof(E)));
    };
    take(offsets, d.w.kernel);
    take(phases, d.w.kernel);
    take(h_counts, pooling.average ? d.h.out : 0);
    take(w_counts, pooling.average ? d.w.out : 0);
  }
};

// Where tap `t` finds its column in the joined row; new phases are appended to `phases`.
index_t tap_offset(const PoolDesc& d, const PoolPlan& plan, index_t t, index_t* phases,
                   index_t& n_phases) {
  const index_t column = t * d.w.dilation, stride = d.w.stride;
  if (stride == 1) return column;
  if (stride == 2) return column % 2 * plan.phase_step + column / 2;
  index_t slot = 0;
  while (slot < n_phases && phases[slot] != column % stride) ++slot;
  if (slot == n_phases) phases[n_phases++] = column % stride;
  return plan.line + slot * plan.phase_step + column / stride;
}

template <class T>
void pool_blocks(const PoolDesc& d, const Pooling& pooling, const PoolPlan& plan, const T* x, T* y,
                 const Exec& exec, std::byte* scratch) noexcept {
  const Shared<T> shared(d, pooling, scratch);
  index_t n_phases = 0;
  for (index_t t = 0; t < d.w.kernel; ++t)
    shared.offsets[t] = tap_offset(d, plan, t, shared.phases, n_phases);
  if (pooling.average) {
    for (index_t o = 0; o < d.h.out; ++o) shared.h_counts[o] = static_cast<T>(pooling.rows(d, o));
    for (index_t o = 0; o < d.w.out; ++o)
      shared.w_counts[o] = static_cast<T>(pooling.columns(d, o));
  }
  const bool powers = pooling.op == PoolOp::powers;
  const auto op = static_cast<int>(powers ? PoolOp::sum : pooling.op);
  const auto kernel = exec.kernels<T>().pool.block[op];
  const index_t h_blocks = ceil_div(d.h.out, plan.oh_block);
  const index_t w_blocks = ceil_div(d.w.out, plan.ow_block);
  const index_t row_bytes = cache_lines(plan.row_size * static_cast<index_t>(sizeof(T)));
  const double work = static_cast<double>(plan.oh_block) * static_cast<double>(plan.ow_block) *
                      static_cast<double>(d.h.kernel * d.w.stride + d.w.kernel);
  for_units(d.planes() * h_blocks * w_blocks, work, exec.threads, [&](index_t u, int thread) {
    const index_t plane = u / (h_blocks * w_blocks), block = u % (h_blocks * w_blocks);
    const index_t oh = block / w_blocks * plan.oh_block, ow = block % w_blocks * plan.ow_block;
    std::byte* mine = scratch + plan.shared_bytes + thread * plan.thread_bytes;
    PoolArgs<T> args{.x = x + plane * d.in_plane(),
                     .h = {d.h.in, d.h.kernel, d.h.stride, d.h.dilation, d.h.lo},
                     .w = {d.w.in, d.w.kernel, d.w.stride, d.w.dilation, d.w.lo},
                     .oh0 = oh,
                     .oh1 = std::min(oh + plan.oh_block, d.h.out),
                     .ow0 = ow,
                     .ow1 = std::min(ow + plan.ow_block, d.w.out),
                     .row = reinterpret_cast<T*>(mine),
                     .row_size = plan.row_size,
                     .phase_step = plan.phase_step,
                     .phases = shared.phases,
                     .n_phases = n_phases,
                     .line = plan.line,
                     .offsets = shared.offsets,
                     .h_counts = pooling.average ? shared.h_counts : nullptr,
                     .w_counts = pooling.average ? shared.w_counts : nullptr,
                     .y = y + plane * d.out_plane(),
                     .out_w = d.w.out};
    if (powers) {
      T* powered = reinterpret_cast<T*>(mine + row_bytes);
      const T exponent = static_cast<T>(pooling.power);
      for (index_t i = 0; i < d.in_plane(); ++i)
        powered[i] = std::pow(std::abs(args.x[i]), exponent);
      args.x = powered;
    }
    kernel(args);
    if (powers || pooling.op == PoolOp::squares)
      for (index_t row = args.oh0; row < args.oh1; ++row)
        take_roots(pooling, args.y + row * d.w.out + ow, args.ow1 - ow);
  });
}

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

template <class T>
void pool_windows(const PoolDesc& d, const Pooling& pooling, const T* x, T* y,
                  const Exec& exec) noexcept {
  const double work = usual_taps(d) * static_cast<double>(d.w.out);
  for_units(d.planes() * d.h.out, work, exec.threads, [&](index_t u, int) {
    const index_t plane = u / d.h.out, oh = u % d.h.out;
    const Span h = span_of(d.h, oh);
    const double rows = pooling.average ? pooling.rows(d, oh) : 1;
    T* row = y + plane * d.out_plane() + oh * d.w.out;
    for (index_t ow = 0; ow < d.w.out; ++ow) {
      const auto window = window_at(d, x + plane * d.in_plane(), h, span_of(d.w, ow));
      const double divisor = pooling.average ? rows * pooling.columns(d, ow) : 1;
      row[ow] = pooled(window, pooling, divisor, exec.kernels<T>());
    }
  });
}

// Each plane is one window.
template <class T>
void pool_planes(const PoolDesc& d, const Pooling& pooling, const T* x, T* y,
                 const Exec& exec) noexcept {
  const auto kernel = exec.kernels<T>().pool.planes[static_cast<int>(pooling.op)];
  const auto divisor =
      static_cast<T>(pooling.average ? pooling.rows(d, 0) * pooling.columns(d, 0) : 1);
  const index_t n = d.in_plane(), groups = ceil_div(d.planes(), kMostLanes);
  for_units(groups, static_cast<double>(n * kMostLanes), exec.threads, [&](index_t u, int) {
    const index_t first = u * kMostLanes, rows = std::min(kMostLanes, d.planes() - first);
    kernel(x + first * n, n, rows, y + first);
    if (pooling.average)
      for (index_t i = first; i < first + rows; ++i) y[i] /= divisor;
    take_roots(pooling, y + first, rows);
  });
}

}  // namespace

template <class T>
PoolPlan plan_pool(const PoolDesc& d, const Pooling& pooling) {
  constexpr auto kItem = static_cast<index_t>(sizeof(T));
  PoolPlan plan;
  plan.whole = is_whole(d) && d.in_plane() >= kMostLanes && d.in_plane() <= kMostWhole &&
               pooling.op != PoolOp::powers;
  if (plan.whole) return plan;
  if (prefers_pixels(d)) plan.pixels = plan_pixels<T>(d, pooling, PixelUse::values, false);
  if (plan.pixels.fits) return plan;
  plan.separable = is_separable(d, pooling, kItem);
  if (!plan.separable) return plan;
  const Axis& w = d.w;
  const index_t fitting = (kRowBytes / kItem - w.reach()) / w.stride;
  plan.ow_block = std::min(w.out, std::max(fitting, 4 * kMostLanes));
  plan.oh_block =
      std::clamp<index_t>(kBlockWork / (plan.ow_block * w.stride * d.h.stride), 1, d.h.out);
  if (pooling.op == PoolOp::powers) plan.ow_block = w.out, plan.oh_block = d.h.out;
  plan.line = (plan.ow_block - 1) * w.stride + w.reach();
  plan.phase_step = plan.ow_block + (w.reach() - 1) / w.stride + kMostLanes;
  plan.n_phases = std::min(w.kernel, w.stride);
  plan.row_size = w.stride == 1   ? plan.line + kMostLanes
                  : w.stride == 2 ? 2 * plan.phase_step
                                  : plan.line + plan.n_phases * plan.phase_step;
  plan.shared_bytes = Shared<T>(d, pooling, nullptr).bytes;
  plan.thread_bytes = cache_lines(plan.row_size * kItem);
  if (pooling.op == PoolOp::powers) plan.thread_bytes += cache_lines(d.in_plane() * kItem);
  return plan;
}

template <class T>
void pool(const PoolDesc& d, const Pooling& pooling, const PoolPlan& plan, const T* x, T* y,
          const Exec& exec, std::byte* scratch) noexcept {
  if (plan.whole)
    pool_planes(d, pooling, x, y, exec);
  else if (plan.pixels.fits)
    pool_pixels(d, pooling, plan.pixels, x, y, exec, scratch);
  else if (plan.separable)
    pool_blocks(d, pooling, plan, x, y, exec, scratch);
  else
    pool_windows(d, pooling, x, y, exec);
}

template PoolPlan plan_pool<float>(const PoolDesc&, const Pooling&);
template PoolPlan plan_pool<double>(const PoolDesc&, const Pooling&);
template void pool(const PoolDesc&, const Pooling&, const PoolPlan&, const float*, float*,
                   const Exec&, std::byte*) noexcept;
template void pool(const PoolDesc&, const Pooling&, const PoolPlan&, const double*, double*,
                   const Exec&, std::byte*) noexcept;

}  // namespace fastconv
