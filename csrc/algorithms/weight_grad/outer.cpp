// SPDX-License-Identifier: MIT
// The weight gradient as a sum of outer products: for each pixel a column of inputs, one for each
// pair of an input channel and a tap, times a row of gradients, whose lanes are output channels.
// The sums stay in registers over a block of pixels. Inputs are read one by one from where they lie
// in a strip, so that stride, dilation and padding cost a copy of the image's rows and no im2col.
#include "algorithms/correlation/strip.h"
#include "algorithms/weight_grad/cost.h"
#include "algorithms/weight_grad/outer_task.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv::weight_grad {
namespace {

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
class Task : private OuterTask<T> {
 public:
  Task(const Job<T>& job, const Exec& exec, const Cut& cut, const Sizes& sizes,
       const StripLayout& layout, const index_t* offsets, std::byte* memory, index_t index) noexcept
      : OuterTask<T>(job, exec, cut, reinterpret_cast<T*>(memory + sizes.strip + sizes.gradients),
                     reinterpret_cast<double*>(memory + sizes.strip + sizes.gradients + sizes.sums),
                     index),
        layout_(layout),
        in_(offsets),
        out_(offsets + cut.channels * r_.taps()),
        strip_(reinterpret_cast<T*>(memory)),
        gradients_(reinterpret_cast<T*>(memory + sizes.strip)) {}

  void run() noexcept {
    const T* strip = nullptr;
    this->run_blocks(
        [&] { strip = input(); },
        [&](index_t u, T* sums, bool overwrite) { multiply(strip, u, sums, overwrite); });
  }

 private:
  using Base = OuterTask<T>;
  using Base::job_, Base::r_, Base::exec_, Base::block_, Base::g_, Base::c0_, Base::channels_;
  using Base::n_, Base::images_, Base::at_, Base::rows, Base::outputs;

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
    const auto& kernels = exec_.template kernels<T>();
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

  const StripLayout& layout_;
  const index_t *in_, *out_;  // where each row reads the strip, and where its sums lie in a unit
  T *strip_, *gradients_;
};

// For 1x1 kernels x itself serves as the strip, and its planes as single rows.
template <class T>
Block strip_block(const Correlation& r, const Exec& exec) {
  const bool in_place = is_pointwise(r);
  return block_for<T>(r, in_place, in_place, false, exec);
}

template <class T>
StripLayout strip_for(const Correlation& r, const Exec& exec) {
  const Block block = strip_block<T>(r, exec);
  return {r, block.pixels.rows, block.pixels.columns, false};
}

template <class T>
class PreparedOuter final : public Prepared<T> {
 public:
  PreparedOuter(const Correlation& r, const Exec& exec)
      : Prepared<T>(r),
        layout_(strip_for<T>(r, exec)),
        cut_(cut_for<T>(r, strip_block<T>(r, exec), layout_.channel(), exec)),
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
