// SPDX-License-Identifier: MIT
// Dense layers on pixels as they lie where channels are neighbours, without a transposition. Lanes
// are output channels: a tile reads the channels of some evenly spaced pixels one by one, and
// writes vectors of results where they belong. Outputs which read the image through the same taps
// make tiles together, so that the padding costs nothing; where that would be many small tiles, or
// where the padding is no zeros, some rows are copied with their padding first.
#include <limits>
#include <utility>

#include "algorithms/correlation/padded_pixels.h"
#include "algorithms/correlation/phases.h"
#include "algorithms/dense/dense.h"
#include "algorithms/dense/pixels_cost.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv::dense {
namespace {

// How the outputs of a group are cut into tasks: rows of an image, and columns where rows are few
// and are read as they lie, by some blocks of channels.
struct Cut {
  index_t row_blocks, column_blocks, channel_tasks;
  index_t rows(const Correlation& r) const { return ceil_div(r.h.count, row_blocks); }
  index_t tasks(const Correlation& r) const {
    return r.groups * r.batch * row_blocks * column_blocks * channel_tasks;
  }
};

// Whether the weights of a group are so few that a task multiplies each tile of pixels by all of
// them before it goes on: then a pixel's vectors are written one soon after the other.
bool few_weights(const Correlation& r, const PixelsWeights& weights, index_t item) {
  return weights.slices() == 1 && weights.size() / r.groups * item <= cache_sizes().l2 / 4;
}

Cut cut_for(const Correlation& r, const PixelsWeights& weights, bool framed, index_t item,
            int threads) {
  // What the rows of a task read takes at most a quarter of L2, beside a slice of weights.
  const double row = double(r.w.in) * double(r.c) * double(r.h.in_step) * double(item);
  const double quarter = double(cache_sizes().l2) / 4;
  const double most = std::max(1.0, quarter / row);
  Cut cut{.row_blocks = most >= double(r.h.count) ? 1 : ceil_div(r.h.count, index_t(most)),
          .column_blocks = 1,
          .channel_tasks = 1};
  if (!framed && r.h.count == 1 && row > quarter)
    cut.column_blocks = std::min(r.w.count, index_t(row / quarter) + 1);
  const auto uneven = [&] { return cut.tasks(r) < 4 * threads && cut.tasks(r) % threads != 0; };
  // Few tasks are made a multiple of the threads: by channels where there are more weights to read
  // than pixels.
  if (uneven() && weights.size() > r.batch * r.groups * r.c * r.in_plane())
    cut.channel_tasks = std::min<index_t>(weights.blocks(), threads);
  if (uneven()) cut.row_blocks = std::min(r.h.count, cut.row_blocks * threads);
  // Signals have one row (512@3199 -> 512 k3 s2 on two threads: 24 -> 12 ms).
  if (uneven() && !framed) cut.column_blocks = std::min(r.w.count, cut.column_blocks * threads);
  return cut;
}

// Where a task finds its pixels: in the image, or in the copy of some of its rows.
template <class T>
struct Source {
  const T* x;
  index_t origin, row, pixel;  // place (h, w) begins at x[origin + h * row + w * pixel]
};

// A line of pixels at an even distance in x, y and the residual, which take the same taps.
struct Line {
  index_t n;
  index_t x, y, residual;                 // where the first one begins
  index_t x_step, y_step, residual_step;  // to the next one
};

// What the tiles of two spans have in common.
struct Terms {
  index_t k, lines, rows, x_line, x_row;
  index_t tap;  // the first one, among all taps
};

template <class T>
struct Layout {
  PixelsWeights weights;
  std::vector<index_t> slots;
  bool framed, together;  // see PixelsCost::framed, few_weights
  std::vector<TapSpan> h, w;
  Cut cut;
  PaddedPixels frame;
  index_t h_step, w_step;  // how far apart neighbouring taps read
};

template <class T>
class Task {
 public:
  Task(const Job<T>& job, const Layout<T>& layout, const Exec& exec, const T* bias, T* frame,
       index_t index) noexcept
      : job_(job), r_(job.r), l_(layout), w_(layout.weights), exec_(exec), bias_(bias) {
    const Cut& cut = layout.cut;
    rows_ = part(r_.h.count, cut.row_blocks, index % cut.row_blocks);
    index /= cut.row_blocks;
    columns_ = part(r_.w.count, cut.column_blocks, index % cut.column_blocks);
    index /= cut.column_blocks;
    n_ = index % r_.batch, index /= r_.batch;
    blocks_ = part(w_.blocks(), cut.channel_tasks, index % cut.channel_tasks);
    g_ = index / cut.channel_tasks;
    const T* image = job.x + n_ * job.x_image + g_ * r_.c;
    x_ = {image, 0, job.x_row, job.x_pixel};
    if (!layout.framed) return;
    layout.frame.fill(job, image, rows_.begin, rows_.size(), exec, frame);
    x_ = {frame, layout.frame.origin(rows_.begin), layout.frame.row(), layout.frame.pixel()};
  }

  void run() noexcept {
    if (l_.together) return run_all(blocks_);
    for (index_t block = blocks_.begin; block < blocks_.end; ++block)
      for (index_t slice = 0; slice < w_.slices(); ++slice) {
        take(block, slice);
        const bool more = !last_ || block + 1 < blocks_.end;
        ahead_ = packed_ + w_.slice_size(block, slice), ahead_tiles_ = more ? nv_ : 0;
        run_all({block, block + 1});
      }
  }

 private:
  // Computes all outputs of the task in some blocks, which tiles take one after another.
  void run_all(Range blocks) noexcept {
    at_hand_ = blocks;
    if (l_.together) take(blocks.begin, 0), ahead_ = packed_;
    most_ = kPixelTilePixels;
    for (index_t block = blocks.begin; block < blocks.end; ++block)
      most_ =
          std::min<index_t>(most_, exec_.kernels<T>().conv.pixel_tile.max_pixels[w_.nv(block) - 1]);
    for (const TapSpan& h : l_.h)
      for (const TapSpan& w : l_.w) add(h, w);
  }

  // Makes a slice of a block what tiles compute.
  void take(index_t block, index_t slice) noexcept {
    first_ = slice == 0, last_ = slice + 1 == w_.slices();
    nv_ = w_.nv(block), rows_of_block_ = w_.rows(block);
    row_ = g_ * r_.m + w_.first_row(block);
    channels_ = w_.channels(slice);
    packed_ = job_.packed + w_.at(g_, block, slice);
    tail_ = static_cast<int>(rows_of_block_ - (nv_ - 1) * w_.lanes());
  }

  // Adds the slice at hand to the outputs of two spans that are the task's.
  void add(const TapSpan& h, const TapSpan& w) noexcept {
    const index_t top = std::max(h.q, rows_.begin), end = std::min(h.q + h.count, rows_.end);
    const index_t left = std::max(w.q, columns_.begin);
    const index_t right = std::min(w.q + w.count, columns_.end);
    if (top >= end || left >= right) return;
    const index_t offset_h = h.taps ? r_.h.taps[static_cast<std::size_t>(h.tap)].offset : 0;
    const index_t offset_w = w.taps ? r_.w.taps[static_cast<std::size_t>(w.tap)].offset : 0;
    const bool none = h.taps == 0 || w.taps == 0;
    Terms t{.k = channels_.size(),
            .lines = w.taps,
            .rows = none ? 0 : h.taps,
            .x_line = l_.w_step * x_.pixel,
            .x_row = l_.h_step * x_.row,
            .tap = h.tap * r_.w.n_taps() + w.tap};
    // Where the channels of neighbouring taps are neighbours, a row of the kernel is one line.
    if (t.x_line == t.k) t.k *= t.lines, t.lines = 1;
    Line across{
        .n = right - left,
        .x = x_.origin + channels_.begin + (top * r_.h.in_step + offset_h) * x_.row +
             (left * r_.w.in_step + offset_w) * x_.pixel,
        .y = at(job_.y_image, job_.y_row, job_.y_pixel, top, left),
        .residual = at(job_.residual_image, job_.residual_row, job_.residual_pixel, top, left),
        .x_step = r_.w.in_step * x_.pixel,
        .y_step = r_.w.out_step * job_.y_pixel,
        .residual_step = r_.w.out_step * job_.residual_pixel};
    if (none) across.x = 0;
    Line down = across;
    down.n = end - top;
    down.x_step = r_.h.in_step * x_.row, down.y_step = r_.h.out_step * job_.y_row;
    down.residual_step = r_.h.out_step * job_.residual_row;
    compute(t, across, down);
  }

  // Computes a rectangle of outputs as lines of pixels: one line if rows follow on each other, and
  // else lines along its longer side, or along rows where both are long.
  void compute(const Terms& t, Line across, Line down) noexcept {
    const auto joined = [&](index_t x, index_t row) { return row == across.n * x; };
    const bool one = joined(across.x_step, down.x_step) && joined(across.y_step, down.y_step) &&
                     (!job_.residual || joined(across.residual_step, down.residual_step));
    if (one) across.n *= down.n, down.n = 1;
    if (across.n < down.n && 2 * across.n <= most_) std::swap(across, down);
    for (index_t i = 0; i < down.n; ++i) {
      run_line(t, across);
      across.x += down.x_step, across.y += down.y_step, across.residual += down.residual_step;
    }
  }

  // In tiles of about equally many pixels.
  void run_line(const Terms& t, const Line& line) noexcept {
    const index_t tiles = ceil_div(line.n, most_);
    for (index_t tile = 0; tile < tiles; ++tile) {
      const Range some = part(line.n, tiles, tile);
      for (index_t block = at_hand_.begin; block < at_hand_.end; ++block) {
        if (l_.together) take(block, 0);
        run_tile(t, line, some);
      }
    }
  }

  // Multiplies some pixels of a line by the slice of the block at hand.
  void run_tile(const Terms& t, const Line& line, Range some) noexcept {
    constexpr T kInfinity = std::numeric_limits<T>::infinity();
    const bool relu6 = job_.activation == Activation::relu6;
    const bool clamped = relu6 || job_.activation == Activation::relu, clamps = last_ && clamped;
    const index_t slot = channels_.size() * nv_ * w_.lanes();  // of a tap's weights
    T* y = job_.y + line.y + some.begin * line.y_step + row_;
    const T* residual = job_.residual;
    if (residual) residual += line.residual + some.begin * line.residual_step + row_;
    const bool fetches = ahead_tiles_ > 0;
    exec_.kernels<T>().conv.pixel_tile.run[some.size() - 1][nv_ - 1](
        {.k = t.k,
         .lines = t.lines,
         .rows = t.rows,
         .x = x_.x + line.x + some.begin * line.x_step,
         .x_step = line.x_step,
         .x_line = t.x_line,
         .x_row = t.x_row,
         .w = packed_ + t.tap * slot,
         .w_line = slot,
         .w_row = r_.w.n_taps() * slot,
         .y = y,
         .y_step = line.y_step,
         .init = first_ ? residual : y,
         .init_step = first_ ? line.residual_step : line.y_step,
         .bias = first_ ? bias_ + row_of_bias() : nullptr,
         .tail = tail_,
         .lowest = clamps ? T{0} : -kInfinity,
         .highest = clamps && relu6 ? T{6} : kInfinity,
         .ahead = ahead_,
         .ahead_step = fetches ? index_t{64 / sizeof(T)} : 0});
    if (fetches) {
      --ahead_tiles_;
      ahead_ += t.k * t.lines * t.rows * index_t{64 / sizeof(T)};
    }
    if (!last_ || clamped || job_.activation == Activation::none) return;
    for (index_t i = 0; i < some.size(); ++i)
      activate_pixel(job_, exec_, row_, y + i * line.y_step, rows_of_block_);
  }

  // Where in y, or the residual, the phase's output (oh, ow) begins.
  index_t at(index_t image, index_t row, index_t pixel, index_t oh, index_t ow) const noexcept {
    return n_ * image + (r_.h.out_start + oh * r_.h.out_step) * row +
           (r_.w.out_start + ow * r_.w.out_step) * pixel;
  }
  index_t row_of_bias() const noexcept { return g_ * padded_rows(r_, w_) + row_ - g_ * r_.m; }

 public:
  // The output channels of a group as whole vectors.
  static index_t padded_rows(const Correlation& r, const PixelsWeights& weights) noexcept {
    return ceil_div(r.m, weights.lanes()) * weights.lanes();
  }

 private:
  const Job<T>& job_;
  const Correlation& r_;
  const Layout<T>& l_;
  const PixelsWeights& w_;
  const Exec& exec_;
  const T* bias_;               // of each group as whole vectors
  Range rows_{}, columns_{};    // of the phase's outputs
  Range blocks_{}, at_hand_{};  // at_hand_: the blocks that each tile takes
  index_t most_ = 1;            // pixels of a tile
  index_t n_ = 0, g_ = 0;
  Source<T> x_{};
  // The slice at hand, and its block.
  bool first_ = true, last_ = true;
  index_t nv_ = 0, rows_of_block_ = 0, row_ = 0;  // vectors; output channels; the first of them
  Range channels_{};
  const T *packed_ = nullptr, *ahead_ = nullptr;
  index_t ahead_tiles_ = 0;  // that still fetch weights
  int tail_ = 0;
};

template <class T>
class PreparedPixels final : public PreparedPhase<T> {
 public:
  PreparedPixels(const Correlation& phase, const char* family, const Exec& exec)
      : PreparedPhase<T>(phase, family) {
    const Correlation& r = this->r_;
    layout_.weights = PixelsWeights::of<T>(r, exec);
    layout_.slots = weight_slots(r);
    layout_.together = few_weights(r, layout_.weights, sizeof(T));
    layout_.framed = PixelsCost::of<T>(r, exec).framed();
    layout_.h_step = r.h.even_step(), layout_.w_step = r.w.even_step();
    if (layout_.framed) {
      layout_.h = {whole_span(r.h)}, layout_.w = {whole_span(r.w)};
    } else {
      for_each_span(r.h, [&](const TapSpan& span) { layout_.h.push_back(span); });
      for_each_span(r.w, [&](const TapSpan& span) { layout_.w.push_back(span); });
    }
    layout_.cut = cut_for(r, layout_.weights, layout_.framed, sizeof(T), exec.threads);
    if (layout_.framed) layout_.frame = PaddedPixels(r, r.c, 1, layout_.cut.rows(r));
    this->packed_elements_ = layout_.weights.size();
    frame_bytes_ = layout_.framed ? cache_lines(layout_.frame.size() * index_t{sizeof(T)}) : 0;
    bias_bytes_ = cache_lines(r.groups * padded_rows() * index_t{sizeof(T)});
    this->scratch_bytes_ = bias_bytes_ + exec.threads * frame_bytes_;
  }

  void pack(const T* weights, T* packed, const Exec& exec) const noexcept override {
    pack_pixels_weights(this->r_, layout_.weights, layout_.slots, weights, packed, exec);
  }
  PackingKey packing() const override {
    PackingKey key = start_of_key(Packing::pixels, this->r_);
    key.push_back(layout_.weights.slices());
    key.insert(key.end(), layout_.slots.begin(), layout_.slots.end());
    return key;
  }

  void run(const ConvArgs<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const Correlation& r = this->r_;
    const Job<T> job = this->job(args);
    T* bias = reinterpret_cast<T*>(scratch);
    std::fill_n(bias, r.groups * padded_rows(), T{0});
    if (job.bias)
      for (index_t g = 0; g < r.groups; ++g)
        std::copy_n(job.bias + g * r.m, r.m, bias + g * padded_rows());
    const index_t tasks = layout_.cut.tasks(r);
    const double work = r.fmas() + double(layout_.weights.size());
    parallel_for(tasks, useful_threads(tasks, work, exec.threads), [&](index_t task, int thread) {
      T* frame = reinterpret_cast<T*>(scratch + bias_bytes_ + thread * frame_bytes_);
      Task<T>(job, layout_, exec, bias, frame, task).run();
    });
  }

 private:
  index_t padded_rows() const { return Task<T>::padded_rows(this->r_, layout_.weights); }

  Layout<T> layout_;
  index_t frame_bytes_ = 0, bias_bytes_ = 0;
};

template <class T>
class Pixels final : public PhaseAlgorithm<T> {
 public:
  Pixels() : PhaseAlgorithm<T>("dense_pixels", "pixels") {}

  Layouts layouts(const Layouts&) const override { return {true, true}; }
  const Correlation& phase(const Problem& problem, std::size_t i) const override {
    return problem.phases[i];
  }

  Offer offer_phase(const Correlation& r, const Request& request, const Exec& exec) const override {
    const bool pixels = request.layouts.x_pixels || request.layouts.y_pixels;
    if (!pixels && !this->asked_by(request))
      return refusal("neither the input nor the result lies as pixels");
    if (r.h.even_step() == 0 || r.w.even_step() == 0)
      return refusal("its taps do not lie at an even distance");
    const PixelsCost cost = PixelsCost::of<T>(r, exec);
    if (cost.framed() && !cost.frame_fits())
      return refusal("the copy of a row and its padding does not fit half of L2");
    return offered(cost.cycles(), cost.packed(), cost.weight_bytes(), request);
  }

  std::unique_ptr<const PreparedPhase<T>> prepare_phase(const Correlation& r, const Request&,
                                                        const Exec& exec) const override {
    return std::make_unique<const PreparedPixels<T>>(r, this->family(), exec);
  }
};

}  // namespace

template <class T>
const PhaseAlgorithm<T>& pixels() {
  static const Pixels<T> entry;
  return entry;
}
template const PhaseAlgorithm<float>& pixels();
template const PhaseAlgorithm<double>& pixels();

}  // namespace fastconv::dense
