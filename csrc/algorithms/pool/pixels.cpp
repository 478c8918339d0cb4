// SPDX-License-Identifier: MIT
#include "algorithms/pool/pixels.h"

#include "algorithms/pool/tasks.h"

namespace fastconv {
namespace {

constexpr index_t kPlanes = 16;           // turned together: a cache line of floats
constexpr index_t kBlockBytes = 65536;    // of a block's input: with its results, in any L2
constexpr index_t kMostBytes = 1 << 22;   // of one thread's scratch; beyond, others do it
constexpr index_t kMostTerms = 1024;      // of a sum along an axis; beyond, float32 loses digits
constexpr index_t kMostExtent = 1 << 30;  // products of two lengths do not overflow

// What n windows hold, from the first element to the last.
Span hull(const Span* taps, index_t n, index_t step) {
  Span held{0, 0};
  for (index_t o = 0; o < n; ++o) {
    if (taps[o].count == 0) continue;
    const index_t end = taps[o].at + (taps[o].count - 1) * step + 1;
    const index_t stop = std::max(held.at + held.count, end);
    held.at = held.count == 0 ? taps[o].at : std::min(held.at, taps[o].at);
    held.count = stop - held.at;
  }
  return held;
}

// What all threads read of an axis: its windows, what each block of them holds, and its part of the
// averages' divisors.
template <class T>
struct AxisTables {
  Span *taps, *hulls;
  T* counts;
  index_t bytes = 0;

  // Without a `base` it only counts the bytes.
  AxisTables(const PixelWindows& w, index_t block, std::byte* base) {
    const auto take = [&]<class E>(E*& array, index_t n) {
      array = base ? reinterpret_cast<E*>(base + bytes) : nullptr;
      bytes += cache_lines(n * static_cast<index_t>(sizeof(E)));
    };
    take(taps, w.out());
    take(hulls, ceil_div(w.out(), block));
    take(counts, w.axis.out);
    if (!base) return;
    for (index_t o = 0; o < w.out(); ++o) taps[o] = w(o);
    for (index_t o = 0; o < w.out(); o += block)
      hulls[o / block] = hull(taps + o, std::min(block, w.out() - o), w.step());
  }
};

// Block `b` along an axis.
template <class T>
PixelAxis axis_of(const PixelWindows& w, const AxisTables<T>& tables, index_t b, index_t block) {
  const index_t o = b * block;
  const index_t start =
      w.adjoint ? o + w.axis.lo - w.axis.kernel + 1 : o * w.axis.stride - w.axis.lo;
  return {.taps = tables.taps + o,
          .n = std::min(block, w.out() - o),
          .step = w.step(),
          .first = tables.hulls[b].at,
          .size = tables.hulls[b].count,
          .long_window = w.long_window(),
          .stride = w.adjoint ? 1 : w.axis.stride,
          .start = start};
}

template <class T>
struct Job {
  const PoolDesc& d;
  const Pooling& pooling;
  const PixelPlan& plan;
  PixelUse use;
  const T* x;
  T* y;
  std::int64_t* places;
  const Kernels<T>& kernels;

  PixelWindows along(const Axis& axis) const { return {axis, use == PixelUse::adjoint}; }
  auto kernel() const {
    if (use == PixelUse::places) return kernels.pool.places[pooling.op == PoolOp::min];
    return kernels.pool.pixels[static_cast<int>(pooling.op)];
  }
};

// A block at work: `group` is an image, or up to 16 planes.
template <class T>
struct Block {
  const Job<T>& job;
  const AxisTables<T>&h, &w;
  index_t group, channels, oh, ow, in_w, in_plane, out_w, out_plane;
  PixelArgs<T> args;
  T *region, *y, *places;

  index_t outputs() const { return args.h.n * args.w.n; }

  // The region of the input: where it lies, or packed, and divided if that comes first.
  void read() {
    const index_t size = args.w.size, rows = args.h.size;
    const index_t corner = args.h.first * in_w + args.w.first;
    if (job.plan.last) {
      args.x = job.x + (group * in_plane + corner) * channels;
      args.x_row = in_w * channels;
    } else {
      const T* from = job.x + group * kPlanes * in_plane + corner;
      const bool whole = size == in_w;
      for (index_t r = 0; r < (whole ? 1 : rows); ++r)
        job.kernels.elementwise.transpose({.x = from + r * in_w,
                                           .ldx = in_plane,
                                           .y = region + r * size * kPlanes,
                                           .ldy = kPlanes,
                                           .rows = std::min(kPlanes, planes_left()),
                                           .columns = whole ? rows * size : size});
      args.x = region;
      args.x_row = size * kPlanes;
    }
    if (job.use == PixelUse::adjoint && job.pooling.average) divide();
  }

  void divide() {
    for (index_t r = 0; r < args.h.size; ++r)
      for (index_t c = 0; c < args.w.size; ++c) {
        const T divisor = h.counts[args.h.first + r] * w.counts[args.w.first + c];
        const T* from = args.x + r * args.x_row + c * args.channels;
        T* to = region + (r * args.w.size + c) * args.channels;
        for (index_t i = 0; i < args.channels; ++i) to[i] = from[i] / divisor;
      }
    args.x = region;
    args.x_row = args.w.size * args.channels;
  }

  index_t planes_left() const { return job.d.planes() - group * kPlanes; }

  void roots(T* row) const { take_roots(job.pooling, row, args.w.n * args.channels); }

  void write() {
    for (index_t r = 0; r < args.h.n; ++r) roots(args.y + r * args.y_row);
    if (job.plan.last) {
      if (job.use != PixelUse::places) return;
      std::int64_t* to = job.places + (group * out_plane + oh * out_w + ow) * channels;
      for (index_t r = 0; r < args.h.n; ++r)
        copy(places + r * args.places_row, to + r * out_w * channels, args.w.n * channels);
      return;
    }
    const index_t first = group * kPlanes * out_plane + oh * out_w + ow;
    turn(y, job.y + first, out_plane, out_w);
    if (job.use != PixelUse::places) return;
    const index_t n = outputs();  // places by planes where the region was
    turn(places, region, n, args.w.n);
    for (index_t p = 0; p < std::min(kPlanes, planes_left()); ++p)
      for (index_t r = 0; r < args.h.n; ++r)
        copy(region + p * n + r * args.w.n, job.places + first + p * out_plane + r * out_w,
             args.w.n);
  }

  // Results of 16 planes to where the planes are.
  void turn(const T* from, T* to, index_t plane, index_t row) const {
    const bool whole = args.w.n == row;
    for (index_t r = 0; r < (whole ? 1 : args.h.n); ++r)
      job.kernels.elementwise.transpose({.x = from + r * args.w.n * kPlanes,
                                         .ldx = kPlanes,
                                         .y = to + r * row,
                                         .ldy = plane,
                                         .rows = whole ? outputs() : args.w.n,
                                         .columns = std::min(kPlanes, planes_left())});
  }

  static void copy(const T* from, std::int64_t* to, index_t n) {
    for (index_t i = 0; i < n; ++i) to[i] = static_cast<std::int64_t>(from[i]);
  }
};

template <class T>
void run(const Job<T>& job, int threads, std::byte* scratch) noexcept {
  const PoolDesc& d = job.d;
  const PixelPlan& plan = job.plan;
  const PixelWindows h = job.along(d.h), w = job.along(d.w);
  const AxisTables<T> hs(h, plan.oh_block, scratch);
  const AxisTables<T> ws(w, plan.ow_block, scratch + hs.bytes);
  if (job.pooling.average) {
    for (index_t o = 0; o < d.h.out; ++o) hs.counts[o] = static_cast<T>(job.pooling.rows(d, o));
    for (index_t o = 0; o < d.w.out; ++o) ws.counts[o] = static_cast<T>(job.pooling.columns(d, o));
  }
  const index_t h_blocks = ceil_div(h.out(), plan.oh_block);
  const index_t w_blocks = ceil_div(w.out(), plan.ow_block), blocks = h_blocks * w_blocks;
  const index_t groups = plan.last ? d.batch : ceil_div(d.planes(), kPlanes);
  const index_t channels = plan.last ? d.channels : kPlanes;
  const bool divides = job.use == PixelUse::values && job.pooling.average;
  const auto kernel = job.kernel();
  for_units(groups * blocks, plan.work, threads, [&](index_t u, int thread) {
    const index_t group = u / blocks, b = u % blocks / w_blocks, c = u % w_blocks;
    T* region = reinterpret_cast<T*>(scratch + plan.shared_bytes + thread * plan.thread_bytes);
    T* rows = region + plan.region;
    T* ends = rows + plan.rows;
    T* results = ends + plan.ends;
    T* places = results + plan.outputs;
    Block<T> block{.job = job,
                   .h = hs,
                   .w = ws,
                   .group = group,
                   .channels = channels,
                   .oh = b * plan.oh_block,
                   .ow = c * plan.ow_block,
                   .in_w = w.in(),
                   .in_plane = h.in() * w.in(),
                   .out_w = w.out(),
                   .out_plane = h.out() * w.out(),
                   .args = {},
                   .region = region,
                   .y = results,
                   .places = places};
    PixelArgs<T>& args = block.args;
    args.h = axis_of(h, hs, b, plan.oh_block);
    args.w = axis_of(w, ws, c, plan.ow_block);
    args.channels = channels;
    block.read();
    args.row = rows;
    args.row_size = plan.row_size;
    args.ends = ends;
    args.h_counts = divides ? hs.counts + block.oh : nullptr;
    args.w_counts = divides ? ws.counts + block.ow : nullptr;
    args.y = results;
    args.y_row = args.places_row = args.w.n * channels;
    if (plan.last) {
      args.y_row = block.out_w * channels;
      args.y =
          job.y + group * block.out_plane * channels + block.oh * args.y_row + block.ow * channels;
    }
    args.places = places;
    args.in_w = block.in_w;
    kernel(args);
    block.write();
  });
}

}  // namespace

template <class T>
PixelPlan plan_pixels(const PoolDesc& d, const Pooling& pooling, PixelUse use, bool last) {
  constexpr auto kItem = static_cast<index_t>(sizeof(T));
  constexpr index_t kExactPlaces = sizeof(T) == 4 ? index_t{1} << 24 : index_t{1} << 53;
  const bool adjoint = use == PixelUse::adjoint;
  const PixelWindows h{d.h, adjoint}, w{d.w, adjoint};
  PixelPlan plan;
  if (d.planes() == 0 || h.in() == 0 || w.in() == 0 || h.out() == 0 || w.out() == 0) return plan;
  if (std::max(std::max(h.in(), w.in()), std::max(h.out(), w.out())) > kMostExtent) return plan;
  if (pooling.op == PoolOp::powers) return plan;
  if (pooling.op != PoolOp::max && pooling.op != PoolOp::min && pooling.op != PoolOp::abs_max &&
      std::max(h.longest(), w.longest()) > kMostTerms)
    return plan;
  if (use == PixelUse::places && d.in_plane() > kExactPlaces) return plan;
  plan.last = last;
  const index_t pixel = last ? d.channels : kPlanes;
  // Whole rows if a few of them fit, then as many rows as do.
  const index_t most = kBlockBytes / (kItem * pixel);
  plan.ow_block = w.out();
  while (plan.ow_block > 1 && h.reach(1) * w.reach(plan.ow_block) > most)
    plan.ow_block = ceil_div(plan.ow_block, 2);
  const index_t columns = w.reach(plan.ow_block);
  plan.oh_block = h.out();
  while (plan.oh_block > 1 && h.reach(plan.oh_block) * columns > most)
    plan.oh_block = ceil_div(plan.oh_block, 2);
  const index_t rows = h.reach(plan.oh_block), outputs = plan.oh_block * plan.ow_block;
  // Blocks that hold little more than one long window would read it all for a few outputs: planes
  // then, at 512@20 13x13 (2.9 ms by such blocks, 0.2 on planes).
  if (last && h.long_window() + w.long_window() > 0 && outputs < h.out() * w.out()) return plan;
  const bool packs = !last || (adjoint && pooling.average);
  plan.region = packs ? std::max(rows * columns, outputs) * pixel : 0;
  if (use == PixelUse::places) {
    plan.row_size = plan.ow_block * pixel + kMostLanes;
    plan.rows = 2 * rows * plan.row_size;
  } else {
    plan.row_size = columns * pixel + kMostLanes;
    plan.rows = (h.long_window() > 0 ? plan.oh_block : 1) * plan.row_size;
  }
  plan.ends = std::max(h.long_window(), w.long_window()) * kMostLanes;
  plan.outputs = last && use != PixelUse::places ? 0 : outputs * pixel;
  plan.shared_bytes = AxisTables<T>(h, plan.oh_block, nullptr).bytes +
                      AxisTables<T>(w, plan.ow_block, nullptr).bytes;
  const index_t elements = plan.region + plan.rows + plan.ends + 2 * plan.outputs;
  plan.thread_bytes = cache_lines(elements * kItem);
  plan.fits = plan.thread_bytes <= kMostBytes;
  plan.work = static_cast<double>(outputs * pixel) *
              static_cast<double>(std::min<index_t>(h.longest(), 8) * d.w.stride +
                                  std::min<index_t>(w.longest(), 8));
  return plan;
}

template <class T>
void pool_pixels(const PoolDesc& d, const Pooling& pooling, const PixelPlan& plan, const T* x, T* y,
                 const Exec& exec, std::byte* scratch) noexcept {
  run<T>({d, pooling, plan, PixelUse::values, x, y, nullptr, exec.kernels<T>()}, exec.threads,
         scratch);
}

template <class T>
void place_pixels(const PoolDesc& d, const Pooling& pooling, const PixelPlan& plan, const T* x,
                  T* y, std::int64_t* places, const Exec& exec, std::byte* scratch) noexcept {
  run<T>({d, pooling, plan, PixelUse::places, x, y, places, exec.kernels<T>()}, exec.threads,
         scratch);
}

template <class T>
void spread_pixels(const PoolDesc& d, const Pooling& pooling, const PixelPlan& plan, const T* dy,
                   T* dx, const Exec& exec, std::byte* scratch) noexcept {
  run<T>({d, pooling, plan, PixelUse::adjoint, dy, dx, nullptr, exec.kernels<T>()}, exec.threads,
         scratch);
}

template PixelPlan plan_pixels<float>(const PoolDesc&, const Pooling&, PixelUse, bool);
template PixelPlan plan_pixels<double>(const PoolDesc&, const Pooling&, PixelUse, bool);
template void pool_pixels(const PoolDesc&, const Pooling&, const PixelPlan&, const float*, float*,
                          const Exec&, std::byte*) noexcept;
template void pool_pixels(const PoolDesc&, const Pooling&, const PixelPlan&, const double*, double*,
                          const Exec&, std::byte*) noexcept;
template void place_pixels(const PoolDesc&, const Pooling&, const PixelPlan&, const float*, float*,
                           std::int64_t*, const Exec&, std::byte*) noexcept;
template void place_pixels(const PoolDesc&, const Pooling&, const PixelPlan&, const double*,
                           double*, std::int64_t*, const Exec&, std::byte*) noexcept;
template void spread_pixels(const PoolDesc&, const Pooling&, const PixelPlan&, const float*, float*,
                            const Exec&, std::byte*) noexcept;
template void spread_pixels(const PoolDesc&, const Pooling&, const PixelPlan&, const double*,
                            double*, const Exec&, std::byte*) noexcept;

}  // namespace fastconv
