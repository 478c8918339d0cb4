// SPDX-License-Identifier: MIT
#include "algorithms/pool/channel_lanes.h"

#include "algorithms/pool/lane_block.h"
#include "algorithms/pool/tasks.h"

namespace fastconv::pool {
namespace {

// Block `b` along an axis.
template <class T>
PixelAxis axis_of(const LaneWindows& w, const LaneTables<T>& tables, index_t b, index_t block) {
  const index_t o = b * block;
  const index_t start =
      w.gradient ? o + w.axis.lo - w.axis.kernel + 1 : o * w.axis.stride - w.axis.lo;
  return {.taps = tables.taps + o,
          .n = std::min(block, w.out() - o),
          .step = w.step(),
          .first = tables.hulls[b].at,
          .size = tables.hulls[b].count,
          .long_window = w.long_window(),
          .stride = w.gradient ? 1 : w.axis.stride,
          .start = start};
}

template <class T>
auto kernel_of(const Problem& problem, const PoolKernels<T>& kernels) {
  if (problem.use == Use::indices) return kernels.places[problem.pooling.op == PoolOp::min];
  // Powers are taken while the block is packed.
  const PoolOp op = problem.pooling.op;
  return kernels.pixels[static_cast<int>(op == PoolOp::powers ? PoolOp::sum : op)];
}

// The block of outputs (b, c) of a group, with what its kernel reads and writes in one thread's
// memory.
template <class T>
LaneBlock<T> block_at(const LaneCall<T>& call, const ChannelLanes<T>& layout, index_t group,
                      index_t b, index_t c, T* memory) {
  T* rows = memory + layout.region;
  T* ends = rows + layout.rows;
  T* results = ends + layout.ends;
  LaneBlock<T> block{.call = call,
                     .group = group,
                     .oh = b * layout.oh_block,
                     .ow = c * layout.ow_block,
                     .args = {},
                     .region = memory,
                     .y = results,
                     .places = results + layout.outputs};
  const bool divides = call.problem.use == Use::values && call.problem.pooling.average;
  PixelArgs<T>& args = block.args;
  args.h = axis_of(call.windows_h, call.h, b, layout.oh_block);
  args.w = axis_of(call.windows_w, call.w, c, layout.ow_block);
  args.channels = call.channels;
  args.row = rows;
  args.row_size = layout.row_size;
  args.ends = ends;
  args.h_counts = divides ? call.h.counts + block.oh : nullptr;
  args.w_counts = divides ? call.w.counts + block.ow : nullptr;
  args.y = results;
  args.y_row = args.places_row = args.w.n * call.channels;
  if (call.pixels() && call.arrays.to_pixel == 0) {  // results are written where they belong
    args.y_row = call.out_w() * call.channels;
    args.y = call.arrays.to + group * call.out_plane() * call.channels + block.oh * args.y_row +
             block.ow * call.channels;
  }
  args.places = block.places;
  args.in_w = call.in_w();
  return block;
}

}  // namespace

template <class T>
void ChannelLanes<T>::run(const Problem& problem, const Arrays<T>& arrays, const Exec& exec,
                          std::byte* scratch) const noexcept {
  const PoolDesc& d = problem.d;
  const Pooling& pooling = problem.pooling;
  const bool gradient = problem.use == Use::sum_grad, pixels = problem.layout == Layout::pixels;
  const LaneWindows windows_h{d.h, gradient}, windows_w{d.w, gradient};
  const LaneTables<T> h(windows_h, oh_block, scratch);
  const LaneTables<T> w(windows_w, ow_block, scratch + h.bytes);
  if (pooling.average) {
    for (index_t o = 0; o < d.h.out; ++o) h.counts[o] = static_cast<T>(pooling.rows(d, o));
    for (index_t o = 0; o < d.w.out; ++o) w.counts[o] = static_cast<T>(pooling.columns(d, o));
  }
  const LaneCall<T> call{.problem = problem,
                         .arrays = arrays,
                         .exec = exec,
                         .kernels = exec.kernels<T>(),
                         .windows_h = windows_h,
                         .windows_w = windows_w,
                         .h = h,
                         .w = w,
                         .planes = PlaneGroups(d, arrays.planes_apart(), kPlanes),
                         .channels = pixels ? d.channels : kPlanes};
  const index_t w_blocks = ceil_div(windows_w.out(), ow_block);
  const index_t blocks = ceil_div(windows_h.out(), oh_block) * w_blocks;
  const index_t groups = pixels ? d.batch : call.planes.count();
  const auto kernel = kernel_of(problem, exec.kernels<T>().pool);
  for_units(groups * blocks, work, exec.threads, [&](index_t u, int thread) {
    T* memory = reinterpret_cast<T*>(scratch + shared_bytes + thread * thread_bytes);
    auto block = block_at(call, *this, u / blocks, u % blocks / w_blocks, u % w_blocks, memory);
    block.read();
    kernel(block.args);
    block.write();
  });
}

template void ChannelLanes<float>::run(const Problem&, const Arrays<float>&, const Exec&,
                                       std::byte*) const noexcept;
template void ChannelLanes<double>::run(const Problem&, const Arrays<double>&, const Exec&,
                                        std::byte*) const noexcept;

}  // namespace fastconv::pool
