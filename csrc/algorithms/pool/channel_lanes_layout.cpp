// SPDX-License-Identifier: MIT
// When the lanes are channels, and how large the blocks are.
#include "algorithms/pool/channel_lanes.h"
#include "algorithms/pool/costs.h"
#include "algorithms/pool/lane_tables.h"

namespace fastconv::pool {
namespace {

constexpr index_t kBlockBytes = 65536;    // of a block's input: with its results, in any L2
constexpr index_t kMostBytes = 1 << 22;   // of one thread's scratch; beyond, others do it
constexpr index_t kMostTerms = 1024;      // of a sum along an axis; beyond, float32 loses digits
constexpr index_t kMostExtent = 1 << 30;  // products of two lengths do not overflow
constexpr double kMostOverlap = 4;        // times that an element is read, by the blocks it is in
constexpr index_t kMostJoins = 24;     // for an element along an axis; sliding windows take as long
constexpr index_t kLeastPlanes = 8;    // fewer leave too many lanes empty
constexpr index_t kSmallPlane = 1024;  // elements: rows are too short for vectors along them
// Of 512x512, 3x3 s2, a gradient: 16 lanes 1.5 ms, by rows 0.4 a plane.
constexpr index_t kLeastGradientPlanes = 3;
// Of 256x256 at stride 1 four planes take 0.96 ms, whatever the window; sliding 0.10 to 0.29.
constexpr index_t kLeastDensePlanes = 12;
constexpr index_t kLeastPlacedPlanes = 6;  // four: 1.3 ms; sliding 0.55 to 1.1

bool is_extreme(PoolOp op) {
  return op == PoolOp::max || op == PoolOp::min || op == PoolOp::abs_max;
}

// Why the windows cannot be joined in lanes, whatever the blocks.
const char* refusal_of(const Problem& problem, const LaneWindows& h, const LaneWindows& w,
                       index_t exact_places) {
  const PoolDesc& d = problem.d;
  if (d.planes() == 0 || h.in() == 0 || w.in() == 0 || h.out() == 0 || w.out() == 0)
    return "there is nothing to compute";
  if (std::max({h.in(), w.in(), h.out(), w.out()}) > kMostExtent) return "an axis is too long";
  if (!is_extreme(problem.pooling.op) && std::max(h.longest(), w.longest()) > kMostTerms)
    return "sums over such a window would lose digits";
  if (problem.use == Use::indices && d.in_plane() > exact_places)
    return "places in so large a plane are no exact numbers of this dtype";
  return nullptr;
}

// `n` halved until n windows reach over at most `most` elements, if one does.
index_t fitting(const LaneWindows& windows, index_t n, index_t most) {
  while (n > 1 && windows.reach(n) > most) n = ceil_div(n, 2);
  return n;
}

}  // namespace

template <class T>
bool ChannelLanes<T>::suits(const Problem& problem) {
  const PoolDesc& d = problem.d;
  if (problem.layout == Layout::pixels) return true;
  if (problem.use == Use::indices)
    return d.planes() >= kLeastPlacedPlanes || d.h.kernel == 0 || d.w.kernel == 0 ||
           cycles_of_places_in_lanes(d) < cycles_of_sliding_places(d);
  if (problem.use == Use::sum_grad) {
    const bool dense = d.w.stride == 1 && d.in_plane() > kSmallPlane;
    return d.planes() >= (dense ? kLeastDensePlanes : kLeastGradientPlanes);
  }
  // Transposing pays where the rows of a plane are too short for vectors, where neighbouring
  // windows are not alike (adaptive ones) or lie far apart, and where windows are joined as long
  // ones.
  if (d.planes() < kLeastPlanes) return false;
  if (windows_are_elements(d) && d.in_plane() == d.out_plane()) return false;  // a copy
  if (d.w.kernel == 0 || d.h.kernel == 0 || LaneWindows{d.h, false}.long_window() > 0 ||
      LaneWindows{d.w, false}.long_window() > 0)
    return true;
  return (d.in_plane() <= kSmallPlane || d.w.stride > 2) && cycles_in_lanes(d) < cycles_by_rows(d);
}

template <class T>
ChannelLanes<T> ChannelLanes<T>::prepare(const Problem& problem) {
  constexpr auto kItem = static_cast<index_t>(sizeof(T));
  constexpr index_t kExactPlaces = sizeof(T) == 4 ? index_t{1} << 24 : index_t{1} << 53;
  const bool gradient = problem.use == Use::sum_grad, places = problem.use == Use::indices;
  const bool pixels = problem.layout == Layout::pixels;
  const LaneWindows h{problem.d.h, gradient}, w{problem.d.w, gradient};
  ChannelLanes layout{.refusal = refusal_of(problem, h, w, kExactPlaces)};
  if (layout.refusal != nullptr) return layout;
  // Whole rows if a few of them fit, then as many rows as do.
  const index_t pixel = pixels ? problem.d.channels : kPlanes;
  const index_t most = kBlockBytes / (kItem * pixel);
  layout.ow_block = fitting(w, w.out(), most / h.reach(1));
  const index_t columns = w.reach(layout.ow_block);
  layout.oh_block = fitting(h, h.out(), most / columns);
  const index_t rows = h.reach(layout.oh_block), outputs = layout.oh_block * layout.ow_block;
  // Blocks that hold little more than one long window would read it all for a few outputs: planes
  // then, at 512@20 13x13 (2.9 ms by such blocks, 0.2 on planes).
  if (pixels && h.long_window() + w.long_window() > 0 && outputs < h.out() * w.out())
    layout.refusal = "a block would hold little more than one long window";
  // What a block reads is to be little more than what it reads for the first time.
  const double blocks = static_cast<double>(ceil_div(h.out(), layout.oh_block)) *
                        static_cast<double>(ceil_div(w.out(), layout.ow_block));
  if (blocks * static_cast<double>(rows * columns) >
      kMostOverlap * static_cast<double>(h.in()) * static_cast<double>(w.in()))
    layout.refusal = "a block would hold little more than one window";
  if (problem.d.h.kernel > 0 && problem.d.w.kernel > 0 &&
      std::max(h.joins(places), w.joins(places)) > kMostJoins)
    layout.refusal = "a window has too many elements that are joined one by one";
  if (layout.refusal != nullptr) return layout;
  const bool packs =
      !pixels || (gradient && problem.pooling.average) || problem.pooling.op == PoolOp::powers;
  layout.region = packs ? std::max(rows * columns, outputs) * pixel : 0;
  layout.row_size = (places ? layout.ow_block : columns) * pixel + kMostLanes;
  layout.rows = (places ? 2 * rows : h.long_window() > 0 ? layout.oh_block : 1) * layout.row_size;
  layout.ends = std::max(h.long_window(), w.long_window()) * kMostLanes;
  layout.outputs = pixels && !places ? 0 : outputs * pixel;
  layout.shared_bytes = LaneTables<T>(h, layout.oh_block, nullptr).bytes +
                        LaneTables<T>(w, layout.ow_block, nullptr).bytes;
  const index_t elements = layout.region + layout.rows + layout.ends + 2 * layout.outputs;
  layout.thread_bytes = cache_lines(elements * kItem);
  if (layout.thread_bytes > kMostBytes) layout.refusal = "a block does not fit the caches";
  // Whether pixels lie apart must not decide which algorithm runs.
  if (problem.pixels_apart && layout.outputs == 0) {
    layout.outputs = outputs * pixel;
    layout.thread_bytes = cache_lines((elements + layout.outputs) * kItem);
  }
  layout.work = static_cast<double>(outputs * pixel) *
                static_cast<double>(std::min<index_t>(h.longest(), 8) * problem.d.w.stride +
                                    std::min<index_t>(w.longest(), 8));
  return layout;
}

template bool ChannelLanes<float>::suits(const Problem&);
template bool ChannelLanes<double>::suits(const Problem&);
template ChannelLanes<float> ChannelLanes<float>::prepare(const Problem&);
template ChannelLanes<double> ChannelLanes<double>::prepare(const Problem&);

}  // namespace fastconv::pool
