// SPDX-License-Identifier: MIT
#include "algorithms/transposed/shared_strip.h"

#include <algorithm>

#include "algorithms/common/pixel_blocks.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv {
namespace {

// Blocks have long rows and few of them: the rows between two blocks are gathered twice.
constexpr index_t kMostColumns = 512, kMostRows = 8;

// One axis with the taps of all phases, in order, each once.
TapAxis all_taps(const std::vector<Correlation>& phases, TapAxis Correlation::* axis) {
  TapAxis all = phases.front().*axis;
  for (const Correlation& r : phases) {
    const TapAxis& one = r.*axis;
    all.count = std::max(all.count, one.count);
    all.taps.insert(all.taps.end(), one.taps.begin(), one.taps.end());
  }
  const auto offset = [](const Tap& tap) { return tap.offset; };
  std::ranges::sort(all.taps, {}, offset);
  const auto repeated = std::ranges::unique(all.taps, {}, offset);
  all.taps.erase(repeated.begin(), repeated.end());
  return all;
}

std::size_t place_of(const TapAxis& all, const Tap& tap) {
  const auto found = std::ranges::lower_bound(all.taps, tap.offset, {}, &Tap::offset);
  return static_cast<std::size_t>(found - all.taps.begin());
}

struct Sizes {
  index_t offsets, strip, c;  // bytes; offsets once, the others per thread
};

template <class T>
Sizes sizes_for(const PhasesLayout& layout, const Exec& exec) {
  const index_t item = sizeof(T), phases = static_cast<index_t>(layout.phases.size());
  const index_t m = layout.all.m, slack = kMaxNv * exec.kernels<T>().conv.gemm.lanes + 1;
  const index_t strip = layout.by_columns ? layout.by_columns->rows * layout.by_columns->pixels
                                          : layout.channels * layout.strip->channel();
  return {cache_lines(phases * layout.offsets * index_t{sizeof(index_t)}),
          cache_lines((strip + slack) * item),
          cache_lines(phases * m * layout.rows * layout.columns * item)};
}

template <class T>
class Task {
 public:
  Task(const Job<T>& job, const PhasesLayout& layout, const Exec& exec, const index_t* offsets,
       T* strip, T* c, index_t image, PixelBlock block) noexcept
      : job_(job),
        layout_(layout),
        exec_(exec),
        offsets_(offsets),
        strip_(strip),
        c_(c),
        n_(image / layout.all.groups),
        g_(image % layout.all.groups),
        block_(block) {}

  void run() noexcept {
    if (layout_.by_columns)
      sum_columns(job_, *layout_.by_columns, exec_, n_, g_, block_, strip_, c_, plane(),
                  layout_.columns);
    else
      sum_strips();
    scatter();
  }

 private:
  void sum_strips() noexcept {
    const Correlation& all = layout_.all;
    for (index_t c0 = 0; c0 < all.c; c0 += layout_.channels) {
      const index_t c1 = std::min(all.c, c0 + layout_.channels);
      layout_.strip->gather(all, job_.image(n_, g_) + c0 * all.in_plane(), c1 - c0, block_.row,
                            block_.rows, block_.column, block_.columns, exec_, strip_);
      for (std::size_t i = 0; i < layout_.phases.size(); ++i) multiply(i, c0, c1);
    }
  }

  // Of a phase, some have one row or column fewer than the block.
  index_t rows(const Correlation& r) const { return std::min(block_.rows, r.h.count - block_.row); }
  index_t columns(const Correlation& r) const {
    return std::min(block_.columns, r.w.count - block_.column);
  }
  index_t plane() const { return layout_.rows * layout_.columns; }
  T* buffer(std::size_t phase) const {
    return c_ + static_cast<index_t>(phase) * layout_.all.m * plane();
  }

  void multiply(std::size_t i, index_t c0, index_t c1) noexcept {
    const auto& phase = layout_.phases[i];
    const auto& gemm = exec_.kernels<T>().conv.gemm;
    const index_t taps = phase.r.taps(), nr = layout_.tile.nr;
    for (index_t m = 0; m < phase.r.m; m += layout_.tile.mr) {
      const index_t mr = std::min(layout_.tile.mr, phase.r.m - m);
      const T* weights =
          job_.weights + phase.packed + (g_ * phase.r.m + m) * phase.r.k() + c0 * taps * mr;
      for (index_t row = 0; row < rows(phase.r); ++row)
        for (index_t j = 0; j < columns(phase.r); j += nr) {
          const index_t pixels = std::min(nr, columns(phase.r) - j);
          const index_t nv = ceil_div(pixels, index_t{gemm.lanes});
          T* c = buffer(i) + m * plane() + row * layout_.columns + j;
          gemm.run_indirect[mr - 1][nv - 1]({
              .k = (c1 - c0) * taps,
              .a = weights,
              .b = strip_ + row * layout_.strip->row_step() + j,
              .ldb = 0,
              .offsets = offsets_ + static_cast<index_t>(i) * layout_.offsets,
              .c = c,
              .ldc = plane(),
              .init = c0 == 0 ? nullptr : c,
              .bias = c0 == 0 ? job_.bias_of(g_, m) : nullptr,
              .tail = static_cast<int>(pixels - (nv - 1) * gemm.lanes),
          });
        }
    }
  }

  // Whether phases i and i + 1 write the even and the odd outputs of the same rows.
  bool are_pair(std::size_t i) const {
    if (i + 1 >= layout_.phases.size()) return false;
    const Correlation &even = layout_.phases[i].r, &odd = layout_.phases[i + 1].r;
    return even.w.out_step == 2 && even.w.out_start == 0 && odd.w.out_start == 1 &&
           even.h.out_start == odd.h.out_start;
  }

  void scatter() noexcept {
    for (std::size_t i = 0; i < layout_.phases.size(); ++i) {
      const bool pair = are_pair(i);
      const Correlation& r = layout_.phases[i].r;
      for (index_t m = 0; m < r.m; ++m)
        for (index_t row = 0; row < rows(r); ++row) {
          const T* even = finished(i, m, row);
          T* plane_of = job_.y + job_.plane(n_, g_, m);
          if (!pair) {
            scatter_row(r, even, columns(r), block_.row + row, block_.column, plane_of);
            continue;
          }
          const index_t both = std::max(columns(layout_.phases[i + 1].r), index_t{0});
          T* y = plane_of + (r.h.out_start + (block_.row + row) * r.h.out_step) * r.w.out +
                 2 * block_.column;
          exec_.kernels<T>().conv.interleave(even, finished(i + 1, m, row), both, y);
          if (columns(r) > both) y[2 * both] = even[both];
        }
      if (pair) ++i;
    }
  }

  // A row of a phase with its residual, which only a forward call has, and activation.
  const T* finished(std::size_t i, index_t m, index_t row) noexcept {
    T* c = buffer(i) + m * plane() + row * layout_.columns;
    const Correlation& r = layout_.phases[i].r;
    const index_t n = columns(r);
    if (job_.residual) {
      const index_t at = job_.plane(n_, g_, m) + (block_.row + row) * r.w.out + block_.column;
      for (index_t j = 0; j < n; ++j) c[j] += job_.residual[at + j];
    }
    if (n > 0) activate_rows(job_, exec_, c, n, 1, n);
    return c;
  }

  const Job<T>& job_;
  const PhasesLayout& layout_;
  const Exec& exec_;
  const index_t* offsets_;
  T *strip_, *c_;
  index_t n_, g_;
  PixelBlock block_;
};

}  // namespace

template <class T>
bool takes_phases(const std::vector<Correlation>& phases, const Exec& exec) {
  // Many channels to write: strips are a small part, but outputs of a block wait in L2 until their
  // phases are together, and lanes beyond a row are lost.
  if (prefers_columns(phases)) return true;
  if (phases.size() < 2 || phases.size() > kMostPhases) return false;
  const Correlation& r = phases.front();
  if (r.m <= kFewOutputs) return true;
  const index_t lanes = exec.kernels<T>().conv.gemm.lanes, filled = ceil_div(r.w.count, lanes);
  const index_t outputs =
      static_cast<index_t>(phases.size()) * r.m * std::min(r.w.count, kMostColumns);
  return 5 * r.w.count >= 4 * filled * lanes &&
         outputs * kMostRows * index_t{sizeof(T)} <= cache_sizes().l2 / 2;
}

template <class T>
PhasesLayout columns_first(const std::vector<Correlation>& phases, const Exec& exec) {
  PhaseColumns columns = columns_layout<T>(phases, exec);
  PhasesLayout layout{
      {}, phases.front(), columns.block_rows, columns.block_columns, {}, {}, 0, columns.tile, 0};
  for (const Correlation& r : phases) {
    layout.all.h.count = std::max(layout.all.h.count, r.h.count);
    layout.all.w.count = std::max(layout.all.w.count, r.w.count);
    layout.phases.push_back({r, 0, {}});
  }
  layout.by_columns = std::move(columns);
  return layout;
}

template <class T>
PhasesLayout phases_layout(const std::vector<Correlation>& phases, const Exec& exec) {
  if (prefers_columns(phases)) return columns_first<T>(phases, exec);
  Correlation all = phases.front();
  all.h = all_taps(phases, &Correlation::h), all.w = all_taps(phases, &Correlation::w);
  index_t columns = ceil_div(all.w.count, ceil_div(all.w.count, kMostColumns));
  // The slices of a sum must not depend on the threads: those of the largest block.
  const index_t most_channel =
      StripLayout(all, std::min(kMostRows, all.h.count), columns, false).channel();
  const index_t most = cache_sizes().l2 / 4 / (most_channel * index_t{sizeof(T)});
  const index_t channels = ceil_div(all.c, ceil_div(all.c, std::max(most, index_t{1})));

  const index_t images = std::max(all.batch * all.groups, index_t{1});
  const index_t lines = images * all.h.count, few = 4 * exec.threads;
  const index_t most_rows = std::clamp(lines / few, index_t{1}, kMostRows);
  if (lines < few) columns = std::min(columns, ceil_div(all.w.count, ceil_div(few, lines)));
  const index_t rows = ceil_div(all.h.count, ceil_div(all.h.count, most_rows));
  StripLayout strip(all, rows, columns, false);
  const Tile tile = choose_tile(exec.kernels<T>().conv.gemm, all.m);
  PhasesLayout layout{{}, std::move(all), rows, columns, strip, {}, channels, tile, 0};
  index_t packed = 0;
  for (const Correlation& r : phases) {
    std::vector<index_t> taps;
    for (const Tap& h : r.h.taps)
      for (const Tap& w : r.w.taps)
        taps.push_back(strip.taps()[place_of(layout.all.h, h) * layout.all.w.taps.size() +
                                    place_of(layout.all.w, w)]);
    layout.offsets =
        std::max(layout.offsets, channels * static_cast<index_t>(taps.size()) + kAhead);
    layout.phases.push_back({r, packed, std::move(taps)});
    packed += r.groups * r.m * r.k();
  }
  return layout;
}

template <class T>
index_t phases_scratch(const PhasesLayout& layout, const Exec& exec) {
  const Sizes sizes = sizes_for<T>(layout, exec);
  return sizes.offsets + exec.threads * (sizes.strip + sizes.c);
}

template <class T>
void direct_phases(const Job<T>& job, const PhasesLayout& layout, const Exec& exec,
                   std::byte* scratch) noexcept {
  const Correlation& all = layout.all;
  const Sizes sizes = sizes_for<T>(layout, exec);
  auto* offsets = reinterpret_cast<index_t*>(scratch);
  double fmas = 0;
  for (std::size_t i = 0; i < layout.phases.size(); ++i) {
    const auto& phase = layout.phases[i];
    fmas += phase.r.fmas();
    if (layout.by_columns) continue;
    index_t* of_phase = offsets + static_cast<index_t>(i) * layout.offsets;
    index_t* end = list_terms(phase.taps, layout.channels, layout.strip->channel(), of_phase);
    for (index_t ahead = 0; ahead < kAhead; ++ahead) end[ahead] = of_phase[ahead];
  }
  const index_t row_blocks = ceil_div(all.h.count, layout.rows);
  const index_t column_blocks = ceil_div(all.w.count, layout.columns);
  const index_t tasks = all.batch * all.groups * row_blocks * column_blocks;
  parallel_for(tasks, useful_threads(tasks, fmas, exec.threads), [&](index_t task, int thread) {
    std::byte* memory = scratch + sizes.offsets + thread * (sizes.strip + sizes.c);
    const index_t row = task / column_blocks % row_blocks * layout.rows;
    const index_t column = task % column_blocks * layout.columns;
    const PixelBlock block{row, std::min(layout.rows, all.h.count - row), column,
                           std::min(layout.columns, all.w.count - column)};
    Task<T>(job, layout, exec, offsets, reinterpret_cast<T*>(memory),
            reinterpret_cast<T*>(memory + sizes.strip), task / column_blocks / row_blocks, block)
        .run();
  });
}

#define FC_INSTANTIATE(T)                                                               \
  template bool takes_phases<T>(const std::vector<Correlation>&, const Exec&);          \
  template PhasesLayout phases_layout<T>(const std::vector<Correlation>&, const Exec&); \
  template index_t phases_scratch<T>(const PhasesLayout&, const Exec&);                 \
  template void direct_phases(const Job<T>&, const PhasesLayout&, const Exec&, std::byte*) noexcept
FC_INSTANTIATE(float);
FC_INSTANTIATE(double);
#undef FC_INSTANTIATE

}  // namespace fastconv
