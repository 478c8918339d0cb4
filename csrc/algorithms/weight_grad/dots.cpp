// SPDX-License-Identifier: MIT
// The weight gradient as dot products, along the pixels, of rows of gradients and rows of a strip.
// It is for few output channels, with which outer products would leave lanes empty, and so for
// depthwise layers, too.
#include "algorithms/common/blocking.h"
#include "algorithms/common/pixel_blocks.h"
#include "algorithms/correlation/strip.h"
#include "algorithms/weight_grad/algorithm.h"
#include "algorithms/weight_grad/cost.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv::weight_grad {
namespace {

// A task computes a chunk of the input channels of some groups. It goes through all images and
// blocks of pixels in order, whatever the number of threads.
struct Cut {
  PixelBlocks pixels;
  index_t blocks;               // of pixels, in all images
  index_t most_blocks;          // that are added in T before a sum goes on in double
  index_t channels, chunks;     // input channels of a chunk; chunks of a group
  index_t groups, group_tasks;  // groups of a task; how many tasks the groups are cut into
  index_t lanes;
};

template <class T>
PixelBlocks blocks_for(const Correlation& r) {
  // What a tile reads takes half of L1: a block of one channel of the strip, and one of gradients.
  return PixelBlocks(r.h.count, r.w.count, cache_sizes().l1 / 4 / index_t{sizeof(T)});
}

template <class T>
Cut cut_for(const Correlation& r, const StripLayout& layout, const Exec& exec) {
  Cut cut{};
  cut.pixels = blocks_for<T>(r);
  cut.blocks = r.batch * cut.pixels.count();
  cut.lanes = exec.kernels<T>().conv.gemm.lanes;
  // If each lane of a sum adds 1,024 terms in float, the sum errs by less than 1e-6 of its norm.
  constexpr index_t kMostTerms = 1024;
  const index_t terms = cut.pixels.rows * ceil_div(cut.pixels.columns, cut.lanes);
  cut.most_blocks = std::max(kMostTerms / terms, index_t{1});

  const index_t quarter = cache_sizes().l2 / 4 / index_t{sizeof(T)};
  const index_t per_channel = std::max(layout.channel(), r.m * r.taps() * cut.lanes);
  cut.chunks = ceil_div(r.c, std::clamp(quarter / per_channel, index_t{1}, r.c));
  const index_t threads = useful_threads(exec.threads, r.fmas(), exec.threads).threads;
  const index_t few = 4 * threads;
  if (r.groups * cut.chunks < few) cut.chunks = std::min(r.c, ceil_div(few, r.groups));
  cut.channels = ceil_div(r.c, cut.chunks);
  cut.chunks = ceil_div(r.c, cut.channels);
  cut.groups = std::max(r.groups * cut.chunks / (4 * few), index_t{1});
  cut.group_tasks = ceil_div(r.groups, cut.groups);
  return cut;
}

// The parts of the scratch memory, in bytes. All threads share the offsets, which tell where each
// term lies in a strip; each thread has its own strip, sums in T and sums in double.
struct Sizes {
  index_t offsets, strip, sums, totals;
  index_t each() const { return strip + sums + totals; }  // what each thread has
};

template <class T>
Sizes sizes_for(const Correlation& r, const Cut& cut, const StripLayout& layout) {
  const index_t item = sizeof(T), terms = cut.channels * r.taps();
  return {cache_lines(terms * index_t{sizeof(index_t)}),
          cache_lines(cut.channels * layout.channel() * item),
          cache_lines(r.m * terms * cut.lanes * item),
          cache_lines(r.m * terms * index_t{sizeof(double)})};
}

template <class T>
class Task {
 public:
  Task(const Job<T>& job, const Exec& exec, const Cut& cut, const Sizes& sizes,
       const StripLayout& layout, const index_t* offsets, std::byte* memory, index_t index) noexcept
      : job_(job),
        r_(job.r),
        kernels_(exec.kernels<T>().conv),
        exec_(exec),
        cut_(cut),
        layout_(layout),
        offsets_(offsets),
        strip_(reinterpret_cast<T*>(memory)),
        sums_(reinterpret_cast<T*>(memory + sizes.strip)),
        totals_(reinterpret_cast<double*>(memory + sizes.strip + sizes.sums)),
        groups_(part(r_.groups, cut.group_tasks, index % cut.group_tasks)),
        c0_(index / cut.group_tasks * cut.channels),
        terms_(std::min(cut.channels, r_.c - c0_) * r_.taps()) {}

  void run() noexcept {
    for (index_t g = groups_.begin; g < groups_.end; ++g) {
      std::fill_n(totals_, r_.m * terms_, 0.0);
      for (index_t block = 0; block < cut_.blocks; ++block) {
        multiply(g, block);
        if (block + 1 == cut_.blocks || (block + 1) % cut_.most_blocks == 0)
          for (index_t i = 0; i < r_.m * terms_; ++i)
            totals_[i] += kernels_.sum(sums_ + i * cut_.lanes, cut_.lanes, 1, 0);
      }
      for (index_t i = 0; i < r_.m; ++i)
        for (index_t j = 0; j < terms_; ++j)
          job_.dw[(g * r_.m + i) * r_.k() + c0_ * r_.taps() + j] =
              static_cast<T>(totals_[i * terms_ + j]);
    }
  }

 private:
  // Adds one block of pixels to the sums of group g.
  void multiply(index_t g, index_t block) noexcept {
    const index_t image = block / cut_.pixels.count() * r_.groups + g;
    const PixelBlock b = cut_.pixels.at(block % cut_.pixels.count());
    layout_.gather(r_, job_.x + (image * r_.c + c0_) * r_.in_plane(), terms_ / r_.taps(), b.row,
                   b.rows, b.column, b.columns, exec_, strip_);
    const T* dy = job_.dy + image * r_.m * r_.pixels() + b.row * r_.w.count + b.column;
    const auto& dot = kernels_.dot;
    for (index_t i = 0; i < r_.m; i += dot.max_mr)
      for (index_t j = 0; j < terms_; j += dot.max_nr) {
        const index_t mr = std::min<index_t>(dot.max_mr, r_.m - i);
        const index_t nr = std::min<index_t>(dot.max_nr, terms_ - j);
        dot.run[mr - 1][nr - 1]({.n = b.columns,
                                 .lines = b.rows,
                                 .a = dy + i * r_.pixels(),
                                 .lda = r_.pixels(),
                                 .b = strip_,
                                 .b_line = layout_.row_step(),
                                 .offsets = offsets_ + j,
                                 .sums = sums_ + (i * terms_ + j) * cut_.lanes,
                                 .ld = terms_,
                                 .overwrite = block % cut_.most_blocks == 0});
      }
  }

  const Job<T>& job_;
  const Correlation& r_;
  const ConvKernels<T>& kernels_;
  const Exec& exec_;
  const Cut& cut_;
  const StripLayout& layout_;
  const index_t* offsets_;
  T *strip_, *sums_;
  double* totals_;
  Range groups_;
  index_t c0_, terms_;
};

template <class T>
StripLayout strip_for(const Correlation& r) {
  const PixelBlocks pixels = blocks_for<T>(r);
  return {r, pixels.rows, pixels.columns, false};
}

template <class T>
class PreparedDots final : public Prepared<T> {
 public:
  PreparedDots(const Correlation& r, const Exec& exec)
      : Prepared<T>(r),
        layout_(strip_for<T>(r)),
        cut_(cut_for<T>(r, layout_, exec)),
        sizes_(sizes_for<T>(r, cut_, layout_)) {
    this->scratch_bytes_ = sizes_.offsets + exec.threads * sizes_.each();
  }

  void run(const Args<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const Job<T> job{args, this->r_};
    auto* offsets = reinterpret_cast<index_t*>(scratch);
    list_terms(layout_.taps(), cut_.channels, layout_.channel(), offsets);
    const index_t tasks = cut_.group_tasks * cut_.chunks;
    parallel_for(tasks, useful_threads(tasks, job.r.fmas(), exec.threads),
                 [&](index_t task, int thread) {
                   std::byte* memory = scratch + sizes_.offsets + thread * sizes_.each();
                   Task<T>(job, exec, cut_, sizes_, layout_, offsets, memory, task).run();
                 });
  }

 private:
  StripLayout layout_;
  Cut cut_;
  Sizes sizes_;
};

template <class T>
class Dots final : public Algorithm<T> {
 public:
  Dots() : Algorithm<T>("dots") {}
  Offer offer(const Correlation& r, const Request&, const Exec& exec) const override {
    return {.cycles = dots_cycles<T>(r, exec)};
  }
  std::unique_ptr<const Prepared<T>> prepare(const Correlation& r,
                                             const Exec& exec) const override {
    return std::make_unique<const PreparedDots<T>>(r, exec);
  }
};

}  // namespace

template <class T>
const Algorithm<T>& dots() {
  static const Dots<T> entry;
  return entry;
}
template const Algorithm<float>& dots();
template const Algorithm<double>& dots();

}  // namespace fastconv::weight_grad
