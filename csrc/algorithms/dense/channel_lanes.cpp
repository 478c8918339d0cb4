// SPDX-License-Identifier: MIT
// Convolution with output channels as lanes: each vector of weights is multiplied by pixels one by
// one. So few pixels leave no lane empty, taps in the zero padding cost nothing, and all phases of
// an adjoint are computed by one task. Weights are read once, in the order in which they are
// packed; unless they are prepacked, a task packs each slice of them just before its use.
#include <utility>

#include "algorithms/common/blocking.h"
#include "algorithms/correlation/pack_weights.h"
#include "algorithms/dense/channel_lanes_cost.h"
#include "algorithms/dense/channel_lanes_weights.h"
#include "algorithms/dense/dense.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv::dense {
namespace {

using Line = ChannelLanesLayout::Line;
using Patch = ChannelLanesLayout::Patch;

// How the outputs of a group are cut into tasks. A task computes some blocks of output channels, of
// some images, in some rows of the output planes, in which all phases lie.
struct Cut {
  index_t channel_tasks, image_blocks, row_blocks;  // how many parts each of the three is cut into
  index_t blocks, images, rows;                     // how many of each one task has at most
  index_t tasks(const Correlation& r) const {
    return r.groups * channel_tasks * image_blocks * row_blocks;
  }
};

// How many blocks of output channels a task takes together. The sums of `most` blocks of one image,
// or of one block of `most` images, stay in L2: of all ways to choose blocks and images so that
// their product is `most`, the task takes the one that reads the fewest bytes of images and weights
// for each of its sums. If it takes one block, each block reads all images again (2048@33 d6 and
// d18, N = 16: 1.14 and 1.19 times; at N = 1 L3 is fast enough).
index_t blocks_together(const Correlation& r, const ChannelLanesWeights& weights, index_t item,
                        index_t most, index_t threads) {
  if (r.batch <= 1) return 1;
  const index_t c = weights.channels(0).size(), batch = r.batch;
  const double image = double(c * r.in_plane() * item);
  const double slice = double(weights.slice_size(c, weights.most_rows()) * item);
  const auto images = [&](index_t blocks) { return std::clamp(most / blocks, index_t{1}, batch); };
  const auto bytes = [&](index_t blocks) {
    return image / double(blocks) + slice / double(images(blocks));
  };
  index_t best = 1;
  for (index_t blocks = 2; blocks <= std::min(most, weights.blocks()); ++blocks) {
    const index_t tasks =
        r.groups * ceil_div(weights.blocks(), blocks) * ceil_div(batch, images(blocks));
    const bool shared_out = tasks % threads == 0 || tasks >= 4 * threads;
    if (shared_out && bytes(blocks) < 0.8 * bytes(best)) best = blocks;
  }
  return best;
}

Cut cut_for(const Correlation& r, const ChannelLanesWeights& weights, index_t item,
            index_t threads) {
  Cut cut{};
  // The sums of a task take at most half of L2.
  const index_t row = r.w.out * weights.most_rows() * item, budget = cache_sizes().l2 / 2;
  cut.row_blocks = ceil_div(r.h.out, std::max<index_t>(1, budget / row));
  const index_t most = std::max<index_t>(1, budget / (r.h.out * row));
  cut.blocks = cut.row_blocks > 1 ? 1 : blocks_together(r, weights, item, most, threads);
  cut.channel_tasks = ceil_div(weights.blocks(), cut.blocks);
  cut.blocks = ceil_div(weights.blocks(), cut.channel_tasks);
  const index_t most_images = std::max<index_t>(1, most / cut.blocks);
  cut.image_blocks = cut.row_blocks > 1 ? r.batch : ceil_div(r.batch, most_images);
  // An odd number of equal tasks leaves a thread idle, so that few tasks are made a multiple of the
  // threads.
  const index_t tasks = cut.tasks(r);
  if (tasks < 4 * threads && tasks % threads != 0) {
    if (cut.image_blocks * threads <= r.batch)
      cut.image_blocks *= threads;
    else
      cut.row_blocks = std::min(r.h.out, cut.row_blocks * threads);
  }
  cut.images = ceil_div(r.batch, std::max<index_t>(1, cut.image_blocks));
  cut.rows = ceil_div(r.h.out, cut.row_blocks);
  return cut;
}

// The scratch memory of one thread, in bytes: the sums and the bias of all blocks of a task, and
// the slice of weights that the task packs itself.
struct Sizes {
  index_t sums, bias, weights;
  index_t all() const { return sums + bias + weights; }
};

template <class T>
Sizes sizes_for(const Correlation& r, const ChannelLanesWeights& weights, const Cut& cut,
                bool prepacked, const Exec& exec) {
  constexpr index_t item = sizeof(T);
  const index_t row = weights.most_rows() * item;
  // The kernel that stores results reads whole vectors of pixels.
  const index_t pixels = cut.images * cut.rows * r.w.out + exec.kernels<T>().conv.gemm.lanes;
  return {cut.blocks * cache_lines(pixels * row), cut.blocks * cache_lines(row),
          cache_lines(prepacked ? 0 : weights.most_slice() * item)};
}

// Goes through the pixels of a patch, row by row, from `row` of the patch on. `first_out` is the
// row of the output plane in which the sums begin; the sums of neighbouring pixels are ld apart.
class Walk {
 public:
  Walk(const Patch& patch, index_t row, index_t first_out, const Correlation& r, index_t ld)
      : columns_(patch.w.count),
        in_step_(patch.w.in_step),
        out_step_(patch.w.out_step * ld),
        in_row_step_(patch.h.in_step * r.w.in),
        out_row_step_(patch.h.out_step * r.w.out * ld),
        in_row_((patch.h.in + row * patch.h.in_step) * r.w.in + patch.w.in),
        out_row_(((patch.h.out + row * patch.h.out_step - first_out) * r.w.out + patch.w.out) * ld),
        in_(in_row_),
        out_(out_row_) {}

  // Lists where the next n pixels lie in a plane of the image, and where their sums lie.
  void take(index_t n, index_t* in, index_t* out) noexcept {
    for (index_t i = 0; i < n; ++i) {
      in[i] = in_, out[i] = out_;
      in_ += in_step_, out_ += out_step_;
      if (++column_ == columns_) {
        column_ = 0;
        in_ = in_row_ += in_row_step_;
        out_ = out_row_ += out_row_step_;
      }
    }
  }

 private:
  index_t columns_, in_step_, out_step_, in_row_step_, out_row_step_;
  index_t in_row_, out_row_, in_, out_, column_ = 0;
};

template <class T>
class Task {
 public:
  Task(const Job<T>& job, const ChannelLanesLayout& layout, const ChannelLanesWeights& weights,
       bool prepacked, const Exec& exec, const Cut& cut, std::byte* memory, index_t index) noexcept
      : job_(job), r_(job.r), layout_(layout), w_(weights), prepacked_(prepacked), exec_(exec) {
    const Sizes sizes = sizes_for<T>(r_, weights, cut, prepacked, exec);
    packed_ = reinterpret_cast<T*>(memory + sizes.sums + sizes.bias);
    out_rows_ = part(r_.h.out, cut.row_blocks, index % cut.row_blocks);
    index /= cut.row_blocks;
    images_ = part(r_.batch, cut.image_blocks, index % cut.image_blocks);
    index /= cut.image_blocks;
    blocks_ = part(weights.blocks(), cut.channel_tasks, index % cut.channel_tasks);
    g_ = index / cut.channel_tasks;
    pixels_ = out_rows_.size() * r_.w.out;
    all_sums_ = reinterpret_cast<T*>(memory);
    block_sums_ = sizes.sums / cut.blocks / index_t{sizeof(T)};
    all_bias_ = reinterpret_cast<T*>(memory + sizes.sums);
    block_bias_ = sizes.bias / cut.blocks / index_t{sizeof(T)};
  }

  void run() noexcept {
    for (index_t b = blocks_.begin; b < blocks_.end; ++b) take(b), start();
    for (index_t s = 0; s < w_.slices(); ++s)
      for (index_t b = blocks_.begin; b < blocks_.end; ++b) take(b), add(s);
    for (index_t b = blocks_.begin; b < blocks_.end; ++b) take(b), finish();
  }

 private:
  // Makes `block` the block at hand.
  void take(index_t block) noexcept {
    rows_ = w_.rows(block);
    ld_ = w_.ld(rows_), nv_ = ld_ / exec_.kernels<T>().conv.gemm.lanes;
    sums_ = all_sums_ + (block - blocks_.begin) * block_sums_;
    bias_ = all_bias_ + (block - blocks_.begin) * block_bias_;
  }

  // Adds slice s to the sums of the block at hand.
  void add(index_t s) noexcept {
    const Range channels = w_.channels(s);
    const T* w = prepacked_ ? job_.packed + w_.at(g_, rows_, s) : packed_;
    if (!prepacked_) {
      pack_slice(r_, layout_, w_, job_.weights, g_, rows_, channels, packed_, exec_);
      next_row_ = job_.weights + g_ * r_.w_group + rows_.begin * r_.w_m + channels.end * r_.w_c;
      rows_ahead_ = r_.w_c < r_.w_m && s + 1 < w_.slices() ? rows_.size() : 0;
    }
    for (index_t i = 0; i < w_.parts(); ++i) {
      const Range terms = part(channels.size(), w_.parts(), i);
      // As many images as fit a quarter of L2 are multiplied by the weights of one tap, and then by
      // those of the next one.
      const index_t image = terms.size() * r_.in_plane() * index_t{sizeof(T)};
      const index_t some = std::max(cache_sizes().l2 / 4 / image, index_t{1});
      for (index_t n = images_.begin; n < images_.end; n += some)
        for (const Patch& patch : layout_.patches())
          multiply(patch, {n, std::min(n + some, images_.end)},
                   {channels.begin + terms.begin, channels.begin + terms.end},
                   w + patch.slot * w_.slot_step(channels.size(), ld_) + terms.begin * ld_);
    }
  }

  // Starts the sums of the block at hand with the bias.
  void start() noexcept {
    for (index_t i = 0; i < ld_; ++i)
      bias_[i] = job_.bias && i < rows_.size() ? job_.bias[g_ * r_.m + rows_.begin + i] : T{0};
    for (index_t p = 0; p < images_.size() * pixels_; ++p) std::copy_n(bias_, ld_, sums_ + p * ld_);
  }

  // Multiplies the pixels of a patch by weights w, in tiles of about equally many pixels.
  void multiply(const Patch& patch, Range images, Range channels, const T* w) noexcept {
    const Line &h = patch.h, &v = patch.w;
    const auto first_from = [&](index_t out) {
      return std::clamp(ceil_div(std::max<index_t>(0, out - h.out), h.out_step), index_t{0},
                        h.count);
    };
    const index_t top = first_from(out_rows_.begin);
    const index_t n = (first_from(out_rows_.end) - top) * v.count;
    const auto& kernels = exec_.kernels<T>().conv.channel_lanes;
    const index_t tiles = ceil_div(n, index_t{kernels.max_pixels});
    const index_t even = tiles ? n / tiles : 0, larger = n - even * tiles;
    next_w_ = prepacked_ ? w + channels.size() * ld_ : w, lines_ahead_ = prepacked_ ? nv_ : 0;
    for (index_t image = images.begin; image < images.end; ++image) {
      Walk walk(patch, top, out_rows_.begin, r_, ld_);
      for (index_t tile = 0; tile < tiles; ++tile) {
        index_t in[kMaxPixels], out[kMaxPixels];
        const index_t pixels = even + (tile < larger);
        walk.take(pixels, in, out);
        kernels.run[pixels - 1][nv_ - 1](
            {.k = channels.size(),
             .x = job_.image(image, g_) + channels.begin * r_.in_plane(),
             .x_step = r_.in_plane(),
             .in = in,
             .w = w,
             .c = sums_ + (image - images_.begin) * pixels_ * ld_,
             .out = out,
             .ahead = ahead(channels.size())});
      }
    }
  }

  // From where the next tile, of k terms, fetches a cache line with each of them. If weights are
  // prepacked, the first tiles of a patch fetch the k terms that are multiplied next, as many tiles
  // as a term has vectors. If not, a tile fetches a row of the weights that the next slice packs
  // (5 % of 512@7 3x3). All other tiles fetch their next pixels, which null asks for, where
  // channels lie a page or more apart (2048@33 d6: 25 % on one thread; where planes are smaller, or
  // pixels lie apart, it only costs).
  const T* ahead(index_t k) noexcept {
    if (rows_ahead_ > 0) {
      --rows_ahead_;
      return std::exchange(next_row_, next_row_ + r_.w_m);
    }
    if (lines_ahead_ > 0) {
      --lines_ahead_;
      return std::exchange(next_w_, next_w_ + k * index_t{64 / sizeof(T)});
    }
    constexpr index_t page = 4096 / sizeof(T);
    return r_.w.in_step == 1 && r_.in_plane() > page ? nullptr : next_w_;
  }

  // Stores the finished sums of the block at hand as planes.
  void finish() noexcept {
    const index_t first = out_rows_.begin * r_.w.out;
    for (index_t image = images_.begin; image < images_.end; ++image) {
      const index_t at = job_.plane(image, g_, rows_.begin) + first;
      const T* residual = job_.residual_of(image, g_, rows_.begin);
      exec_.kernels<T>().conv.channel_lanes.store(
          {.c = sums_ + (image - images_.begin) * pixels_ * ld_,
           .ldc = ld_,
           .rows = rows_.size(),
           .n = pixels_,
           .y = job_.y + at,
           .ldy = r_.out_plane(),
           .residual = residual ? residual + first : nullptr});
      activate_rows(job_, exec_, job_.channel(g_, rows_.begin), job_.y + at, r_.out_plane(),
                    rows_.size(), pixels_);
    }
  }

  const Job<T>& job_;
  const Correlation& r_;
  const ChannelLanesLayout& layout_;
  const ChannelLanesWeights& w_;
  const bool prepacked_;
  const Exec& exec_;
  T *all_sums_, *all_bias_;              // of all blocks of the task
  T* packed_;                            // the slice of weights, unless they are prepacked
  T *sums_ = nullptr, *bias_ = nullptr;  // of the block at hand
  Range out_rows_, images_, blocks_;     // what the task computes
  Range rows_{};                         // the output channels of the block at hand
  index_t g_;                            // the group
  index_t nv_ = 0, ld_ = 0;              // the vectors that rows_ fill, and their lanes
  index_t pixels_;                       // of one image
  index_t block_sums_, block_bias_;      // how far apart two blocks' sums, and bias, lie
  // What ahead() gives next: packed weights for lines_ahead_ more tiles, or rows of the caller's
  // weights for rows_ahead_ more.
  const T *next_w_ = nullptr, *next_row_ = nullptr;
  index_t lines_ahead_ = 0, rows_ahead_ = 0;
};

template <class T>
class PreparedChannelLanes final : public Prepared<T> {
 public:
  PreparedChannelLanes(const Problem& problem, const char* family, const Exec& exec)
      : r_(problem.phases.front()),
        family_(family),
        prepacked_(problem.request.prepacked),
        layout_(problem.phases),
        weights_(ChannelLanesWeights::of<T>(r_, layout_, exec)),
        cut_(cut_for(r_, weights_, sizeof(T), team(exec).threads)) {
    if (prepacked_) this->packed_elements_ = weights_.size();
    // Weights are left out that meet nothing but padding.
    this->needs_weights_ = layout_.live() < static_cast<index_t>(layout_.slots().size());
    this->scratch_bytes_ = exec.threads * each(exec);
  }

  void pack(const T* weights, T* packed, const Exec& exec) const noexcept override {
    if (prepacked_) pack_slices(r_, layout_, weights_, weights, packed, exec);
  }
  PackingKey packing() const override {
    if (!prepacked_) return {};
    PackingKey key = start_of_key(Packing::lanes, r_);
    key.push_back(weights_.slices());
    key.insert(key.end(), layout_.slots().begin(), layout_.slots().end());
    return key;
  }

  void run(const ConvArgs<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const Job<T> job{args, r_};
    const index_t tasks = cut_.tasks(r_), size = each(exec);
    parallel_for(tasks, team(exec), [&](index_t task, int thread) {
      Task<T>(job, layout_, weights_, prepacked_, exec, cut_, scratch + thread * size, task).run();
    });
  }

  std::string family() const override { return family_; }

 private:
  // Where weights are multiplied by few pixels the call costs what reading the weights takes: a
  // cycle for 5 bytes, so that each weight counts as 8 to 32 FMAs.
  Team team(const Exec& exec) const {
    const double work = layout_.fmas(r_) + 8 * double(weights_.size());
    return useful_threads(exec.threads, work, exec.threads);
  }
  index_t each(const Exec& exec) const {
    return sizes_for<T>(r_, weights_, cut_, prepacked_, exec).all();
  }

  const Correlation r_;  // the first phase: what is asked of it, all phases have in common
  const char* family_;
  bool prepacked_;
  ChannelLanesLayout layout_;
  ChannelLanesWeights weights_;
  Cut cut_;
};

template <class T>
class ChannelLanes final : public Algorithm<T> {
 public:
  ChannelLanes() : Algorithm<T>("channel_lanes", "channel_lanes") {}

  Offer offer(const Problem& problem, const Exec& exec) const override {
    if (problem.phases.empty()) return refusal("no tap reaches any output");
    const auto& kernels = exec.kernels<T>().conv;
    const auto cost_of = [&](const Correlation& r) {
      return ChannelLanesCost(r, kernels.channel_lanes.max_pixels, kernels.gemm.lanes, sizeof(T));
    };
    double cycles = 0, packing = 0, bytes = 0;
    index_t written = 0;
    for (const Correlation& r : problem.phases) {
      const ChannelLanesCost cost = cost_of(r);
      cycles += cost.cycles(), packing += cost.packed_lanes(problem.phases.size()),
          bytes += cost.weight_bytes();
      written += r.pixels();
    }
    if (!problem.phases.empty()) cycles += cost_of(problem.phases.front()).stored_between(written);
    return offered(cycles, packing, bytes, problem.request);
  }

  std::unique_ptr<const Prepared<T>> prepare(const Problem& problem,
                                             const Exec& exec) const override {
    Problem turned = problem;
    turned.phases = upright(problem.phases);
    return std::make_unique<const PreparedChannelLanes<T>>(turned, this->family(), exec);
  }
};

}  // namespace

template <class T>
const Algorithm<T>& channel_lanes() {
  static const ChannelLanes<T> entry;
  return entry;
}
template const Algorithm<float>& channel_lanes();
template const Algorithm<double>& channel_lanes();

}  // namespace fastconv::dense
