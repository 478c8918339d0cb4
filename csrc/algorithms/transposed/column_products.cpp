// SPDX-License-Identifier: MIT
#include "algorithms/transposed/column_products.h"

#include <algorithm>

#include "core/cache.h"
#include "core/parallel.h"

namespace fastconv {
namespace {

constexpr index_t kMostOutputs = 4, kFewChannels = 16;
constexpr index_t kMostTaps = 256;       // of a phase in a row
constexpr index_t kMostProducts = 4096;  // of a pixel: 64 pixels of them take half of L2

struct Span {
  index_t begin, end;
};

// Outputs begin..end of 0..n that a shift by `offset` takes from within 0..size, when both count
// from `start`.
Span reached(index_t start, index_t n, index_t offset, index_t size) {
  const index_t begin = std::clamp(-(start + offset), index_t{0}, n);
  return {begin, std::clamp(size - start - offset, begin, n)};
}

template <class T>
class Sums {
 public:
  Sums(const Job<T>& job, const PhaseColumns& layout, const Exec& exec, index_t n, index_t g,
       const PixelBlock& block, T* products) noexcept
      : r_(job.r),
        l_(layout),
        gemm_(exec.kernels<T>().conv.gemm),
        block_(block),
        products_(products) {
    image_ = job.image(n, g);
    weights_ = job.weights + g * layout.packed(r_.c);
    // Columns of the image whose products the block needs; all of them are one run of pixels.
    first_ = std::clamp(block.column + layout.first, index_t{0}, r_.w.in);
    width_ = std::clamp(block.column + block.columns + layout.last, first_, r_.w.in) - first_;
    std::fill_n(ones_, kMostTaps, T{1});
  }

  void add(std::size_t kernel_row, T* c, index_t ld, index_t pitch) noexcept {
    const auto& row = l_.kernel_rows[kernel_row];
    const auto [top, end] = reached(block_.row, block_.rows, row.offset, r_.h.in);
    if (top >= end || width_ == 0) return;
    multiply(static_cast<index_t>(kernel_row), block_.row + top + row.offset, end - top);
    for (const auto& taps : row.taps)
      for (index_t m = 0; m < r_.m; ++m) {
        T* y = c + (static_cast<index_t>(taps.phase) * r_.m + m) * ld + top * pitch;
        for (index_t i = 0; i < end - top; ++i, y += pitch) shift(taps, m, i, y);
      }
  }

 private:
  // The products of the image's rows from `row` on.
  void multiply(index_t kernel_row, index_t row, index_t lines) noexcept {
    const bool whole = width_ == r_.w.in;  // rows are one run
    const index_t runs = whole ? 1 : lines, n = whole ? lines * width_ : width_;
    const T* panel = weights_ + kernel_row * l_.rows * r_.c;
    for (index_t run = 0; run < runs; ++run) {
      const T* x = image_ + (row + run) * r_.w.in + first_;
      T* to = products_ + run * width_;
      for (index_t k = 0; k < r_.c; k += l_.kc)
        for (index_t i = 0; i < l_.rows; i += l_.tile.mr) multiply_panel(panel, x, to, k, i, n);
    }
  }

  void multiply_panel(const T* panel, const T* x, T* to, index_t k, index_t i, index_t n) noexcept {
    const index_t mr = std::min(l_.tile.mr, l_.rows - i), kc = std::min(l_.kc, r_.c - k);
    const T* a = panel + i * r_.c + k * mr;
    for (index_t j = 0; j < n; j += l_.tile.nr) {
      const index_t pixels = std::min(l_.tile.nr, n - j), nv = ceil_div(pixels, gemm_.lanes);
      T* c = to + i * l_.pixels + j;
      gemm_.run_gemm[mr - 1][nv - 1]({.k = kc,
                                      .a = a,
                                      .b = x + k * r_.in_plane() + j,
                                      .ldb = r_.in_plane(),
                                      .offsets = nullptr,
                                      .c = c,
                                      .ldc = l_.pixels,
                                      .init = k == 0 ? nullptr : c,
                                      .bias = nullptr,
                                      .tail = static_cast<int>(pixels - (nv - 1) * gemm_.lanes)});
    }
  }

  // Adds the products of line `i` to a row of outputs: together where all taps are in the image.
  void shift(const PhaseColumns::Taps& taps, index_t m, index_t i, T* y) noexcept {
    const auto n = static_cast<index_t>(taps.offset.size());
    const index_t columns = std::min(block_.columns, taps.count - block_.column);
    const T* line = products_ + (taps.row + m * n) * l_.pixels + i * width_ - first_;
    Span inner{0, std::max(columns, index_t{0})};
    index_t offsets[kMostTaps + kAhead];
    for (index_t t = 0; t < n; ++t) {
      const index_t offset = taps.offset[static_cast<std::size_t>(t)];
      const auto [begin, end] = reached(block_.column, inner.end, offset, r_.w.in);
      inner = {std::max(inner.begin, begin), std::max(std::min(inner.end, end), inner.begin)};
      offsets[t] = t * l_.pixels + block_.column + offset;
    }
    for (index_t t = 0; t < n; ++t) {  // what only some taps reach
      const auto [begin, end] =
          reached(block_.column, columns, taps.offset[static_cast<std::size_t>(t)], r_.w.in);
      for (index_t j = begin; j < std::min(end, inner.begin); ++j) y[j] += line[offsets[t] + j];
      for (index_t j = std::max(begin, inner.end); j < end; ++j) y[j] += line[offsets[t] + j];
    }
    for (index_t t = 0; t < kAhead; ++t) offsets[n + t] = offsets[0];
    const index_t most = gemm_.max_nv[1] * gemm_.lanes;
    for (index_t j = inner.begin; j < inner.end; j += most) {
      const index_t some = std::min(most, inner.end - j), nv = ceil_div(some, gemm_.lanes);
      gemm_.run_indirect[0][nv - 1]({.k = n,
                                     .a = ones_,
                                     .b = line + j,
                                     .ldb = 0,
                                     .offsets = offsets,
                                     .c = y + j,
                                     .ldc = 0,
                                     .init = y + j,
                                     .bias = nullptr,
                                     .tail = static_cast<int>(some - (nv - 1) * gemm_.lanes)});
    }
  }

  const Correlation& r_;
  const PhaseColumns& l_;
  const GemmKernels<T>& gemm_;
  const PixelBlock& block_;
  T* products_;
  const T *image_, *weights_;
  index_t first_, width_;
  T ones_[kMostTaps];
};

}  // namespace

bool prefers_columns(const std::vector<Correlation>& phases) {
  if (phases.empty()) return false;
  const Correlation& r = phases.front();
  if (r.mode != PadMode::zeros || r.h.in_step != 1 || r.w.in_step != 1) return false;
  if (r.m > kMostOutputs || r.c < kFewChannels) return false;
  index_t taps = 0;
  for (const Correlation& phase : phases) {
    if (phase.h.out_start == r.h.out_start) taps += phase.w.n_taps();
    if (phase.w.n_taps() > kMostTaps) return false;
  }
  // Otherwise sums of their own are as good, or better.
  return taps > 1 && taps * r.m <= kMostProducts;
}

template <class T>
PhaseColumns columns_layout(const std::vector<Correlation>& phases, const Exec& exec) {
  PhaseColumns l;
  l.phases = phases.size();
  const Correlation& r = phases.front();
  index_t width = 1, height = 1;
  for (std::size_t i = 0; i < phases.size(); ++i) {
    const Correlation& phase = phases[i];
    width = std::max(width, phase.w.count), height = std::max(height, phase.h.count);
    if (i > 0 && phase.h.out_start == phases[i - 1].h.out_start) continue;  // seen
    for (const Tap& h : phase.h.taps) {
      PhaseColumns::KernelRow row{h.offset, {}, {}};
      index_t at = 0;
      for (std::size_t j = i; j < phases.size(); ++j) {
        if (phases[j].h.out_start != phase.h.out_start) break;
        PhaseColumns::Taps taps{j, {}, at, phases[j].w.count};
        for (const Tap& w : phases[j].w.taps) {
          taps.offset.push_back(w.offset);
          l.first = std::min(l.first, w.offset), l.last = std::max(l.last, w.offset);
        }
        for (index_t m = 0; m < r.m; ++m)
          for (const Tap& w : phases[j].w.taps)
            row.weights.push_back(m * r.w_m + h.kernel * r.w_row + w.kernel);
        at += r.m * phases[j].w.n_taps();
        row.taps.push_back(std::move(taps));
      }
      l.rows = at;
      l.kernel_rows.push_back(std::move(row));
    }
  }
  l.tile = choose_tile(exec.kernels<T>().conv.gemm, l.rows);
  // The slices of a sum depend on the problem only.
  l.kc = choose_kc<T>(r.c);
  // Products take a quarter of L2, and the image, which each row of the kernel reads again, half.
  const index_t half = cache_sizes().l2 / 2 / index_t{sizeof(T)};
  index_t most = half / 2 / l.rows;
  if (l.kernel_rows.size() > 1) most = std::min(most, half / r.c);
  most = std::max(most, index_t{64});
  const index_t halo = l.last - l.first;
  l.block_columns = ceil_div(width, ceil_div(width, std::max(most - halo, most / 2)));
  const index_t across = std::min(r.w.in, l.block_columns + halo);
  index_t most_rows = l.block_columns < width ? 1 : std::max(most / across, index_t{1});
  // Several blocks for each thread.
  const index_t images = std::max(r.batch * r.groups, index_t{1}), few = 4 * exec.threads;
  if (images * height >= few)
    most_rows = std::min(most_rows, std::max(images * height / few, index_t{1}));
  else if (images * height * ceil_div(width, l.block_columns) < few)
    l.block_columns = ceil_div(width, ceil_div(few, images * height));
  l.block_rows = ceil_div(height, ceil_div(height, most_rows));
  l.pixels = l.block_rows * std::min(r.w.in, l.block_columns + halo);
  return l;
}

template <class T>
void pack_columns(const Correlation& r, const PhaseColumns& layout, const T* weights, T* packed,
                  const Exec& exec) noexcept {
  const index_t rows = static_cast<index_t>(layout.kernel_rows.size());
  const index_t panels = ceil_div(layout.rows, layout.tile.mr), tasks = r.groups * rows * panels;
  const int threads = useful_threads(tasks, double(layout.packed(r.c) * r.groups), exec.threads);
  parallel_for(tasks, threads, [&](index_t task, int) {
    const index_t row = task / panels, first = task % panels * layout.tile.mr;
    const index_t mr = std::min(layout.tile.mr, layout.rows - first);
    const T* w = weights + row / rows * r.w_group;
    const index_t* at =
        layout.kernel_rows[static_cast<std::size_t>(row % rows)].weights.data() + first;
    T* to = packed + (row * layout.rows + first) * r.c;
    for (index_t c = 0; c < r.c; ++c, w += r.w_c, to += mr)
      for (index_t i = 0; i < mr; ++i) to[i] = w[at[i]];
  });
}

template <class T>
void sum_columns(const Job<T>& job, const PhaseColumns& layout, const Exec& exec, index_t n,
                 index_t g, const PixelBlock& block, T* products, T* c, index_t ld,
                 index_t pitch) noexcept {
  for (std::size_t i = 0; i < layout.phases; ++i)
    for (index_t m = 0; m < job.r.m; ++m)
      std::fill_n(c + (static_cast<index_t>(i) * job.r.m + m) * ld, block.rows * pitch,
                  job.bias ? job.bias[g * job.r.m + m] : T{0});
  Sums<T> sums(job, layout, exec, n, g, block, products);
  for (std::size_t i = 0; i < layout.kernel_rows.size(); ++i) sums.add(i, c, ld, pitch);
}

#define FC_INSTANTIATE(T)                                                                      \
  template PhaseColumns columns_layout<T>(const std::vector<Correlation>&, const Exec&);       \
  template void pack_columns(const Correlation&, const PhaseColumns&, const T*, T*,            \
                             const Exec&) noexcept;                                            \
  template void sum_columns(const Job<T>&, const PhaseColumns&, const Exec&, index_t, index_t, \
                            const PixelBlock&, T*, T*, index_t, index_t) noexcept
FC_INSTANTIATE(float);
FC_INSTANTIATE(double);
#undef FC_INSTANTIATE

}  // namespace fastconv
