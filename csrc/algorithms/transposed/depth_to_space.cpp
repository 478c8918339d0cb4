// SPDX-License-Identifier: MIT
// Transposed convolutions whose outputs have one tap each, because the kernel is no larger than its
// stride (2x2 stride 2, the gradient of a strided 1x1). The weights of all phases are multiplied by
// the image as it lies, in one matrix product; its rows are then copied to their places, so that
// each output is written once.
#include <algorithm>

#include "algorithms/common/blocking.h"
#include "algorithms/correlation/cost.h"
#include "algorithms/correlation/job.h"
#include "algorithms/correlation/pack_weights.h"
#include "algorithms/transposed/transposed.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv::transposed {
namespace {

struct Layout {
  struct Phase {
    index_t row, column;  // of its first output
  };
  std::vector<Phase> phases;  // sorted by row, then by column
  Tile tile;
  index_t kc;             // terms of a slice of the sum
  index_t rows, columns;  // of the image in a block: whole rows, or a part of one
  index_t row_blocks, column_blocks;
  index_t chunks;  // of the output channels: 1 if there are blocks enough

  index_t pixels() const { return rows * columns; }
};

// The scratch memory of one thread, in bytes: the packed panels of a block's pixels, the products
// of all phases with them, and a row of what outputs without a tap become.
struct Sizes {
  index_t image, products, fill;
  index_t each() const { return image + products + fill; }
};

// The most output channels of a chunk.
index_t most_rows(const Correlation& r, const Layout& l) {
  const index_t panels = ceil_div(ceil_div(r.m, l.tile.mr), l.chunks);
  return std::min(r.m, panels * l.tile.mr);
}

template <class T>
Sizes sizes_for(const Correlation& r, const Layout& l) {
  constexpr index_t item = sizeof(T);
  const index_t columns = ceil_div(l.pixels(), l.tile.nr) * l.tile.nr;
  const index_t phases = static_cast<index_t>(l.phases.size());
  return {cache_lines(columns * l.kc * item),
          cache_lines(phases * most_rows(r, l) * columns * item),
          cache_lines((l.columns + 1) * item)};
}

template <class T>
class Task {
 public:
  Task(const Job<T>& job, const Layout& layout, const Exec& exec, std::byte* memory,
       index_t index) noexcept
      : job_(job), r_(job.r), l_(layout), exec_(exec), gemm_(exec.kernels<T>().conv.gemm) {
    const Sizes sizes = sizes_for<T>(r_, layout);
    image_ = reinterpret_cast<T*>(memory);
    products_ = reinterpret_cast<T*>(memory + sizes.image);
    fill_ = reinterpret_cast<T*>(memory + sizes.image + sizes.products);
    ld_ = ceil_div(l_.pixels(), l_.tile.nr) * l_.tile.nr;
    const index_t chunk = index % l_.chunks;
    index /= l_.chunks;
    const Range panels = part(ceil_div(r_.m, l_.tile.mr), l_.chunks, chunk);
    m_ = {panels.begin * l_.tile.mr, std::min(r_.m, panels.end * l_.tile.mr)};
    columns_ = part(r_.w.in, l_.column_blocks, index % l_.column_blocks);
    last_column_ = index % l_.column_blocks + 1 == l_.column_blocks;
    index /= l_.column_blocks;
    rows_ = part(r_.h.in, l_.row_blocks, index % l_.row_blocks);
    last_row_ = index % l_.row_blocks + 1 == l_.row_blocks;
    index /= l_.row_blocks;
    n_ = index / r_.groups, g_ = index % r_.groups;
    pixels_ = rows_.size() * columns_.size();
  }

  void run() noexcept {
    for (index_t k0 = 0; k0 < r_.c; k0 += l_.kc) {
      const index_t k1 = std::min(r_.c, k0 + l_.kc);
      pack(k0, k1);
      for (std::size_t i = 0; i < l_.phases.size(); ++i) multiply(i, k0, k1);
    }
    for (index_t m = m_.begin; m < m_.end; ++m) store(m);
  }

 private:
  // Packs panels of the block's pixels, so that what a tile reads lies together. In each plane the
  // pixels of a block are neighbours.
  void pack(index_t k0, index_t k1) noexcept {
    const T* from = job_.image(n_, g_) + rows_.begin * r_.w.in + columns_.begin;
    for (index_t j = 0; j < pixels_; j += l_.tile.nr) {
      const index_t n = std::min(l_.tile.nr, pixels_ - j);
      exec_.kernels<T>().conv.gather_rows({.row = from + k0 * r_.in_plane() + j,
                                           .width = n,
                                           .start = 0,
                                           .step = 1,
                                           .n = n,
                                           .mode = PadMode::zeros,
                                           .dst = image_ + j * l_.kc,
                                           .rows = k1 - k0,
                                           .row_step = r_.in_plane(),
                                           .dst_step = l_.tile.nr});
    }
  }

  // Where the products of output channel m of a phase begin: one for each pixel of the block.
  T* products(std::size_t phase, index_t m) const {
    return products_ + (static_cast<index_t>(phase) * (m_.end - m_.begin) + m - m_.begin) * ld_;
  }

  const T* weights(std::size_t phase, index_t m, index_t k) const {
    const index_t group = static_cast<index_t>(phase) * r_.groups + g_;
    return job_.packed + (group * r_.m + m) * r_.c + k * std::min(l_.tile.mr, r_.m - m);
  }

  // Adds terms k0..k1 to the products of phase i.
  void multiply(std::size_t i, index_t k0, index_t k1) noexcept {
    for (index_t m = m_.begin; m < m_.end; m += l_.tile.mr) {
      const index_t mr = std::min(l_.tile.mr, m_.end - m);
      const T* next = m + mr < m_.end            ? weights(i, m + mr, k0)
                      : i + 1 < l_.phases.size() ? weights(i + 1, m_.begin, k0)
                                                 : nullptr;
      for (index_t j = 0; j < pixels_; j += l_.tile.nr) {
        const index_t n = std::min(l_.tile.nr, pixels_ - j), nv = ceil_div(n, index_t{gemm_.lanes});
        T* c = products(i, m) + j;
        gemm_.run_gemm[mr - 1][nv - 1]({.k = k1 - k0,
                                        .a = weights(i, m, k0),
                                        .b = image_ + j * l_.kc,
                                        .ldb = l_.tile.nr,
                                        .offsets = nullptr,
                                        .c = c,
                                        .ldc = ld_,
                                        .init = k0 == 0 ? nullptr : c,
                                        .bias = k0 == 0 ? job_.bias_of(g_, m) : nullptr,
                                        .tail = static_cast<int>(n - (nv - 1) * gemm_.lanes),
                                        .next = j == 0 ? next : nullptr});
      }
    }
  }

  // Stores the outputs of channel m that belong to the block, row by row.
  void store(index_t m) noexcept {
    for (std::size_t i = 0; i < l_.phases.size(); ++i)
      activate_rows(job_, exec_, job_.channel(g_, m), products(i, m), 0, 1, pixels_);
    std::fill_n(fill_, columns_.size() + 1, job_.bias ? *job_.bias_of(g_, m) : T{0});
    activate_rows(job_, exec_, job_.channel(g_, m), fill_, 0, 1, columns_.size() + 1);
    const index_t step = r_.h.out_step;
    const index_t end = last_row_ ? r_.h.out : rows_.end * step;
    T* plane = job_.y + job_.plane(n_, g_, m);
    for (index_t oh = rows_.begin * step; oh < end; ++oh)
      store_row(m, oh / step - rows_.begin, oh % step, plane + oh * r_.w.out);
  }

  bool is_of_row(std::size_t phase, index_t row) const {
    return phase < l_.phases.size() && l_.phases[phase].row == row;
  }

  // Stores a row of outputs. Its columns alternate between the phases that share it; columns of no
  // phase get the bias, which is in fill_.
  void store_row(index_t m, index_t row, index_t start, T* y) noexcept {
    const index_t step = r_.w.out_step, n = columns_.size();
    // The products of the phase whose outputs begin at this column, or null if there is none.
    // Columns are asked for in ascending order, again and again from 0, as the phases of a row are
    // in order.
    const auto first = static_cast<std::size_t>(
        std::ranges::lower_bound(l_.phases, start, {}, &Layout::Phase::row) - l_.phases.begin());
    std::size_t next = first;
    const auto of = [&](index_t column) -> const T* {
      if (row >= rows_.size()) return nullptr;
      if (column == 0) next = first;
      while (is_of_row(next, start) && l_.phases[next].column < column) ++next;
      const bool found = is_of_row(next, start) && l_.phases[next].column == column;
      return found ? products(next, m) + row * n : nullptr;
    };
    y += columns_.begin * step;
    const auto or_fill = [&](const T* phase) { return phase ? phase : fill_; };
    // The row of outputs may end before the outputs of the last pixel do, or after them.
    const index_t end = (last_column_ ? r_.w.out : columns_.end * step) - columns_.begin * step;
    const index_t whole = std::min(n, end / step);
    if (step == 1) {
      std::copy_n(or_fill(of(0)), whole, y);
    } else if (step == 2) {
      exec_.kernels<T>().conv.interleave(or_fill(of(0)), or_fill(of(1)), whole, y);
    } else if (whole > 0) {  // a stride may be far longer than the row
      for (index_t b = 0; b < step; ++b) {
        const T* from = or_fill(of(b));
        for (index_t i = 0; i < whole; ++i) y[i * step + b] = from[i];
      }
    }
    for (index_t i = whole * step; i < end; ++i) {
      const T* from = i / step < n ? of(i % step) : nullptr;
      y[i] = from ? from[i / step] : fill_[0];
    }
  }

  const Job<T>& job_;
  const Correlation& r_;
  const Layout& l_;
  const Exec& exec_;
  const GemmKernels<T>& gemm_;
  T *image_, *products_, *fill_;
  index_t n_, g_;                // image and group
  index_t ld_, pixels_;          // how far apart rows of products lie; the pixels of the block
  Range m_, rows_, columns_;     // output channels; rows and columns of the image
  bool last_row_, last_column_;  // whether the block is at the lower, at the right border
};

// Whether this axis of a phase reads each element of the image once, from the first to the last.
bool reads_once(const TapAxis& axis) {
  return axis.n_taps() == 1 && axis.taps[0].offset == 0 && axis.in_step == 1 &&
         axis.count == axis.in && axis.out_start < axis.out_step;
}

bool has_one_tap_each(const std::vector<Correlation>& phases) {
  if (phases.empty() || phases.front().mode != PadMode::zeros) return false;
  const Correlation& r = phases.front();
  if (r.h.out_step * r.w.out_step == 1) return false;
  return std::ranges::all_of(
      phases, [](const Correlation& phase) { return reads_once(phase.h) && reads_once(phase.w); });
}

template <class T>
Layout layout_for(const std::vector<Correlation>& phases, const Exec& exec) {
  const Correlation& r = phases.front();
  Layout l{};
  l.tile = choose_tile(exec.kernels<T>().conv.gemm, r.m);
  l.kc = choose_kc<T>(r.c);
  for (const Correlation& phase : phases)
    l.phases.push_back({phase.h.out_start, phase.w.out_start});
  // The products of a block take half of L2, but a block has the pixels of two tiles at least. It
  // has so many rows that its last vector is as full as may be (28x28: 112 pixels, not 56).
  const index_t rows = static_cast<index_t>(phases.size()) * r.m;
  const index_t most = std::max(cache_sizes().l2 / 2 / (rows * index_t{sizeof(T)}), 2 * l.tile.nr);
  l.column_blocks = ceil_div(r.w.in, most);
  l.columns = ceil_div(r.w.in, l.column_blocks);
  const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
  const auto filled = [&](index_t n) {
    return double(n * r.w.in) / double(ceil_div(n * r.w.in, lanes) * lanes);
  };
  index_t block = std::clamp(most / r.w.in, index_t{1}, r.h.in);
  for (index_t n = block; n > block / 2; --n)
    if (filled(n) > filled(block) + 0.02) block = n;
  l.row_blocks = ceil_div(r.h.in, block);
  const double fmas = r.fmas() * double(phases.size());
  const index_t threads = useful_threads(exec.threads, fmas, exec.threads).threads;
  const index_t few = 4 * threads;
  const auto blocks = [&] { return r.batch * r.groups * l.row_blocks * l.column_blocks; };
  if (blocks() > 0 && blocks() < few && blocks() % threads != 0)
    l.row_blocks = std::min(r.h.in, ceil_div(l.row_blocks, threads) * threads);
  l.rows = ceil_div(r.h.in, l.row_blocks);
  l.chunks = 1;
  if (blocks() > 0 && blocks() < threads) l.chunks = std::min(threads, ceil_div(r.m, l.tile.mr));
  return l;
}

template <class T>
class PreparedDepthToSpace final : public Prepared<T> {
 public:
  PreparedDepthToSpace(const Problem& problem, const Exec& exec)
      : phases_(problem.phases),
        layout_(layout_for<T>(phases_, exec)),
        panels_(panels_of(phases_, layout_.tile.mr)) {
    this->packed_elements_ = packed_size(panels_);
    this->scratch_bytes_ = exec.threads * sizes_for<T>(phases_.front(), layout_).each();
  }

  void pack(const T* weights, T* packed, const Exec& exec) const noexcept override {
    pack_panels<T>(panels_, weights, packed, exec);
  }
  PackingKey packing() const override { return key_of(panels_); }

  void run(const ConvArgs<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const Job<T> job{args, phases_.front()};
    const Correlation& r = job.r;
    const index_t each = sizes_for<T>(r, layout_).each();
    const index_t tasks =
        r.batch * r.groups * layout_.row_blocks * layout_.column_blocks * layout_.chunks;
    const double fmas = r.fmas() * double(phases_.size());
    parallel_for(tasks, useful_threads(tasks, fmas, exec.threads), [&](index_t task, int thread) {
      Task<T>(job, layout_, exec, scratch + thread * each, task).run();
    });
  }

  std::string family() const override { return kFamily; }

 private:
  std::vector<Correlation> phases_;
  Layout layout_;
  std::vector<Panels> panels_;
};

template <class T>
class DepthToSpace final : public Algorithm<T> {
 public:
  DepthToSpace() : Algorithm<T>("depth_to_space", kFamily) {}

  Offer offer(const Problem& problem, const Exec& exec) const override {
    if (!problem.phases.empty() && !this->asked_by(problem.request) &&
        many_slots(problem.phases.front(), problem.phases.size()))
      return refusal("its lists of so many phases and taps are made only if it is asked for");
    if (!has_one_tap_each(problem.phases))
      return refusal("it takes transposed kernels no larger than their stride, without padding");
    // Panels of pixels are copied once for all phases: a channel's part of a panel. Of a channel a
    // row of outputs is put together, from two phases a vector at a time, else one by one.
    constexpr double kPiece = 12, kRow = 10, kPair = 2, kElement = 1.2;
    const Correlation& r = problem.phases.front();
    const PhaseCost phase = PhaseCost::of<T>(r, exec);
    const index_t pixels = r.in_plane();
    const double panels = double(ceil_div(pixels, phase.tile().nr));
    const double phases = double(problem.phases.size());
    const double element = r.w.out_step <= 2 ? kPair / double(phase.lanes()) : kElement;
    const double stored = double(r.m) * (double(r.h.out) * kRow + double(r.out_plane()) * element);
    const double image = phases * phase.block(pixels) + stored +
                         double(r.c) * (panels * kPiece + phase.copies(double(pixels)));
    return offered(phase.images() * image, phases * phase.packed_panels(),
                   phases * phase.weight_bytes(), problem.request);
  }

  std::unique_ptr<const Prepared<T>> prepare(const Problem& problem,
                                             const Exec& exec) const override {
    return std::make_unique<const PreparedDepthToSpace<T>>(problem, exec);
  }
};

}  // namespace

template <class T>
const Algorithm<T>& depth_to_space() {
  static const DepthToSpace<T> entry;
  return entry;
}
template const Algorithm<float>& depth_to_space();
template const Algorithm<double>& depth_to_space();

}  // namespace fastconv::transposed
