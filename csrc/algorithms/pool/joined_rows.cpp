// SPDX-License-Identifier: MIT
#include "algorithms/pool/joined_rows.h"

#include "algorithms/pool/costs.h"
#include "algorithms/pool/tasks.h"
#include "core/memory.h"

namespace fastconv::pool {
namespace {

constexpr index_t kRowBytes = 16384;   // a block's joined row: a third of the smallest L1
constexpr index_t kMostReach = 4096;   // beyond, a joined row of one window leaves the L1
constexpr index_t kMostTaps = 1024;    // beyond, plain float32 sums lose digits
constexpr index_t kBlockWork = 65536;  // elements of a block
constexpr index_t kMostPowered = index_t{1} << 20;  // bytes of a plane of powers: half of an L2

const char* refusal_of(const Problem& problem, index_t item) {
  const PoolDesc& d = problem.d;
  if (d.planes() == 0) return "there is no plane";
  if (d.h.kernel == 0 || d.w.kernel == 0) return "the windows are adaptive";
  if (d.w.reach() > kMostReach || d.w.stride > kMostReach) return "a window's row is too long";
  if (std::max(d.h.kernel, d.w.kernel) > kMostTaps || d.h.kernel * d.w.kernel > kMostTaps)
    return "sums over such a window would lose digits";
  if (problem.pooling.op == PoolOp::powers && d.in_plane() > kMostPowered / item)
    return "a plane of powers is too large";
  return nullptr;
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
template <class T>
index_t tap_offset(const PoolDesc& d, const JoinedRows<T>& layout, index_t t, index_t* phases,
                   index_t& n_phases) {
  const index_t column = t * d.w.dilation, stride = d.w.stride;
  if (stride == 1) return column;
  if (stride == 2) return column % 2 * layout.phase_step + column / 2;
  index_t slot = 0;
  while (slot < n_phases && phases[slot] != column % stride) ++slot;
  if (slot == n_phases) phases[n_phases++] = column % stride;
  return layout.line + slot * layout.phase_step + column / stride;
}

// Fills what all threads share; returns the number of phases.
template <class T>
index_t fill(const Shared<T>& shared, const Problem& problem, const JoinedRows<T>& layout) {
  const PoolDesc& d = problem.d;
  index_t n_phases = 0;
  for (index_t t = 0; t < d.w.kernel; ++t)
    shared.offsets[t] = tap_offset(d, layout, t, shared.phases, n_phases);
  if (problem.pooling.average) {
    for (index_t o = 0; o < d.h.out; ++o)
      shared.h_counts[o] = static_cast<T>(problem.pooling.rows(d, o));
    for (index_t o = 0; o < d.w.out; ++o)
      shared.w_counts[o] = static_cast<T>(problem.pooling.columns(d, o));
  }
  return n_phases;
}

}  // namespace

template <class T>
bool JoinedRows<T>::suits(const Problem& problem) {
  const PoolDesc& d = problem.d;
  // Where most columns belong to no window, a joined row is mostly waste.
  if (d.w.stride > 4 * d.w.reach()) return false;
  if (d.w.out == 1 && d.w.kernel * d.h.kernel >= kMostLanes) return false;
  return cost_by_rows(d) <= cost_of_sliding(d);
}

template <class T>
JoinedRows<T> JoinedRows<T>::prepare(const Problem& problem) {
  constexpr auto kItem = static_cast<index_t>(sizeof(T));
  const PoolDesc& d = problem.d;
  const Pooling& pooling = problem.pooling;
  JoinedRows layout{.refusal = refusal_of(problem, kItem)};
  if (layout.refusal != nullptr) return layout;
  const Axis& w = d.w;
  const index_t fitting = (kRowBytes / kItem - w.reach()) / w.stride;
  layout.ow_block = std::min(w.out, std::max(fitting, 4 * kMostLanes));
  layout.oh_block =
      std::clamp<index_t>(kBlockWork / (layout.ow_block * w.stride * d.h.stride), 1, d.h.out);
  if (pooling.op == PoolOp::powers) layout.ow_block = w.out, layout.oh_block = d.h.out;
  layout.line = (layout.ow_block - 1) * w.stride + w.reach();
  layout.phase_step = layout.ow_block + (w.reach() - 1) / w.stride + kMostLanes;
  layout.n_phases = std::min(w.kernel, w.stride);
  layout.row_size = w.stride == 1   ? layout.line + kMostLanes
                    : w.stride == 2 ? 2 * layout.phase_step
                                    : layout.line + layout.n_phases * layout.phase_step;
  layout.shared_bytes = Shared<T>(d, pooling, nullptr).bytes;
  layout.thread_bytes = cache_lines(layout.row_size * kItem);
  if (pooling.op == PoolOp::powers) layout.thread_bytes += cache_lines(d.in_plane() * kItem);
  return layout;
}

template <class T>
void JoinedRows<T>::run(const Problem& problem, const Arrays<T>& arrays, const Exec& exec,
                        std::byte* scratch) const noexcept {
  const PoolDesc& d = problem.d;
  const Pooling& pooling = problem.pooling;
  const Shared<T> shared(d, pooling, scratch);
  const index_t phases = fill(shared, problem, *this);
  const bool powers = pooling.op == PoolOp::powers;
  const auto op = static_cast<int>(powers ? PoolOp::sum : pooling.op);
  const auto kernel = exec.kernels<T>().pool.block[op];
  const index_t h_blocks = ceil_div(d.h.out, oh_block), w_blocks = ceil_div(d.w.out, ow_block);
  const index_t row_bytes = cache_lines(row_size * static_cast<index_t>(sizeof(T)));
  const double work = static_cast<double>(oh_block) * static_cast<double>(ow_block) *
                      static_cast<double>(d.h.kernel * d.w.stride + d.w.kernel);
  for_units(d.planes() * h_blocks * w_blocks, work, exec.threads, [&](index_t u, int thread) {
    const index_t plane = u / (h_blocks * w_blocks), block = u % (h_blocks * w_blocks);
    const index_t oh = block / w_blocks * oh_block, ow = block % w_blocks * ow_block;
    std::byte* mine = scratch + shared_bytes + thread * thread_bytes;
    PoolArgs<T> args{.x = arrays.from + plane_at(d, plane, d.in_plane(), arrays.from_image),
                     .h = {d.h.in, d.h.kernel, d.h.stride, d.h.dilation, d.h.lo},
                     .w = {d.w.in, d.w.kernel, d.w.stride, d.w.dilation, d.w.lo},
                     .oh0 = oh,
                     .oh1 = std::min(oh + oh_block, d.h.out),
                     .ow0 = ow,
                     .ow1 = std::min(ow + ow_block, d.w.out),
                     .row = reinterpret_cast<T*>(mine),
                     .row_size = row_size,
                     .phase_step = phase_step,
                     .phases = shared.phases,
                     .n_phases = phases,
                     .line = line,
                     .offsets = shared.offsets,
                     .h_counts = pooling.average ? shared.h_counts : nullptr,
                     .w_counts = pooling.average ? shared.w_counts : nullptr,
                     .y = arrays.to + plane_at(d, plane, d.out_plane(), arrays.to_image),
                     .out_w = d.w.out};
    if (powers) {
      T* powered = reinterpret_cast<T*>(mine + row_bytes);
      exec.kernels<T>().pool.take(pooling.op, pooling.power, args.x, d.in_plane(), powered);
      args.x = powered;
    }
    kernel(args);
    if (powers || pooling.op == PoolOp::squares)
      for (index_t row = args.oh0; row < args.oh1; ++row)
        take_roots(exec, pooling, args.y + row * d.w.out + ow, args.ow1 - ow);
  });
}

template struct JoinedRows<float>;
template struct JoinedRows<double>;

}  // namespace fastconv::pool
