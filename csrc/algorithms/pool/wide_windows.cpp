// SPDX-License-Identifier: MIT
#include "algorithms/pool/wide_windows.h"

#include <limits>

#include "algorithms/pool/costs.h"
#include "algorithms/pool/lane_tables.h"
#include "algorithms/pool/tasks.h"
#include "core/memory.h"

namespace fastconv::pool {
namespace {

// A call joins a window, about 20 cycles. Windows of up to 16 columns are joined faster with lanes
// along channels: 256 planes of 48x48 by 12x12 take 83 us so, and 208 by this. Of 17 columns and
// more it takes a sixth to two thirds of the time.
constexpr index_t kLeastWidth = 17;
// Adaptive windows of several lengths take a call each, and 140 cycles (16 planes of 28x129 to
// 28x7: 118 us; 10 with lanes along channels).
constexpr index_t kLeastUneven = 96;
constexpr index_t kBlockElements = 16384;  // of joined rows: they stay in L2
constexpr index_t kMostRows = 1024;        // beyond, plain float32 sums lose digits
constexpr index_t kMostWidth = 16384;      // of a window: 1024 additions in each lane

const char* refusal_of(const Problem& problem) {
  const PoolDesc& d = problem.d;
  if (d.planes() == 0 || d.out_plane() == 0) return "there is no window";
  if (problem.pooling.op == PoolOp::powers) return "powers are taken element by element";
  if (d.w.dilation != 1) return "the columns of a window are not neighbours";
  if (has_empty_window(d.h) || has_empty_window(d.w)) return "some window is empty";
  const auto longest = [](const Axis& axis) {
    return std::min(axis.kernel > 0 ? axis.kernel : axis.in, axis.in);
  };
  if (longest(d.h) > kMostRows || longest(d.w) > kMostWidth)
    return "sums over such a window would lose digits";
  return nullptr;
}

// What joins two elements that are each a join already.
PoolOp second(PoolOp op) {
  return op == PoolOp::squares || op == PoolOp::abs_sum ? PoolOp::sum : op;
}

// The element that changes nothing.
template <class T>
T neutral(PoolOp op) {
  constexpr T kInfinity = std::numeric_limits<T>::infinity();
  return op == PoolOp::max ? -kInfinity : op == PoolOp::min ? kInfinity : T{0};
}

// One plane's block of rows of results.
template <class T>
struct RowJoiner {
  const Problem& problem;
  const PoolKernels<T>& kernels;
  const WideWindows<T>& layout;
  const LaneTables<T>&h, &w;
  T* joined;  // rows of the plane's width
  T* row;     // what the kernel of rows needs

  void join_rows(const T* x, index_t oh, index_t n) const {
    constexpr Span kOnly{0, 1};
    const Axis& axis = problem.d.h;
    const index_t width = problem.d.w.in;
    const Span held = hull(h.taps + oh, n, axis.dilation);
    kernels.pixels[static_cast<int>(problem.pooling.op)](
        {.x = x + held.at * width,
         .x_row = width,
         .channels = width,
         .h = {h.taps + oh, n, axis.dilation, held.at, held.count, 0, 0, 0},
         .w = {&kOnly, 1, 1, 0, 1, 0, 0, 0},
         .row = row,
         .row_size = layout.row_size,
         .ends = nullptr,
         .h_counts = nullptr,
         .w_counts = nullptr,
         .y = joined,
         .y_row = width,
         .places = nullptr,
         .places_row = 0,
         .in_w = width});
  }

  // The windows of one joined row. Windows of one length that lie end to end are joined by one
  // call; a window that is shorter than a vector is filled up.
  void join_windows(const T* from, T* to) const {
    const PoolOp op = second(problem.pooling.op);
    const auto join = kernels.planes[static_cast<int>(op)];
    const Span* spans = w.taps;
    const index_t n = problem.d.w.out;
    for (index_t o = 0; o < n;) {
      const Span first = spans[o];
      if (first.count < kMostLanes) {
        T filled[kMostLanes];
        std::fill_n(std::copy_n(from + first.at, first.count, filled), kMostLanes - first.count,
                    neutral<T>(op));
        join(filled, kMostLanes, 1, to + o++);
        continue;
      }
      index_t run = 1;
      while (o + run < n && spans[o + run].count == first.count &&
             spans[o + run].at == first.at + run * first.count)
        ++run;
      join(from + first.at, first.count, run, to + o);
      o += run;
    }
  }
};

}  // namespace

template <class T>
bool WideWindows<T>::suits(const Problem& problem) {
  const PoolDesc& d = problem.d;
  const PlaneCounts n(d);
  const double width = d.w.kernel > 0 ? n.kernel_w : n.in_w / std::max(n.out_w, 1.0);
  const double height = d.h.kernel > 0 ? n.kernel_h : n.in_h / std::max(n.out_h, 1.0);
  // Every element once, or little more; and none of many columns that no window holds.
  constexpr double kMostOverlap = 1.5, kLeastHeld = 0.5;
  const double held_w = width * n.out_w / n.in_w, held_h = height * n.out_h / n.in_h;
  const bool uneven = d.w.kernel == 0 && d.w.out > 0 && d.w.in % d.w.out != 0;
  return width >= double(uneven ? kLeastUneven : kLeastWidth) && held_w <= kMostOverlap &&
         held_h <= kMostOverlap && held_w >= kLeastHeld;
}

template <class T>
WideWindows<T> WideWindows<T>::prepare(const Problem& problem) {
  constexpr auto kItem = static_cast<index_t>(sizeof(T));
  const PoolDesc& d = problem.d;
  WideWindows layout{.refusal = refusal_of(problem)};
  if (layout.refusal != nullptr) return layout;
  layout.oh_block = std::clamp(kBlockElements / d.w.in, index_t{1}, d.h.out);
  layout.row_size = d.w.in + kMostLanes;
  layout.joined_rows = layout.oh_block * d.w.in + kMostLanes;
  const LaneWindows h{d.h, false}, w{d.w, false};
  layout.shared_bytes =
      LaneTables<T>(h, layout.oh_block, nullptr).bytes + LaneTables<T>(w, d.w.out, nullptr).bytes;
  layout.thread_bytes = cache_lines((layout.row_size + layout.joined_rows) * kItem);
  return layout;
}

template <class T>
void WideWindows<T>::run(const Problem& problem, const Arrays<T>& arrays, const Exec& exec,
                         std::byte* scratch) const noexcept {
  const PoolDesc& d = problem.d;
  const Pooling& pooling = problem.pooling;
  const LaneTables<T> h({d.h, false}, oh_block, scratch);
  const LaneTables<T> w({d.w, false}, d.w.out, scratch + h.bytes);
  if (pooling.average) {
    for (index_t o = 0; o < d.h.out; ++o) h.counts[o] = static_cast<T>(pooling.rows(d, o));
    for (index_t o = 0; o < d.w.out; ++o) w.counts[o] = static_cast<T>(pooling.columns(d, o));
  }
  const auto& kernels = exec.kernels<T>().pool;
  const index_t blocks = ceil_div(d.h.out, oh_block);
  const double work = static_cast<double>(d.in_plane()) / static_cast<double>(blocks);
  for_units(d.planes() * blocks, work, exec.threads, [&](index_t u, int thread) {
    const index_t plane = u / blocks, oh = u % blocks * oh_block;
    const index_t n = std::min(oh_block, d.h.out - oh);
    T* row = reinterpret_cast<T*>(scratch + shared_bytes + thread * thread_bytes);
    T* joined = row + row_size;
    const RowJoiner<T> joiner{problem, kernels, *this, h, w, joined, row};
    joiner.join_rows(arrays.from + plane_at(d, plane, d.in_plane(), arrays.from_image), oh, n);
    T* y = arrays.to + plane_at(d, plane, d.out_plane(), arrays.to_image) + oh * d.w.out;
    for (index_t i = 0; i < n; ++i, y += d.w.out) {
      joiner.join_windows(joined + i * d.w.in, y);
      if (pooling.average) kernels.divide(y, d.w.out, h.counts[oh + i], w.counts);
      take_roots(exec, pooling, y, d.w.out);
    }
  });
}

template struct WideWindows<float>;
template struct WideWindows<double>;

}  // namespace fastconv::pool
