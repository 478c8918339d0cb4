// SPDX-License-Identifier: MIT
// Which problems column_products takes, how it blocks them, and how it packs weights.
#include "algorithms/transposed/column_layout.h"

#include <algorithm>

#include "core/cache.h"
#include "core/parallel.h"

namespace fastconv::transposed {

const char* why_no_columns(const std::vector<Correlation>& phases) {
  if (phases.empty()) return "no tap reaches any output";
  const Correlation& r = phases.front();
  if (r.mode != PadMode::zeros) return "it takes padding_mode 'zeros'";
  if (r.h.in_step != 1 || r.w.in_step != 1) return "it takes convolutions with stride 1";
  // More output channels fill the tiles of other algorithms well enough. To write all products and
  // read them again then costs more than it saves (1.1 to 1.4 times on 8 layers of 64 to 256
  // outputs).
  constexpr index_t kMostOutputs = 4;
  if (r.m > kMostOutputs) return "it takes up to 4 output channels per group";
  index_t taps = 0;
  for (const Correlation& phase : phases) {
    if (phase.h.out_start == r.h.out_start) taps += phase.w.n_taps();
    if (phase.w.n_taps() > kMostTaps) return "it takes up to 256 taps in a row";
  }
  if (taps * r.m > kMostProducts) return "it takes up to 4,096 products of a pixel";
  return nullptr;
}

namespace {

// Into how many parts the rows and the columns of outputs are cut.
struct Blocks {
  index_t rows, columns;
};

// Cuts the outputs of `images` images further than into `least` blocks, where these are few for so
// many threads: rows first, then columns, so that the busiest thread has the least to do. What a
// block costs, `cost` says; of cuts that are about equal the coarsest is taken.
template <class Cost>
Blocks cut_outputs(const Blocks& least, const Blocks& most, index_t images, index_t threads,
                   const Cost& cost) {
  const index_t few = 4 * threads;
  Blocks best = least;
  if (threads == 1 || images * least.rows * least.columns >= few) return best;
  const auto busiest = [&](const Blocks& b) {
    return double(ceil_div(images * b.rows * b.columns, threads)) * cost(b);
  };
  double load = busiest(best);
  const auto consider = [&](const Blocks& b) {
    if (const double other = busiest(b); other < 0.98 * load) load = other, best = b;
  };
  for (index_t rows = least.rows; rows <= std::min(most.rows, least.rows + few); ++rows)
    consider({rows, least.columns});
  if (images * most.rows * least.columns < few)
    for (index_t n = least.columns; n <= std::min(most.columns, least.columns + few); ++n)
      consider({most.rows, n});
  return best;
}

}  // namespace

template <class T>
ColumnLayout column_layout(const std::vector<Correlation>& phases, const Exec& exec) {
  ColumnLayout l;
  const Correlation& r = phases.front();
  index_t width = 1, height = 1;
  for (std::size_t i = 0; i < phases.size(); ++i) {
    const Correlation& phase = phases[i];
    width = std::max(width, phase.w.count), height = std::max(height, phase.h.count);
    // The rows of the kernel are those of the first phase with this residue along h.
    if (i > 0 && phase.h.out_start == phases[i - 1].h.out_start) continue;
    for (const Tap& h : phase.h.taps) {
      ColumnLayout::KernelRow row{h.offset, {}, {}};
      index_t at = 0;
      for (std::size_t j = i; j < phases.size(); ++j) {
        if (phases[j].h.out_start != phase.h.out_start) break;
        ColumnLayout::Taps taps{j, {}, at, phases[j].w.count};
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
  // The slices of a sum must not depend on the number of threads.
  l.kc = choose_kc<T>(r.c);
  // The products of a block take a quarter of L2. The image takes half of it, if several rows of
  // the kernel read it.
  const index_t half = cache_sizes().l2 / 2 / index_t{sizeof(T)};
  index_t most = half / 2 / l.rows;
  if (l.kernel_rows.size() > 1) most = std::min(most, half / r.c);
  most = std::max(most, index_t{64});
  const index_t halo = l.last - l.first;
  const index_t columns = ceil_div(width, std::max(most - halo, most / 2));
  const index_t across = std::min(r.w.in, ceil_div(width, columns) + halo);
  const index_t most_rows = columns > 1 ? 1 : std::max(most / across, index_t{1});
  const Blocks least{ceil_div(height, most_rows), columns};
  const index_t images = std::max(r.batch * r.groups, index_t{1});
  const Blocks blocks =
      cut_outputs(least, {height, width}, images, exec.threads, [&](const Blocks& b) {
        const index_t wide = std::min(r.w.in, ceil_div(width, b.columns) + halo);
        const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
        return double(ceil_div(ceil_div(height, b.rows) * wide, lanes));
      });
  l.block = {ceil_div(height, blocks.rows), ceil_div(width, blocks.columns)};
  l.pixels = l.block.rows * std::min(r.w.in, l.block.columns + halo);
  return l;
}

template <class T>
void pack_columns(const Correlation& r, const ColumnLayout& layout, const T* weights, T* packed,
                  const Exec& exec) noexcept {
  const index_t rows = static_cast<index_t>(layout.kernel_rows.size());
  const index_t panels = ceil_div(layout.rows, layout.tile.mr), tasks = r.groups * rows * panels;
  const Team team = useful_threads(tasks, double(layout.packed(r.c) * r.groups), exec.threads);
  parallel_for(tasks, team, [&](index_t task, int) {
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

template ColumnLayout column_layout<float>(const std::vector<Correlation>&, const Exec&);
template ColumnLayout column_layout<double>(const std::vector<Correlation>&, const Exec&);
template void pack_columns(const Correlation&, const ColumnLayout&, const float*, float*,
                           const Exec&) noexcept;
template void pack_columns(const Correlation&, const ColumnLayout&, const double*, double*,
                           const Exec&) noexcept;

}  // namespace fastconv::transposed
