// SPDX-License-Identifier: MIT
// The weight gradient as a sum of outer products: for each pixel a column of inputs, one for each
// pair of an input channel and a tap, times a row of gradients, whose lanes are output channels.
// The sums stay in registers over a block of pixels. Inputs are read one by one from where they lie
// in a strip, so that stride, dilation and padding cost a copy of the image's rows and no im2col.
#include "algorithms/common/blocking.h"
#include "algorithms/common/pixel_blocks.h"
#include "algorithms/correlation/strip.h"
#include "algorithms/weight_grad/cost.h"
#include "algorithms/weight_grad/sums.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv::weight_grad {
namespace {

// A block of pixels, by the output channels that a tile holds.
struct Block {
  bool in_place;       // whether x itself serves as the strip, as it can for 1x1 kernels
  index_t nv, unit;    // the vectors and the lanes of a unit of output channels
  PixelBlocks pixels;  // of one image
  index_t images;      // of a block, at most: several only if it has all of their pixels
};

template <class T>
Block block_for(const Correlation& r, const Exec& exec) {
  const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
  Block block{};
  block.in_place = is_pointwise(r);
  block.nv = std::min<index_t>(kChannelLanesNv, ceil_div(r.m, lanes));
  block.unit = block.nv * lanes;
  // The gradients of a block, which every row of a tile reads again, take a little more than L1.
  // With half of L1, or with all of it, the tiles take as long; but larger blocks have fewer
  // borders, whose rows are gathered twice (2 % at 64@56).
  const index_t most =
      std::max(cache_sizes().l1 * 5 / 4 / (block.unit * index_t{sizeof(T)}), index_t{16});
  block.pixels =
      block.in_place ? PixelBlocks(1, r.pixels(), most) : PixelBlocks(r.h.count, r.w.count, most);
  block.images = 1;
  if (block.pixels.count() == 1)
    block.images = std::clamp(most / r.pixels(), index_t{1}, std::max<index_t>(r.batch, 1));
  return block;
}

// A task computes a chunk of the input channels by some units of the output channels of one group.
// It goes through all images and blocks of pixels in order, whatever the number of threads.
struct Cut {
  Block block;
  index_t blocks;       // of pixels, in all images
  index_t most_blocks;  // that are added in T before a sum goes on in double
  index_t units, task_units,
      unit_tasks;            // units of a group; of a task; tasks that they are cut into
  index_t channels, chunks;  // input channels of a chunk; chunks of a group
  index_t strip, sums;       // the elements of each thread's strip and sums

  bool in_double() const { return blocks > most_blocks; }
};

template <class T>
Cut cut_for(const Correlation& r, const StripLayout& layout, const Exec& exec) {
  Cut cut{};
  cut.block = block_for<T>(r, exec);
  cut.blocks = ceil_div(r.batch, cut.block.images) * cut.block.pixels.count();
  // A sum of 2,048 terms in float errs by 1e-6 of its norm or less.
  constexpr index_t kMostTerms = 2048;
  const index_t terms = cut.block.pixels.pixels() * cut.block.images;
  cut.most_blocks = std::max(kMostTerms / terms, index_t{1});
  if (sizeof(T) == sizeof(double)) cut.most_blocks = cut.blocks;

  // The strip of a task and its sums take a quarter of L2 each, and 4 units read the same strip. If
  // there is one block of pixels, a unit is finished before the next one begins, so that only the
  // sums of one unit are live.
  constexpr index_t kSharing = 4;
  cut.units = ceil_div(r.m, cut.block.unit);
  cut.task_units = cut.blocks == 1 ? cut.units : std::min(cut.units, kSharing);
  const auto live_units = [&] { return cut.blocks == 1 ? 1 : cut.task_units; };
  const index_t quarter = cache_sizes().l2 / 4 / index_t{sizeof(T)};
  const index_t per_channel =
      std::max(layout.channel() * cut.block.images, r.taps() * cut.block.unit * live_units());
  cut.chunks = ceil_div(r.c, std::clamp(quarter / per_channel, index_t{1}, r.c));
  // Each thread should get equally many tasks, unless there are many of them.
  const index_t threads = useful_threads(exec.threads, r.fmas(), exec.threads).threads;
  const index_t few = 4 * threads;
  const auto tasks = [&] { return r.groups * cut.chunks * ceil_div(cut.units, cut.task_units); };
  while (tasks() < few && tasks() % threads != 0 && cut.task_units > 1)
    cut.task_units = ceil_div(cut.task_units, 2);
  if (tasks() < few && tasks() % threads != 0) cut.chunks = std::min(r.c, cut.chunks * threads);
  cut.channels = ceil_div(r.c, cut.chunks);
  cut.chunks = ceil_div(r.c, cut.channels);
  cut.unit_tasks = ceil_div(cut.units, cut.task_units);
  cut.strip = cut.block.in_place ? 0 : cut.channels * layout.channel() * cut.block.images;
  cut.sums = cut.channels * r.taps() * cut.block.unit * live_units();
  return cut;
}

// The parts of the scratch memory, in bytes. All threads share the offsets, which tell where each
// row of a tile reads the strip and where its sums lie. Each thread has its own strip, transposed
// gradients, sums in T and, if sums go on in it, sums in double.
struct Sizes {
  index_t offsets, strip, gradients, sums, totals;
  index_t each() const { return strip + gradients + sums + totals; }  // what each thread has
};

template <class T>
Sizes sizes_for(const Correlation& r, const Cut& cut) {
  const index_t item = sizeof(T);
  return {cache_lines(2 * cut.channels * r.taps() * index_t{sizeof(index_t)}),
          cache_lines(cut.strip * item),
          cache_lines(cut.block.images * cut.block.pixels.pixels() * cut.block.unit * item),
          cache_lines(cut.sums * item),
          cache_lines(cut.in_double() ? cut.sums * index_t{sizeof(double)} : 0)};
}

template <class T>
class Task {
 public:
  Task(const Job<T>& job, const Exec& exec, const Cut& cut, const Sizes& sizes,
       const StripLayout& layout, const index_t* offsets, std::byte* memory, index_t index) noexcept
      : job_(job),
        r_(job.r),
        exec_(exec),
        cut_(cut),
        block_(cut.block),
        layout_(layout),
        in_(offsets),
        out_(offsets + cut.channels * r_.taps()) {
    strip_ = reinterpret_cast<T*>(memory);
    gradients_ = reinterpret_cast<T*>(memory + sizes.strip);
    sums_ = reinterpret_cast<T*>(memory + sizes.strip + sizes.gradients);
    totals_ = reinterpret_cast<double*>(memory + sizes.strip + sizes.gradients + sizes.sums);
    units_ = part(cut.units, cut.unit_tasks, index % cut.unit_tasks);
    const index_t chunk = index / cut.unit_tasks % cut.chunks;
    g_ = index / cut.unit_tasks / cut.chunks;
    c0_ = chunk * cut.channels;
    channels_ = std::min(cut.channels, r_.c - c0_);
  }

  void run() noexcept {
    for (index_t block = 0; block < cut_.blocks; ++block) {
      n_ = block / block_.pixels.count() * block_.images;
      images_ = std::min(block_.images, r_.batch - n_);
      at_ = block_.pixels.at(block % block_.pixels.count());
      const T* strip = input();
      const bool last = block + 1 == cut_.blocks;
      const bool full = last || (block + 1) % cut_.most_blocks == 0;
      for (index_t u = units_.begin; u < units_.end; ++u) {
        T* sums = sums_ + live(u) * unit_size();
        multiply(strip, u, sums, block % cut_.most_blocks == 0);
        if (full && cut_.in_double())
          exec_.kernels<T>().conv.add_to_totals(sums, totals_ + live(u) * unit_size(), unit_size(),
                                                block < cut_.most_blocks, last);
        if (last)
          store_sums(job_, exec_, sums, block_.unit, g_,
                     {u * block_.unit, u * block_.unit + outputs(u)}, {c0_, c0_ + channels_});
      }
    }
  }

 private:
  // The rows of a unit's sums: a pair of an input channel and a tap each.
  index_t rows() const { return channels_ * r_.taps(); }
  index_t unit_size() const { return rows() * block_.unit; }
  // The number of unit u among those whose sums are live.
  index_t live(index_t u) const { return cut_.blocks == 1 ? 0 : u - units_.begin; }
  index_t outputs(index_t u) const { return std::min(block_.unit, r_.m - u * block_.unit); }

  index_t image_step() const {
    return block_.in_place ? r_.groups * r_.c * r_.in_plane() : channels_ * layout_.channel();
  }
  // The first pixel of the block at hand in its plane.
  index_t first() const { return at_.row * block_.pixels.width + at_.column; }

  // The strip of the block at hand, which is gathered unless x serves as the strip.
  const T* input() noexcept {
    const T* image = job_.x + ((n_ * r_.groups + g_) * r_.c + c0_) * r_.in_plane();
    if (block_.in_place) return image + first();
    for (index_t i = 0; i < images_; ++i)
      layout_.gather(r_, image + i * r_.groups * r_.c * r_.in_plane(), channels_, at_.row, at_.rows,
                     at_.column, at_.columns, exec_, strip_ + i * image_step());
    return strip_;
  }

  // Transposes the gradients of unit u in the block at hand, and adds the block to the unit's sums.
  void multiply(const T* strip, index_t u, T* sums, bool overwrite) noexcept {
    const auto& kernels = exec_.kernels<T>();
    const index_t pixels = at_.rows * at_.columns, n = outputs(u);
    const index_t plane = (n_ * r_.groups + g_) * r_.m + u * block_.unit;
    if (n < block_.unit) std::fill_n(gradients_, images_ * pixels * block_.unit, T{0});
    for (index_t i = 0; i < images_; ++i)
      kernels.elementwise.transpose(
          {.x = job_.dy + (plane + i * r_.groups * r_.m) * r_.pixels() + first(),
           .ldx = r_.pixels(),
           .y = gradients_ + i * pixels * block_.unit,
           .ldy = block_.unit,
           .rows = n,
           .columns = pixels});
    const auto& tile_of = kernels.conv.channel_lanes;
    const index_t tiles = ceil_div(rows(), index_t{tile_of.max_pixels});
    for (index_t tile = 0; tile < tiles; ++tile) {
      const Range k = part(rows(), tiles, tile);
      tile_of.run[k.size() - 1][block_.nv - 1]({.k = at_.columns,
                                                .x = strip,
                                                .x_step = 1,
                                                .in = in_ + k.begin,
                                                .w = gradients_,
                                                .c = sums,
                                                .out = out_ + k.begin,
                                                .ahead = gradients_,
                                                .lines = at_.rows,
                                                .x_line = layout_.row_step(),
                                                .images = images_,
                                                .x_image = image_step(),
                                                .overwrite = overwrite});
    }
  }

  const Job<T>& job_;
  const Correlation& r_;
  const Exec& exec_;
  const Cut& cut_;
  const Block& block_;
  const StripLayout& layout_;
  const index_t *in_, *out_;  // where each row reads the strip, and where its sums lie in a unit
  T *strip_, *gradients_, *sums_;
  double* totals_;
  Range units_;                 // of output channels
  index_t g_, c0_, channels_;   // the group, its first input channel, and how many these are
  index_t n_ = 0, images_ = 1;  // of the block at hand: its first image, and how many it has
  PixelBlock at_{};             // the block at hand in their planes
};

template <class T>
StripLayout strip_for(const Correlation& r, const Exec& exec) {
  const Block block = block_for<T>(r, exec);
  return {r, block.pixels.rows, block.pixels.columns, false};
}

template <class T>
class PreparedOuter final : public Prepared<T> {
 public:
  PreparedOuter(const Correlation& r, const Exec& exec)
      : Prepared<T>(r),
        layout_(strip_for<T>(r, exec)),
        cut_(cut_for<T>(r, layout_, exec)),
        sizes_(sizes_for<T>(r, cut_)) {
    this->scratch_bytes_ = sizes_.offsets + exec.threads * sizes_.each();
  }

  void run(const Args<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const Job<T> job{args, this->r_};
    const Correlation& r = job.r;
    auto* offsets = reinterpret_cast<index_t*>(scratch);
    const index_t rows = cut_.channels * r.taps();
    // If x serves as the strip there is one tap, which reads its own pixel: that is what layout_
    // says of its strip, too.
    const index_t channel = cut_.block.in_place ? r.in_plane() : layout_.channel();
    list_terms(layout_.taps(), cut_.channels, channel, offsets);
    for (index_t i = 0; i < rows; ++i) offsets[rows + i] = i * cut_.block.unit;
    const index_t tasks = r.groups * cut_.chunks * cut_.unit_tasks;
    parallel_for(tasks, useful_threads(tasks, r.fmas(), exec.threads),
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
class Outer final : public Algorithm<T> {
 public:
  Outer() : Algorithm<T>("outer") {}
  Offer offer(const Correlation& r, const Request&, const Exec& exec) const override {
    return {.cycles = outer_cycles<T>(r, exec)};
  }
  std::unique_ptr<const Prepared<T>> prepare(const Correlation& r,
                                             const Exec& exec) const override {
    return std::make_unique<const PreparedOuter<T>>(r, exec);
  }
};

}  // namespace

template <class T>
const Algorithm<T>& outer() {
  static const Outer<T> entry;
  return entry;
}
template const Algorithm<float>& outer();
template const Algorithm<double>& outer();

}  // namespace fastconv::weight_grad
