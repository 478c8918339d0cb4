// SPDX-License-Identifier: MIT
// Depthwise layers on pixels as they lie where channels are neighbours: lanes are channels. Outputs
// that read the image through the same taps are computed together, so that the padding costs
// nothing. Where the padding is no zeros, or where a channel has several outputs, some rows are
// copied first, with their padding and each channel as often as it has outputs.
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "algorithms/correlation/padded_pixels.h"
#include "algorithms/correlation/tap_spans.h"
#include "algorithms/depthwise/depthwise.h"
#include "core/cache.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv::depthwise {
namespace {

// Where all channels of neighbouring pixels are neighbours, at stride 1, a row of outputs is one
// run of elements. Cut into vectors it leaves no lane empty but at its end: its weights repeat
// after `period` elements, the least common multiple of lanes and channels.
struct Layout {
  std::vector<TapSpan> h, w;
  bool framed;
  PaddedPixels frame;       // of the rows of a task
  index_t channels, lanes;  // all output channels; of a vector
  index_t period;           // in elements
  bool repeats;             // whether rows are such runs
  bool bands;               // whether a term's rows are added before the next term of a row
  index_t row_blocks, column_blocks, channel_tasks;
  index_t h_step, w_step;  // how far apart neighbouring taps read
  index_t taps_w;
  index_t tasks(const Correlation& r) const {
    return r.batch * row_blocks * column_blocks * channel_tasks;
  }
  index_t blocks() const { return ceil_div(channels, lanes); }
  index_t packed(const Correlation& r) const { return r.taps() * period; }
};

// Whether rows of outputs are taken as runs of elements: where vectors of one pixel's channels
// would leave lanes empty, rows have no gaps, and the weights of a run are few.
bool rows_are_runs(const Correlation& r, index_t channels, index_t lanes) {
  constexpr index_t kMost = 1024;  // weights of 9 taps then take 36 KiB
  const index_t joined = std::lcm(channels, lanes);
  return r.w.in_step == 1 && r.w.out_step == 1 && channels % lanes != 0 && joined <= kMost &&
         joined / channels <= r.w.count;
}

// Which of kBandRows an axis has as many taps as, where they read neighbouring rows, as
// neighbouring outputs do; else -1.
int band_kernel(const TapAxis& h, index_t taps) {
  if (h.in_step == 1 && h.out_step == 1 && std::abs(h.even_step()) == 1)
    for (int i = 0; i < kBandKernels; ++i)
      if (kBandRows[i] == taps) return i;
  return -1;
}

template <class T>
Layout layout_for(const Correlation& r, const Exec& exec) {
  Layout l{};
  l.channels = r.groups * r.m, l.lanes = exec.kernels<T>().conv.gemm.lanes;
  l.repeats = rows_are_runs(r, l.channels, l.lanes);
  l.period = l.repeats ? std::lcm(l.channels, l.lanes) : l.blocks() * l.lanes;
  l.bands = l.repeats && band_kernel(r.h, r.h.n_taps()) >= 0;
  l.framed = r.m > 1 || r.mode != PadMode::zeros;
  l.h_step = r.h.even_step(), l.w_step = r.w.even_step(), l.taps_w = r.w.n_taps();
  // Each task begins with rows that another one has read too, so that tasks are not many; in a
  // frame their rows take an eighth of L2.
  l.row_blocks = 1, l.column_blocks = 1, l.channel_tasks = 1;
  if (l.framed) {
    const double row = double(r.w.in) * double(l.channels * index_t{sizeof(T)});
    const double most = double(cache_sizes().l2) / 8 / row / double(r.h.in_step);
    l.row_blocks =
        std::clamp(index_t(double(r.h.count) / std::max(most, 1.0)), index_t{1}, r.h.count);
  }
  const index_t threads = exec.threads;
  const auto uneven = [&] { return l.tasks(r) < 4 * threads && l.tasks(r) % threads != 0; };
  if (uneven() && r.h.count >= 16 * threads) l.row_blocks = std::min(r.h.count, 4 * threads);
  if (uneven() && l.channels % l.lanes == 0 && l.blocks() >= 4 * threads) l.channel_tasks = threads;
  if (uneven()) l.row_blocks = std::min(r.h.count, l.row_blocks * threads);
  if (uneven() && !l.framed) l.column_blocks = std::min(r.w.count, threads);
  if (l.framed) {
    l.h = {whole_span(r.h)}, l.w = {whole_span(r.w)};
    l.frame = PaddedPixels(r, r.groups, r.m, ceil_div(r.h.count, l.row_blocks));
  } else {
    for_each_span(r.h, [&](const TapSpan& span) { l.h.push_back(span); });
    for_each_span(r.w, [&](const TapSpan& span) { l.w.push_back(span); });
  }
  return l;
}

template <class T>
class Task {
 public:
  Task(const Job<T>& job, const Layout& layout, const Exec& exec, const T* bias, T* frame,
       index_t index) noexcept
      : job_(job), r_(job.r), l_(layout), exec_(exec), bias_(bias) {
    rows_ = part(r_.h.count, l_.row_blocks, index % l_.row_blocks);
    index /= l_.row_blocks;
    columns_ = part(r_.w.count, l_.column_blocks, index % l_.column_blocks);
    index /= l_.column_blocks;
    const Range blocks = part(l_.blocks(), l_.channel_tasks, index % l_.channel_tasks);
    n_ = index / l_.channel_tasks;
    first_ = blocks.begin * l_.lanes;
    channels_ = std::min(l_.channels, blocks.end * l_.lanes) - first_;
    x_ = job.x + n_ * job.x_image, row_ = job.x_row, pixel_ = job.x_pixel;
    const auto dense = [&](index_t pixel) { return pixel == l_.channels; };
    dense_ = l_.repeats && dense(job.y_pixel) && (!job.residual || dense(job.residual_pixel)) &&
             (l_.framed || dense(pixel_));
    if (!l_.framed) return;
    l_.frame.fill(job, x_, rows_.begin, rows_.size(), exec, frame);
    x_ = frame, row_ = l_.frame.row(), pixel_ = l_.frame.pixel();
    origin_ = l_.frame.origin(rows_.begin);
  }

  void run() noexcept {
    for (const TapSpan& h : l_.h) {
      const index_t top = std::max(h.q, rows_.begin), end = std::min(h.q + h.count, rows_.end);
      const int band = dense_ ? band_kernel(r_.h, h.taps) : -1;
      for (index_t row = top; row < end;) {
        int height = 0;  // as a power of two
        if (band >= 0)
          while (height + 1 < kBandHeights && row + (index_t{2} << height) <= end) ++height;
        for (TapSpan w : l_.w) {
          const index_t left = std::max(w.q, columns_.begin);
          w.count = std::min(w.q + w.count, columns_.end) - left, w.q = left;
          if (w.count > 0) add(h, w, row, w.taps > 0 ? band : -1, height);
        }
        row += index_t{1} << height;
      }
    }
  }

 private:
  // Computes the outputs of a span in 2^height rows, together if `band` is one of kBandRows.
  void add(const TapSpan& h, const TapSpan& w, index_t row, int band, int height) const noexcept {
    const index_t rows = index_t{1} << height;
    if (band >= 0) {
      const DepthwiseLineArgs<T> a = line(h, w, row);
      run_band(a, w.count * l_.channels, band, height);
      for (index_t i = 0; i < rows; ++i) activate(a.y + i * job_.y_row, w.count, a.y_step);
    } else {
      for (index_t i = 0; i < rows; ++i) {
        const DepthwiseLineArgs<T> a = line(h, w, row + i);
        if (dense_)
          run_elements(a, w.count * l_.channels);
        else
          exec_.kernels<T>().conv.depthwise.run_line(a);
        activate(a.y, w.count, a.y_step);
      }
    }
  }

  // The outputs of a span in one row.
  DepthwiseLineArgs<T> line(const TapSpan& h, const TapSpan& w, index_t row) const noexcept {
    constexpr T kInfinity = std::numeric_limits<T>::infinity();
    const index_t offset_h = h.taps ? r_.h.taps[static_cast<std::size_t>(h.tap)].offset : 0;
    const index_t offset_w = w.taps ? r_.w.taps[static_cast<std::size_t>(w.tap)].offset : 0;
    const bool none = h.taps == 0 || w.taps == 0;
    const bool relu6 = job_.activation == Activation::relu6;
    const bool clamps = relu6 || job_.activation == Activation::relu;
    const index_t oh = r_.h.out_start + row * r_.h.out_step;
    const index_t ow = r_.w.out_start + w.q * r_.w.out_step;
    const T* residual = job_.residual;
    if (residual)
      residual +=
          n_ * job_.residual_image + oh * job_.residual_row + ow * job_.residual_pixel + first_;
    DepthwiseLineArgs<T> a{
        .n = w.count,
        .blocks = ceil_div(channels_, l_.lanes),
        .tail = static_cast<int>((channels_ - 1) % l_.lanes + 1),
        .rows = none ? 0 : h.taps,
        .lines = w.taps,
        .x = x_ + (none ? 0
                        : origin_ + (row * r_.h.in_step + offset_h) * row_ +
                              (w.q * r_.w.in_step + offset_w) * pixel_ + first_),
        .x_step = r_.w.in_step * pixel_,
        .x_line = l_.w_step * pixel_,
        .x_row = l_.h_step * row_,
        .w = job_.packed + (h.tap * l_.taps_w + w.tap) * l_.period + first_,
        .w_line = l_.period,
        .w_row = l_.taps_w * l_.period,
        .y = job_.y + n_ * job_.y_image + oh * job_.y_row + ow * job_.y_pixel + first_,
        .y_step = r_.w.out_step * job_.y_pixel,
        .init = residual,
        .init_step = r_.w.out_step * job_.residual_pixel,
        .bias = bias_ + first_,
        .lowest = clamps ? T{0} : -kInfinity,
        .highest = relu6 ? T{6} : kInfinity};
    if (l_.bands && !none) turn(a);
    return a;
  }

  // Makes the order that in which bands add a sum: a column of the kernel after another, and each
  // from its uppermost row on.
  void turn(DepthwiseLineArgs<T>& a) const noexcept {
    if (l_.h_step < 0) {
      a.x += (a.rows - 1) * a.x_row, a.w += (a.rows - 1) * a.w_row;
      a.x_row = -a.x_row, a.w_row = -a.w_row;
    }
    std::swap(a.rows, a.lines), std::swap(a.x_row, a.x_line), std::swap(a.w_row, a.w_line);
  }

  // Activations that are no clamp.
  void activate(T* y, index_t n, index_t step) const noexcept {
    const bool clamped =
        job_.activation == Activation::relu || job_.activation == Activation::relu6;
    if (clamped || job_.activation == Activation::none) return;
    for (index_t i = 0; i < n; ++i) activate_pixel(job_, exec_, first_, y + i * step, channels_);
  }

  // The rows of a band, as runs of n elements, where `a` is the first of them.
  void run_band(const DepthwiseLineArgs<T>& a, index_t n, int band, int height) const noexcept {
    exec_.kernels<T>().conv.depthwise.run_band[band][height]({.n = n,
                                                              .period = l_.period,
                                                              .lines = a.rows,
                                                              .x = a.x,
                                                              .x_line = a.x_row,
                                                              .x_row = a.x_line,
                                                              .w = a.w,
                                                              .w_line = a.w_row,
                                                              .w_row = a.w_line,
                                                              .y = a.y,
                                                              .y_row = job_.y_row,
                                                              .init = a.init,
                                                              .init_row = job_.residual_row,
                                                              .bias = a.bias,
                                                              .lowest = a.lowest,
                                                              .highest = a.highest});
  }

  // A line of n elements, in whole periods and then the rest.
  void run_elements(DepthwiseLineArgs<T> a, index_t n) const noexcept {
    const auto run = exec_.kernels<T>().conv.depthwise.run_line;
    a.x_step = a.y_step = a.init_step = l_.period;
    a.n = n / l_.period, a.blocks = l_.period / l_.lanes, a.tail = static_cast<int>(l_.lanes);
    if (a.n > 0) run(a);
    const index_t done = a.n * l_.period, left = n - done;
    if (left == 0) return;
    a.n = 1, a.blocks = ceil_div(left, l_.lanes);
    a.tail = static_cast<int>((left - 1) % l_.lanes + 1);
    a.x += done, a.y += done;
    if (a.init) a.init += done;
    run(a);
  }

  const Job<T>& job_;
  const Correlation& r_;
  const Layout& l_;
  const Exec& exec_;
  const T* bias_;  // as whole vectors
  Range rows_{}, columns_{};
  index_t n_ = 0, first_ = 0, channels_ = 0;
  bool dense_ = false;    // whether rows are runs of elements without gaps
  const T* x_ = nullptr;  // the image, or the frame of the task's rows
  index_t origin_ = 0, row_ = 0, pixel_ = 0;
};

template <class T>
class PreparedInPlace final : public PreparedPhase<T> {
 public:
  PreparedInPlace(const Correlation& phase, const char* family, const Exec& exec)
      : PreparedPhase<T>(phase, family), layout_(layout_for<T>(this->r_, exec)) {
    this->packed_elements_ = layout_.packed(this->r_);
    frame_bytes_ = layout_.framed ? cache_lines(layout_.frame.size() * index_t{sizeof(T)}) : 0;
    bias_bytes_ = cache_lines(layout_.period * index_t{sizeof(T)});
    this->scratch_bytes_ = bias_bytes_ + exec.threads * frame_bytes_;
  }

  void pack(const T* weights, T* packed, const Exec&) const noexcept override {
    const Correlation& r = this->r_;
    for (const Tap& h : r.h.taps)
      for (const Tap& w : r.w.taps) {
        const T* from = weights + h.kernel * r.w_row + w.kernel;
        for (index_t i = 0; i < layout_.period; ++i) packed[i] = T{0};
        for (index_t o = 0; o < layout_.channels; ++o)
          packed[o] = from[o / r.m * r.w_group + o % r.m * r.w_m];
        repeat(packed);
        packed += layout_.period;
      }
  }
  PackingKey packing() const override {
    PackingKey key = start_of_key(Packing::pixels, this->r_);
    key.push_back(layout_.period);
    key.push_back(layout_.repeats);
    const std::vector<index_t> slots = weight_slots(this->r_);
    key.insert(key.end(), slots.begin(), slots.end());
    return key;
  }

  void run(const ConvArgs<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const Correlation& r = this->r_;
    const Job<T> job = this->job(args);
    T* bias = reinterpret_cast<T*>(scratch);
    std::fill_n(bias, layout_.period, T{0});
    if (job.bias) std::copy_n(job.bias, layout_.channels, bias);
    repeat(bias);
    const index_t tasks = layout_.tasks(r);
    // A term of a vector takes two or three times what it takes where the sums are long.
    const double work = 2.5 * r.fmas() + 8 * double(r.batch * r.groups) * double(r.in_plane());
    parallel_for(tasks, useful_threads(tasks, work, exec.threads), [&](index_t task, int thread) {
      T* frame = reinterpret_cast<T*>(scratch + bias_bytes_ + thread * frame_bytes_);
      Task<T>(job, layout_, exec, bias, frame, task).run();
    });
  }

 private:
  // Fills the period with what its first `channels` elements are, if it repeats them.
  void repeat(T* vector) const noexcept {
    const index_t n = layout_.channels;
    if (!layout_.repeats) return;
    for (index_t i = n; i < layout_.period; ++i) vector[i] = vector[i - n];
  }

  Layout layout_;
  index_t frame_bytes_ = 0, bias_bytes_ = 0;
};

template <class T>
class InPlace final : public PhaseAlgorithm<T> {
 public:
  InPlace() : PhaseAlgorithm<T>("depthwise_in_place", kFamily) {}

  Layouts layouts(const Layouts&) const override { return {true, true}; }
  const Correlation& phase(const Problem& problem, std::size_t i) const override {
    return problem.phases[i];
  }

  Offer offer_phase(const Correlation& r, const Request& request, const Exec& exec) const override {
    const bool named = this->asked_by(request) && std::strcmp(request.algorithm, kFamily) != 0;
    const bool pixels = request.layouts.x_pixels || request.layouts.y_pixels;
    if (!pixels && !named) return refusal("neither the input nor the result lies as pixels");
    if (!is_depthwise(r)) return refusal("it takes one input channel per group");
    if (r.h.even_step() == 0 || r.w.even_step() == 0)
      return refusal("its taps do not lie at an even distance");
    const bool framed = r.m > 1 || r.mode != PadMode::zeros;
    if (framed && !frame_fits(r)) return refusal("a row of its frame does not fit half of L2");
    constexpr index_t kMostTaps = 64;
    if (!framed && std::max(r.h.n_taps(), r.w.n_taps()) > kMostTaps)
      return refusal("it takes up to 64 taps along an axis");
    const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
    return offered(cycles(r, lanes, framed), double(r.groups * r.m * r.taps()),
                   double(r.groups * r.m * r.taps()) * double(sizeof(T)), request);
  }

  std::unique_ptr<const PreparedPhase<T>> prepare_phase(const Correlation& r, const Request&,
                                                        const Exec& exec) const override {
    return std::make_unique<const PreparedInPlace<T>>(r, this->family(), exec);
  }

 private:
  static bool frame_fits(const Correlation& r) {
    const auto reach = [](const TapAxis& axis) {
      return std::abs(double(axis.taps.back().offset) - double(axis.taps.front().offset)) + 1;
    };
    const double columns = double(r.w.count) * double(r.w.in_step) + reach(r.w);
    return reach(r.h) * columns * double(r.groups * r.m) * double(sizeof(T)) <=
           double(cache_sizes().l2) / 2;
  }

  static double cycles(const Correlation& r, index_t lanes, bool framed) {
    constexpr double kTap = 1.3, kStored = 4, kSpan = 40, kElement = 0.3;
    const index_t channels = r.groups * r.m, whole = ceil_div(channels, lanes) * lanes;
    const bool runs = rows_are_runs(r, channels, lanes);
    const double vectors = double(r.h.count) * (runs ? double(ceil_div(r.w.count * channels, lanes))
                                                     : double(whole / lanes) * double(r.w.count));
    const double rows = double(r.h.count) * 3 * kSpan;
    const double copied = framed ? double(r.groups * r.m) * double(r.in_plane()) * kElement : 0;
    return double(r.batch) * (vectors * (double(r.taps()) * kTap + kStored) + rows + copied);
  }
};

}  // namespace

template <class T>
const PhaseAlgorithm<T>& in_place() {
  static const InPlace<T> entry;
  return entry;
}
template const PhaseAlgorithm<float>& in_place();
template const PhaseAlgorithm<double>& in_place();

}  // namespace fastconv::depthwise
