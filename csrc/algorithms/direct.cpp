// SPDX-License-Identifier: MIT
// Convolution straight from strips of rows: no im2col, so little is copied; best where rows are
// long or output channels are few. Outputs of a tile lie in one row.
#include <numeric>

#include "algorithms/cost.h"
#include "algorithms/loops.h"
#include "algorithms/strip.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv {
namespace {

struct Cut {
  Tile tile;
  bool packed;            // how strips are laid out
  index_t rows, columns;  // outputs of a block
  index_t row_blocks, column_blocks;
  index_t chunks;    // of the output channels, where there are few blocks
  index_t channels;  // of a slice of the sum
};

template <class T>
Cut cut_for(const Correlation& r, const Exec& exec) {
  Cut cut{};
  cut.tile = choose_tile(exec.kernels<T>().conv.gemm, r.m);
  cut.packed = CostModel(r, cut.tile, exec.kernels<T>().conv.gemm.lanes, sizeof(T)).packs_strip();
  cut.column_blocks = ceil_div(r.w.count, CostModel::kMostColumns);
  cut.columns = ceil_div(r.w.count, cut.column_blocks);
  // The slices of a sum must not depend on the threads.
  const index_t most = std::max(most_terms<T>() / r.taps(), index_t{1});
  cut.channels = ceil_div(r.c, ceil_div(r.c, most));
  const index_t images = r.batch * r.groups * cut.column_blocks;
  const index_t threads = exec.threads, few = 4 * threads;
  // Blocks of rows, as many for each thread.
  index_t most_rows = 8;  // beyond, a 3x3 kernel has little left to share (10 rows instead of 24)
  if (cut.packed) {
    // The strip takes a third of L2; the rows between two blocks are gathered twice.
    const index_t row = cut.channels * r.w.n_taps() * cut.columns * index_t{sizeof(T)};
    most_rows = std::max(cache_sizes().l2 / 3 / row - r.h.n_taps(), index_t{1});
  }
  // Weights that outgrow L2 are better halved than read by all (256@28 -> 256 3x3 s2 on two
  // threads: 955 -> 830 us), smaller ones read by all than the strip gathered by all (128@56: 926
  // -> 805).
  const bool halved = cut.packed && r.m * r.k() * index_t{sizeof(T)} > cache_sizes().l2;
  const index_t even = halved ? 1 : threads / std::gcd(threads, images);
  const index_t blocks = ceil_div(ceil_div(r.h.count, most_rows), even) * even;
  cut.row_blocks = std::min(r.h.count, blocks);
  cut.chunks = 1;
  if (images * cut.row_blocks < few && images * cut.row_blocks % threads != 0)
    cut.chunks = std::min(threads, ceil_div(r.m, cut.tile.mr));
  cut.rows = ceil_div(r.h.count, cut.row_blocks);
  cut.row_blocks = ceil_div(r.h.count, cut.rows);
  return cut;
}

struct Sizes {
  index_t offsets, strip, c;  // bytes; offsets once, the others per thread
};

template <class T>
Sizes sizes_for(const Correlation& r, const Cut& cut, const StripLayout& layout) {
  const index_t item = sizeof(T);
  const index_t slack = cut.tile.nr + 1;  // a tile reads whole vectors
  return {cache_lines((cut.channels * r.taps() + kAhead) * index_t{sizeof(index_t)}),
          cache_lines((cut.channels * layout.channel() + slack) * item),
          cache_lines(r.plain_output() ? 0 : r.m * cut.rows * cut.columns * item)};
}

template <class T>
class Task {
 public:
  Task(const Job<T>& job, const Exec& exec, const Cut& cut, const StripLayout& layout,
       const index_t* offsets, std::byte* memory, index_t strip_bytes, index_t index) noexcept
      : job_(job),
        r_(job.r),
        exec_(exec),
        cut_(cut),
        layout_(layout),
        offsets_(offsets),
        strip_(reinterpret_cast<T*>(memory)),
        c_(reinterpret_cast<T*>(memory + strip_bytes)) {
    const Range panels = part(ceil_div(r_.m, cut.tile.mr), cut.chunks, index % cut.chunks);
    m_ = {panels.begin * cut.tile.mr, std::min(r_.m, panels.end * cut.tile.mr)};
    const index_t block = index / cut.chunks;
    const index_t column_block = block % cut.column_blocks;
    const index_t row_block = block / cut.column_blocks % cut.row_blocks;
    const index_t image = block / cut.column_blocks / cut.row_blocks;
    n_ = image / r_.groups, g_ = image % r_.groups;
    oh_ = row_block * cut.rows, rows_ = std::min(cut.rows, r_.h.count - oh_);
    ow_ = column_block * cut.columns, columns_ = std::min(cut.columns, r_.w.count - ow_);
  }

  void run() noexcept {
    for (index_t c0 = 0; c0 < r_.c; c0 += cut_.channels) {
      const index_t c1 = std::min(r_.c, c0 + cut_.channels);
      layout_.gather(r_, job_.image(n_, g_) + c0 * r_.in_plane(), c1 - c0, oh_, rows_, ow_,
                     columns_, exec_, strip_);
      for (index_t m = m_.begin; m < m_.end; m += cut_.tile.mr) {
        if (cut_.packed) {
          multiply(m, 0, rows_ * columns_, c0, c1);
        } else {
          for (index_t row = 0; row < rows_; ++row) multiply(m, row, columns_, c0, c1);
        }
      }
    }
    if (!r_.plain_output()) scatter();
  }

 private:
  // The weights of panel m for channels c0.. of the sum.
  const T* weights(index_t m, index_t c0) const {
    return job_.weights + (g_ * r_.m + m) * r_.k() +
           c0 * r_.taps() * std::min(cut_.tile.mr, r_.m - m);
  }
  // What is needed after panel m, or null.
  const T* weights_after(index_t m, index_t c0, index_t c1) const {
    if (m + cut_.tile.mr < m_.end) return weights(m + cut_.tile.mr, c0);
    return c1 < r_.c ? weights(m_.begin, c1) : nullptr;
  }

  // `n` outputs that are neighbours in the strip, from the start of `row` on.
  void multiply(index_t m, index_t row, index_t n, index_t c0, index_t c1) noexcept {
    const auto& gemm = exec_.kernels<T>().conv.gemm;
    const index_t mr = std::min(cut_.tile.mr, r_.m - m), lanes = gemm.lanes;
    const bool plain = r_.plain_output();
    const index_t ldc = plain ? r_.out_plane() : cut_.rows * cut_.columns;
    const index_t at = job_.plane(n_, g_, m) + (oh_ + row) * r_.w.out + ow_;
    for (index_t j = 0; j < n; j += cut_.tile.nr) {
      const index_t pixels = std::min(cut_.tile.nr, n - j), nv = ceil_div(pixels, lanes);
      T* c = plain ? job_.y + at + j : c_ + m * ldc + row * cut_.columns + j;
      const T* start = job_.residual ? job_.residual + at + j : nullptr;
      gemm.run_strip[mr - 1][nv - 1]({
          .k = (c1 - c0) * r_.taps(),
          .a = weights(m, c0),
          .b = strip_ + row * layout_.row_step() + j,
          .ldb = 0,
          .offsets = offsets_,
          .c = c,
          .ldc = ldc,
          .init = c0 == 0 ? start : c,
          .bias = c0 == 0 ? job_.bias_of(g_, m) : nullptr,
          .tail = static_cast<int>(pixels - (nv - 1) * lanes),
          .next = row == 0 && j == 0 ? weights_after(m, c0, c1) : nullptr,
      });
      if (c1 == r_.c) activate_rows(job_, exec_, c, ldc, mr, pixels);
    }
  }

  void scatter() noexcept {
    for (index_t m = m_.begin; m < m_.end; ++m)
      for (index_t row = 0; row < rows_; ++row)
        scatter_row(r_, c_ + (m * cut_.rows + row) * cut_.columns, columns_, oh_ + row, ow_,
                    job_.y + job_.plane(n_, g_, m));
  }

  const Job<T>& job_;
  const Correlation& r_;
  const Exec& exec_;
  const Cut& cut_;
  const StripLayout& layout_;
  const index_t* offsets_;
  T* strip_;
  T* c_;
  index_t n_, g_, oh_, rows_, ow_, columns_;
  Range m_;
};

}  // namespace

template <class T>
StripLayout direct_layout(const Correlation& r, const Exec& exec) {
  const Cut cut = cut_for<T>(r, exec);
  return {r, cut.rows, cut.columns, cut.packed};
}

template <class T>
index_t direct_scratch(const Correlation& r, const StripLayout& layout, const Exec& exec) {
  const Sizes sizes = sizes_for<T>(r, cut_for<T>(r, exec), layout);
  return sizes.offsets + exec.threads * (sizes.strip + sizes.c);
}

template <class T>
void direct(const Job<T>& job, const StripLayout& layout, const Exec& exec,
            std::byte* scratch) noexcept {
  const Correlation& r = job.r;
  const Cut cut = cut_for<T>(r, exec);
  const Sizes sizes = sizes_for<T>(r, cut, layout);
  auto* offsets = reinterpret_cast<index_t*>(scratch);
  index_t* end = list_terms(layout.taps(), cut.channels, layout.channel(), offsets);
  for (index_t i = 0; i < kAhead; ++i) end[i] = offsets[i];  // where the next tile starts
  const index_t tasks = r.batch * r.groups * cut.row_blocks * cut.column_blocks * cut.chunks;
  parallel_for(tasks, useful_threads(tasks, r.fmas(), exec.threads), [&](index_t task, int thread) {
    std::byte* memory = scratch + sizes.offsets + thread * (sizes.strip + sizes.c);
    Task<T>(job, exec, cut, layout, offsets, memory, sizes.strip, task).run();
  });
}

template StripLayout direct_layout<float>(const Correlation&, const Exec&);
template StripLayout direct_layout<double>(const Correlation&, const Exec&);
template index_t direct_scratch<float>(const Correlation&, const StripLayout&, const Exec&);
template index_t direct_scratch<double>(const Correlation&, const StripLayout&, const Exec&);
template void direct(const Job<float>&, const StripLayout&, const Exec&, std::byte*) noexcept;
template void direct(const Job<double>&, const StripLayout&, const Exec&, std::byte*) noexcept;

}  // namespace fastconv
