// SPDX-License-Identifier: MIT
#include "algorithms/pool_last.h"

#include "algorithms/pool_tasks.h"

namespace fastconv {
namespace {

constexpr index_t kRowBytes = 16384;   // a block's joined row: a third of the smallest L1
constexpr index_t kMostRow = 131072;   // the longest for a single window: a tenth of an L2
constexpr index_t kBlockWork = 65536;  // elements of a block

// What all threads read.
template <class T>
struct Tables {
  index_t* offsets;
  T* h_counts;
  T* w_counts;

  Tables(const PoolDesc& d, std::byte* base)
      : offsets(reinterpret_cast<index_t*>(base)),
        h_counts(reinterpret_cast<T*>(base + offsets_bytes(d))),
        w_counts(h_counts + d.h.out) {}

  static index_t offsets_bytes(const PoolDesc& d) {
    return cache_lines(d.w.kernel * index_t{sizeof(index_t)});
  }
  static index_t bytes(const PoolDesc& d) {
    return offsets_bytes(d) + cache_lines((d.h.out + d.w.out) * index_t{sizeof(T)});
  }
};

}  // namespace

template <class T>
PoolPlan plan_pool_last(const PoolDesc& d, const Pooling& pooling) {
  constexpr index_t kItem = sizeof(T);
  PoolPlan plan;
  plan.separable = plan_pool<T>(d, pooling).separable && pooling.op != PoolOp::powers &&
                   d.w.reach() <= kMostRow / kItem / d.channels;
  if (!plan.separable) return plan;
  const Axis& w = d.w;
  const index_t columns = kRowBytes / (kItem * d.channels);
  plan.ow_block = std::clamp<index_t>((columns - w.reach()) / w.stride, 1, w.out);
  const index_t pixels = plan.ow_block * w.stride * d.h.stride;
  plan.oh_block = std::clamp<index_t>(kBlockWork / (pixels * d.channels), 1, d.h.out);
  // Whole vectors of the last pixel are read.
  plan.line = (plan.ow_block - 1) * w.stride + w.reach();
  plan.row_size = plan.line * d.channels + kMostLanes;
  plan.shared_bytes = Tables<T>::bytes(d);
  plan.thread_bytes = cache_lines(plan.row_size * kItem);
  return plan;
}

template <class T>
void pool_last(const PoolDesc& d, const Pooling& pooling, const PoolPlan& plan, const T* x, T* y,
               const Exec& exec, const Scratch& scratch) noexcept {
  const Tables<T> tables(d, scratch.bytes());
  for (index_t t = 0; t < d.w.kernel; ++t) tables.offsets[t] = t * d.w.dilation * d.channels;
  if (pooling.average) {
    for (index_t o = 0; o < d.h.out; ++o) tables.h_counts[o] = static_cast<T>(pooling.rows(d, o));
    for (index_t o = 0; o < d.w.out; ++o)
      tables.w_counts[o] = static_cast<T>(pooling.columns(d, o));
  }
  const auto kernel = exec.kernels<T>().pool.pixels[static_cast<int>(pooling.op)];
  const index_t h_blocks = ceil_div(d.h.out, plan.oh_block);
  const index_t w_blocks = ceil_div(d.w.out, plan.ow_block);
  const double work = static_cast<double>(plan.oh_block * plan.ow_block) *
                      static_cast<double>(d.channels) *
                      static_cast<double>(d.h.kernel * d.w.stride + d.w.kernel);
  for_units(d.batch * h_blocks * w_blocks, work, exec.threads, [&](index_t u, int thread) {
    const index_t image = u / (h_blocks * w_blocks), block = u % (h_blocks * w_blocks);
    const index_t oh = block / w_blocks * plan.oh_block, ow = block % w_blocks * plan.ow_block;
    std::byte* mine = scratch.bytes() + plan.shared_bytes + thread * plan.thread_bytes;
    T* out = y + image * d.out_plane() * d.channels;
    kernel({.x = x + image * d.in_plane() * d.channels,
            .channels = d.channels,
            .h = {d.h.in, d.h.kernel, d.h.stride, d.h.dilation, d.h.lo},
            .w = {d.w.in, d.w.kernel, d.w.stride, d.w.dilation, d.w.lo},
            .oh0 = oh,
            .oh1 = std::min(oh + plan.oh_block, d.h.out),
            .ow0 = ow,
            .ow1 = std::min(ow + plan.ow_block, d.w.out),
            .row = reinterpret_cast<T*>(mine),
            .row_size = plan.row_size,
            .phase_step = 0,
            .phases = nullptr,
            .n_phases = 0,
            .line = plan.line,
            .offsets = tables.offsets,
            .h_counts = pooling.average ? tables.h_counts : nullptr,
            .w_counts = pooling.average ? tables.w_counts : nullptr,
            .y = out,
            .out_w = d.w.out});
    if (pooling.op != PoolOp::squares) return;
    const index_t columns = std::min(plan.ow_block, d.w.out - ow) * d.channels;
    for (index_t row = oh; row < std::min(oh + plan.oh_block, d.h.out); ++row)
      take_roots(pooling, out + (row * d.w.out + ow) * d.channels, columns);
  });
}

template PoolPlan plan_pool_last<float>(const PoolDesc&, const Pooling&);
template PoolPlan plan_pool_last<double>(const PoolDesc&, const Pooling&);
template void pool_last(const PoolDesc&, const Pooling&, const PoolPlan&, const float*, float*,
                        const Exec&, const Scratch&) noexcept;
template void pool_last(const PoolDesc&, const Pooling&, const PoolPlan&, const double*, double*,
                        const Exec&, const Scratch&) noexcept;

}  // namespace fastconv
