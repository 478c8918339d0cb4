// SPDX-License-Identifier: MIT
// Convolution straight from strips of rows. Little is copied, since nothing like im2col is needed;
// this is best where rows are long or output channels are few. Unless the strip is packed, the
// outputs of a tile lie in one row.

#include "algorithms/common/share_out.h"
#include "algorithms/correlation/strip.h"
#include "algorithms/dense/dense.h"
#include "algorithms/dense/direct_cost.h"
#include "algorithms/dense/im2col_cost.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv::dense {
namespace {

// How one phase is cut. A task is a block of outputs of one image and group, or one chunk of the
// output channels of that; it gathers its strip in slices of input channels.
struct Layout {
  Tile tile;
  index_t rows, columns;              // of outputs in a block
  index_t row_blocks, column_blocks;  // how many blocks lie below and beside one another
  index_t chunks;                     // of the output channels: 1 if there are blocks enough
  index_t channels;                   // input channels of a slice
  StripLayout strip;
  std::vector<index_t> offsets;  // where each term of a slice lies in the strip
};

// The scratch memory of one thread, in bytes: its strip, and its outputs where these are not
// neighbours in y.
struct Sizes {
  index_t strip, c;
};

template <class T>
Sizes sizes_for(const Correlation& r, const Layout& l) {
  const index_t item = sizeof(T);
  const index_t slack = l.tile.nr + 1;  // a tile reads whole vectors, beyond the end of the strip
  return {cache_lines((l.channels * l.strip.channel() + slack) * item),
          cache_lines(r.plain_output() ? 0 : r.m * l.rows * l.columns * item)};
}

template <class T>
class Task {
 public:
  Task(const Job<T>& job, const Exec& exec, const Layout& l, std::byte* memory, index_t strip_bytes,
       index_t index) noexcept
      : job_(job),
        r_(job.r),
        exec_(exec),
        l_(l),
        strip_(reinterpret_cast<T*>(memory)),
        c_(reinterpret_cast<T*>(memory + strip_bytes)) {
    const Range panels = part(ceil_div(r_.m, l.tile.mr), l.chunks, index % l.chunks);
    m_ = {panels.begin * l.tile.mr, std::min(r_.m, panels.end * l.tile.mr)};
    const index_t block = index / l.chunks;
    const index_t column_block = block % l.column_blocks;
    const index_t row_block = block / l.column_blocks % l.row_blocks;
    const index_t image = block / l.column_blocks / l.row_blocks;
    n_ = image / r_.groups, g_ = image % r_.groups;
    oh_ = row_block * l.rows, rows_ = std::min(l.rows, r_.h.count - oh_);
    ow_ = column_block * l.columns, columns_ = std::min(l.columns, r_.w.count - ow_);
  }

  void run() noexcept {
    for (index_t c0 = 0; c0 < r_.c; c0 += l_.channels) {
      const index_t c1 = std::min(r_.c, c0 + l_.channels);
      l_.strip.gather(r_, job_.image(n_, g_) + c0 * r_.in_plane(), c1 - c0, oh_, rows_, ow_,
                      columns_, exec_, strip_);
      for (index_t m = m_.begin; m < m_.end; m += l_.tile.mr) {
        if (l_.strip.packed()) {
          multiply(m, 0, rows_ * columns_, c0, c1);
        } else {
          for (index_t row = 0; row < rows_; ++row) multiply(m, row, columns_, c0, c1);
        }
      }
    }
    if (!r_.plain_output()) scatter();
  }

 private:
  // The weights of the panel that begins with output channel m, from input channel c0 on.
  const T* weights(index_t m, index_t c0) const {
    return job_.packed + (g_ * r_.m + m) * r_.k() + c0 * r_.taps() * std::min(l_.tile.mr, r_.m - m);
  }
  // The weights that are needed after those of panel m and channels c0..c1, or null.
  const T* weights_after(index_t m, index_t c0, index_t c1) const {
    if (m + l_.tile.mr < m_.end) return weights(m + l_.tile.mr, c0);
    return c1 < r_.c ? weights(m_.begin, c1) : nullptr;
  }

  // Adds channels c0..c1 to the sums of panel m, for `n` outputs from the start of `row` on. What a
  // tap reads for them are neighbours in the strip.
  void multiply(index_t m, index_t row, index_t n, index_t c0, index_t c1) noexcept {
    const auto& gemm = exec_.kernels<T>().conv.gemm;
    const index_t mr = std::min(l_.tile.mr, r_.m - m), lanes = gemm.lanes;
    const bool plain = r_.plain_output();
    const index_t ldc = plain ? r_.out_plane() : l_.rows * l_.columns;
    const index_t first = (oh_ + row) * r_.w.out + ow_, at = job_.plane(n_, g_, m) + first;
    const T* residual = job_.residual_of(n_, g_, m);
    for (index_t j = 0; j < n; j += l_.tile.nr) {
      const index_t pixels = std::min(l_.tile.nr, n - j), nv = ceil_div(pixels, lanes);
      T* c = plain ? job_.y + at + j : c_ + m * ldc + row * l_.columns + j;
      const T* start = residual ? residual + first + j : nullptr;
      gemm.run_indirect[mr - 1][nv - 1]({
          .k = (c1 - c0) * r_.taps(),
          .a = weights(m, c0),
          .b = strip_ + row * l_.strip.row_step() + j,
          .ldb = 0,
          .offsets = l_.offsets.data(),
          .c = c,
          .ldc = ldc,
          .init = c0 == 0 ? start : c,
          .bias = c0 == 0 ? job_.bias_of(g_, m) : nullptr,
          .tail = static_cast<int>(pixels - (nv - 1) * lanes),
          .limits = c1 == r_.c ? job_.limits : nullptr,
          .contended = exec_.threads > 1 && c0 == 0 && plain,
          .next = row == 0 && j == 0 ? weights_after(m, c0, c1) : nullptr,
      });
      if (c1 == r_.c) activate_rest(job_, exec_, job_.channel(g_, m), c, ldc, mr, pixels);
    }
  }

  // Copies finished outputs to y, between those of other phases.
  void scatter() noexcept {
    for (index_t m = m_.begin; m < m_.end; ++m)
      for (index_t row = 0; row < rows_; ++row)
        scatter_row(r_, c_ + (m * l_.rows + row) * l_.columns, columns_, oh_ + row, ow_,
                    job_.y + job_.plane(n_, g_, m));
  }

  const Job<T>& job_;
  const Correlation& r_;
  const Exec& exec_;
  const Layout& l_;
  T* strip_;
  T* c_;                              // outputs that are not neighbours in y
  index_t n_, g_;                     // image and group
  index_t oh_, rows_, ow_, columns_;  // the block: its first row and column, and how many it has
  Range m_;                           // the output channels
};

// How the rows of outputs and the output channels are shared out. Every block gathers its strip,
// and so does every chunk of one, while rows that two blocks read are gathered by both; a block's
// last vectors are partly empty; weights that outgrow L2 are read again by each block.
class Sharing {
 public:
  Sharing(const PhaseCost& cost, bool packed, index_t columns, index_t images, index_t threads)
      : cost_(cost), packed_(packed), columns_(columns), images_(images), threads_(threads) {}

  // For blocks of at most `rows` rows.
  Cuts best(index_t rows) const {
    const Correlation& r = cost_.r();
    return share_out(ceil_div(r.h.count, rows), r.h.count, ceil_div(r.m, cost_.tile().mr), images_,
                     threads_, [&](const Cuts& cuts) { return busiest(cuts); });
  }

 private:
  // The cycles of the busiest thread.
  double busiest(const Cuts& cuts) const {
    constexpr double kStreamed = 8;  // bytes of weights that come from beyond L2 in a cycle
    const Correlation& r = cost_.r();
    const Tile& tile = cost_.tile();
    const index_t rows = ceil_div(r.h.count, cuts.blocks);
    const index_t m = std::min(ceil_div(ceil_div(r.m, tile.mr), cuts.chunks) * tile.mr, r.m);
    const index_t runs = packed_ ? 1 : rows, pixels = packed_ ? rows * columns_ : columns_;
    const double vectors = double(runs) * double(ceil_div(pixels, cost_.lanes()));
    const double tiles = double(runs) * double(ceil_div(pixels, tile.nr));
    const double weights = double(m) * double(r.k()) * double(cost_.item());
    const double streamed = weights > double(cache_sizes().l2) ? weights / kStreamed : 0;
    const index_t gathered = std::min(rows * r.h.n_taps(), (rows - 1) * r.h.in_step + r.h.n_taps());
    const double width = packed_ ? double(r.w.n_taps()) : gathered_runs(r.w);
    const index_t rounds = ceil_div(images_ * cuts.blocks * cuts.chunks, threads_);
    return double(rounds) *
           (gemm_cycles(r.k(), m, tile.mr, vectors, tiles, cost_.rate()) + streamed +
            double(r.c) * double(gathered) * cost_.row_gathered(width, double(columns_)));
  }

  const PhaseCost& cost_;
  const bool packed_;
  const index_t columns_, images_, threads_;
};

template <class T>
Layout layout_for(const Correlation& r, const Exec& exec) {
  const PhaseCost cost = PhaseCost::of<T>(r, exec);
  const Tile tile = cost.tile();
  const bool packed = DirectCost(cost).packs_strip();
  const index_t column_blocks = ceil_div(r.w.count, DirectCost::kMostColumns);
  const index_t columns = ceil_div(r.w.count, column_blocks);
  // The slices of a sum must not depend on the threads.
  const index_t most = std::max(most_terms<T>() / r.taps(), index_t{1});
  const index_t channels = ceil_div(r.c, ceil_div(r.c, most));
  const index_t images = r.batch * r.groups * column_blocks;
  // With 8 rows of outputs a 3x3 kernel reads 10 rows instead of 24; more rows would share little
  // more.
  index_t most_rows = 8;
  if (packed) {
    // The strip may take a third of L2, because the rows that two blocks read are gathered twice.
    const index_t row = channels * r.w.n_taps() * columns * index_t{sizeof(T)};
    most_rows = std::max(cache_sizes().l2 / 3 / row - r.h.n_taps(), index_t{1});
  }
  const index_t threads = useful_threads(exec.threads, r.fmas(), exec.threads).threads;
  const Cuts cuts = Sharing(cost, packed, columns, images, threads).best(most_rows);
  const index_t rows = ceil_div(r.h.count, cuts.blocks);
  Layout l{tile,
           rows,
           columns,
           ceil_div(r.h.count, rows),
           column_blocks,
           cuts.chunks,
           channels,
           StripLayout(r, rows, columns, packed),
           {}};
  l.offsets.resize(static_cast<std::size_t>(channels * r.taps() + kAhead));
  index_t* end = list_terms(l.strip.taps(), channels, l.strip.channel(), l.offsets.data());
  std::copy_n(l.offsets.begin(), kAhead, end);  // the next tile begins where this one did
  return l;
}

template <class T>
class PreparedDirect final : public PreparedPhase<T> {
 public:
  PreparedDirect(const Correlation& r, const char* family, const Exec& exec)
      : PreparedPhase<T>(r, family), layout_(layout_for<T>(r, exec)) {
    this->use_panels(layout_.tile.mr);
    const Sizes sizes = sizes_for<T>(r, layout_);
    this->scratch_bytes_ = exec.threads * (sizes.strip + sizes.c);
  }

  void run(const ConvArgs<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const Job<T> job = this->job(args);
    const Correlation& r = job.r;
    const Layout& l = layout_;
    const Sizes sizes = sizes_for<T>(r, l);
    const index_t tasks = r.batch * r.groups * l.row_blocks * l.column_blocks * l.chunks;
    parallel_for(tasks, useful_threads(tasks, r.fmas(), exec.threads),
                 [&](index_t task, int thread) {
                   std::byte* memory = scratch + thread * (sizes.strip + sizes.c);
                   Task<T>(job, exec, l, memory, sizes.strip, task).run();
                 });
  }

 private:
  Layout layout_;
};

template <class T>
class Direct final : public PhaseAlgorithm<T> {
 public:
  Direct() : PhaseAlgorithm<T>("direct", "direct") {}

  Offer offer_phase(const Correlation& r, const Request& request, const Exec& exec) const override {
    const PhaseCost phase = PhaseCost::of<T>(r, exec);
    double cycles = DirectCost(phase).cycles();
    // The strip of a 1x1 convolution is nothing but a copy, so that this costs more than im2col.
    constexpr double kCopied = 1.05;
    if (is_pointwise(r)) cycles = std::max(cycles, kCopied * Im2colCost(phase, false).cycles());
    return offered(cycles, phase.packed_panels(), phase.weight_bytes(), request);
  }

  std::unique_ptr<const PreparedPhase<T>> prepare_phase(const Correlation& r, const Request&,
                                                        const Exec& exec) const override {
    return std::make_unique<const PreparedDirect<T>>(r, this->family(), exec);
  }
};

}  // namespace

template <class T>
const PhaseAlgorithm<T>& direct() {
  static const Direct<T> entry;
  return entry;
}
template const PhaseAlgorithm<float>& direct();
template const PhaseAlgorithm<double>& direct();

}  // namespace fastconv::dense
