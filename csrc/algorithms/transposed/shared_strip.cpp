// SPDX-License-Identifier: MIT
// All phases of an adjoint from one strip: a task gathers the strip of a block of outputs once,
// computes the block's outputs of every phase from it, and then stores them together.
#include <algorithm>

#include "algorithms/common/blocking.h"
#include "algorithms/correlation/cost.h"
#include "algorithms/correlation/fill.h"
#include "algorithms/correlation/pack_weights.h"
#include "algorithms/correlation/strip.h"
#include "algorithms/transposed/phase_block.h"
#include "algorithms/transposed/transposed.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv::transposed {
namespace {

// The most columns and rows of outputs of a block. Its rows are long, but they are few, though the
// rows of the image that two blocks read are then gathered twice.
constexpr index_t kMostColumns = 512, kMostRows = 8;

// One axis with the taps of all phases, sorted by what they read; taps that read the same are one.
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

// The index of a phase's tap among all of them.
std::size_t place_of(const TapAxis& all, const Tap& tap) {
  const auto found = std::ranges::lower_bound(all.taps, tap.offset, {}, &Tap::offset);
  return static_cast<std::size_t>(found - all.taps.begin());
}

struct Layout {
  Correlation all;  // a correlation with the taps of all phases, from which the strip follows
  BlockSize block;  // of outputs
  StripLayout strip;
  std::vector<std::vector<index_t>> taps;  // of each phase, where each tap reads in the strip
  index_t channels;                        // input channels of a slice of the sum
  index_t offsets;                         // the room for the terms' offsets of one phase's slice
};

template <class T>
Layout layout_for(const std::vector<Correlation>& phases, const Exec& exec) {
  Correlation all = phases.front();
  all.h = all_taps(phases, &Correlation::h), all.w = all_taps(phases, &Correlation::w);
  index_t columns = ceil_div(all.w.count, ceil_div(all.w.count, kMostColumns));
  // The slices of a sum must not depend on the number of threads, as blocks do: they are what fits
  // for the largest block.
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
  Layout layout{std::move(all), {rows, columns}, strip, {}, channels, 0};
  for (const Correlation& r : phases) {
    std::vector<index_t> taps;
    for (const Tap& h : r.h.taps)
      for (const Tap& w : r.w.taps)
        taps.push_back(strip.taps()[place_of(layout.all.h, h) * layout.all.w.taps.size() +
                                    place_of(layout.all.w, w)]);
    layout.offsets =
        std::max(layout.offsets, channels * static_cast<index_t>(taps.size()) + kAhead);
    layout.taps.push_back(std::move(taps));
  }
  return layout;
}

template <class T>
class PreparedSharedStrip final : public Prepared<T> {
 public:
  PreparedSharedStrip(const Problem& problem, const Exec& exec)
      : outputs_(problem),
        complete_(problem.complete),
        phases_(problem.phases),
        layout_(layout_for<T>(phases_, exec)),
        tile_(choose_tile(exec.kernels<T>().conv.gemm, layout_.all.m)),
        panels_(panels_of(phases_, tile_.mr)) {
    this->packed_elements_ = packed_size(panels_);
    const index_t item = sizeof(T);
    // A tile reads whole vectors, beyond the end of the strip.
    const index_t slack = kMaxNv * exec.kernels<T>().conv.gemm.lanes + 1;
    offset_bytes_ = cache_lines(static_cast<index_t>(phases_.size()) * layout_.offsets *
                                index_t{sizeof(index_t)});
    strip_bytes_ = cache_lines((layout_.channels * layout_.strip.channel() + slack) * item);
    buffer_bytes_ = cache_lines(layout_.block.elements(phases_) * item);
    this->scratch_bytes_ = offset_bytes_ + exec.threads * (strip_bytes_ + buffer_bytes_);
  }

  void pack(const T* weights, T* packed, const Exec& exec) const noexcept override {
    pack_panels<T>(panels_, weights, packed, exec);
  }
  PackingKey packing() const override { return key_of(panels_); }

  void run(const ConvArgs<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    if (!complete_) fill_with_bias(outputs_, args, exec);
    auto* offsets = reinterpret_cast<index_t*>(scratch);
    list_offsets(offsets);
    double fmas = 0;
    for (const Correlation& r : phases_) fmas += r.fmas();
    const Correlation& all = layout_.all;
    const PixelBlocks blocks(all.h.count, all.w.count, layout_.block.rows, layout_.block.columns);
    const index_t tasks = all.batch * all.groups * blocks.count();
    parallel_for(tasks, useful_threads(tasks, fmas, exec.threads), [&](index_t task, int thread) {
      std::byte* memory = scratch + offset_bytes_ + thread * (strip_bytes_ + buffer_bytes_);
      const index_t image = task / blocks.count();
      const PixelBlock at = blocks.at(task % blocks.count());
      PhaseBlock<T> block(args, phases_, layout_.block, exec,
                          reinterpret_cast<T*>(memory + strip_bytes_), image / all.groups,
                          image % all.groups, at);
      sum(args, exec, offsets, reinterpret_cast<T*>(memory), image, at, block);
      block.store();
    });
  }

  std::string family() const override { return kFamily; }

 private:
  index_t* offsets_of(index_t* offsets, std::size_t phase) const {
    return offsets + static_cast<index_t>(phase) * layout_.offsets;
  }

  // Lists where each phase's terms lie in the strip, once for all tasks.
  void list_offsets(index_t* offsets) const noexcept {
    for (std::size_t i = 0; i < phases_.size(); ++i) {
      index_t* first = offsets_of(offsets, i);
      index_t* end = list_terms(layout_.taps[i], layout_.channels, layout_.strip.channel(), first);
      std::copy_n(first, kAhead, end);
    }
  }

  // Computes all sums of one block, slice by slice.
  void sum(const ConvArgs<T>& args, const Exec& exec, index_t* offsets, T* strip, index_t image,
           const PixelBlock& at, PhaseBlock<T>& block) const noexcept {
    const Correlation& all = layout_.all;
    const T* planes = block.job().image(image / all.groups, image % all.groups);
    for (index_t c0 = 0; c0 < all.c; c0 += layout_.channels) {
      const Range c{c0, std::min(all.c, c0 + layout_.channels)};
      layout_.strip.gather(all, planes + c0 * all.in_plane(), c.size(), at.row, at.rows, at.column,
                           at.columns, exec, strip);
      for (std::size_t i = 0; i < phases_.size(); ++i)
        multiply(args, exec, offsets_of(offsets, i), strip, image % all.groups, i, c, block);
    }
  }

  // Adds input channels c to the sums that phase i has in the block.
  void multiply(const ConvArgs<T>& args, const Exec& exec, const index_t* offsets, const T* strip,
                index_t g, std::size_t i, Range c, PhaseBlock<T>& block) const noexcept {
    const Correlation& r = phases_[i];
    const auto& gemm = exec.kernels<T>().conv.gemm;
    const index_t taps = r.taps(), nr = tile_.nr;
    for (index_t m = 0; m < r.m; m += tile_.mr) {
      const index_t mr = std::min(tile_.mr, r.m - m);
      const T* weights = args.packed + panels_[i].at + (g * r.m + m) * r.k() + c.begin * taps * mr;
      for (index_t row = 0; row < block.rows(i); ++row)
        for (index_t j = 0; j < block.columns(i); j += nr) {
          const index_t pixels = std::min(nr, block.columns(i) - j);
          const index_t nv = ceil_div(pixels, index_t{gemm.lanes});
          T* to = block.at(i, m) + row * layout_.block.columns + j;
          gemm.run_indirect[mr - 1][nv - 1]({
              .k = c.size() * taps,
              .a = weights,
              .b = strip + row * layout_.strip.row_step() + j,
              .ldb = 0,
              .offsets = offsets,
              .c = to,
              .ldc = layout_.block.plane(),
              .init = c.begin == 0 ? nullptr : to,
              .bias = c.begin == 0 ? block.job().bias_of(g, m) : nullptr,
              .tail = static_cast<int>(pixels - (nv - 1) * gemm.lanes),
          });
        }
    }
  }

  Outputs outputs_;
  bool complete_;
  std::vector<Correlation> phases_;
  Layout layout_;
  Tile tile_;
  std::vector<Panels> panels_;
  index_t offset_bytes_ = 0;                    // of the lists of offsets, which all threads share
  index_t strip_bytes_ = 0, buffer_bytes_ = 0;  // of each thread's strip and buffer of outputs
};

template <class T>
class SharedStrip final : public Algorithm<T> {
 public:
  SharedStrip() : Algorithm<T>("shared_strip", kFamily) {}

  Offer offer(const Problem& problem, const Exec& exec) const override {
    // Each phase passes over all weights to pack its own (64@14 -> 3 k16 s16 takes 27 ms, by
    // channel_lanes 2.7), and a layout lists the taps of all.
    constexpr std::size_t kMostPhases = 16;
    constexpr index_t kFewOutputs = 8;  // whose blocks are small in any case
    const auto& phases = problem.phases;
    if (phases.size() < 2 || phases.size() > kMostPhases)
      return refusal("it takes from 2 to 16 phases");
    const BlockSize block{kMostRows, std::min(phases.front().w.count, kMostColumns)};
    if (phases.front().m > kFewOutputs &&
        block.elements(phases) * index_t{sizeof(T)} > cache_sizes().l2 / 2)
      return refusal("the outputs of all phases do not fit half of L2 together");
    double cycles = 0, packing = 0, bytes = 0;
    double rows = 0, columns = 0;
    index_t taps = 0;
    for (const Correlation& r : phases) {
      const PhaseCost phase = PhaseCost::of<T>(r, exec);
      const double tiles = double(r.h.count) * double(ceil_div(r.w.count, phase.tile().nr));
      cycles += phase.images() * (phase.product(phase.row_vectors(), tiles) +
                                  store_cycles(r, phase.row_vectors(), phase.lanes()));
      packing += phase.packed_panels(), bytes += phase.weight_bytes();
      rows = std::max(rows, double(r.h.count)), columns = std::max(columns, double(r.w.count));
      taps = std::max(taps, r.h.n_taps());
    }
    // One strip, of the rows that any of the phases reads: one more than the most that one reads.
    constexpr double kRow = 5, kSharedRows = 4;
    const PhaseCost phase = PhaseCost::of<T>(phases.front(), exec);
    const double read = double(taps) + 1, gathered = rows * std::min(read, 1 + read / kSharedRows);
    cycles += phase.images() * double(phases.front().c) * gathered * (kRow + phase.copies(columns));
    return offered(cycles, packing, bytes, problem.request);
  }

  std::unique_ptr<const Prepared<T>> prepare(const Problem& problem,
                                             const Exec& exec) const override {
    return std::make_unique<const PreparedSharedStrip<T>>(problem, exec);
  }
};

}  // namespace

template <class T>
const Algorithm<T>& shared_strip() {
  static const SharedStrip<T> entry;
  return entry;
}
template const Algorithm<float>& shared_strip();
template const Algorithm<double>& shared_strip();

}  // namespace fastconv::transposed
