// SPDX-License-Identifier: MIT
// The weight gradient as a sum of outer products, of arrays of pixels as they lie. A tile reads
// neighbouring input channels of one tap one by one, and vectors of gradients. Each tap takes those
// outputs alone through which it reads the image, so that zero padding costs nothing; where the
// padding is no zeros, or where a tap has few channels, rows are copied with their padding first,
// and all taps make tiles together.
#include <cmath>

#include "algorithms/correlation/padded_pixels.h"
#include "algorithms/weight_grad/algorithm.h"
#include "algorithms/weight_grad/outer_task.h"
#include "core/memory.h"
#include "core/platform.h"

namespace fastconv::weight_grad {
namespace {

// Whether rows of x are copied together with their padding. Tiles of fewer channels leave the FMA
// units without work.
bool is_framed(const Correlation& r) {
  constexpr index_t kFewChannels = 8;
  return r.mode != PadMode::zeros || (r.c < kFewChannels && r.taps() > 1);
}

// The outputs of an axis whose tap reads the image.
Range reading(const TapAxis& axis, index_t tap) {
  const index_t offset = axis.taps[static_cast<std::size_t>(tap)].offset;
  const auto first_from = [&](index_t position) {
    return std::min(ceil_div(std::max<index_t>(0, position), axis.in_step), axis.count);
  };
  return {first_from(-offset), first_from(axis.in - offset)};
}
Range common(Range a, Range b) {
  const index_t begin = std::max(a.begin, b.begin);
  return {begin, std::max(begin, std::min(a.end, b.end))};
}

struct Layout {
  bool framed;
  Cut cut;
  std::vector<Range> h, w;  // the outputs of each tap
  // Rows of sums are numbered tap by tap: where each reads a copy of rows of all channels of a
  // chunk, and where its sums lie in a unit; and where the channels of one tap lie.
  std::vector<index_t> in, out, channels;
  // The scratch memory of each thread.
  index_t frame_bytes, gradients, sums, totals;
  index_t each() const { return frame_bytes + gradients + sums + totals; }
};

template <class T>
Cut pixels_cut(const Correlation& r, const Exec& exec) {
  const bool framed = is_framed(r);
  const Block block = block_for<T>(r, !framed, false, framed, exec);
  const index_t channel = PaddedPixels(r, 1, 1, block.pixels.rows).size();
  return cut_for<T>(r, block, framed ? channel : block.pixels.pixels(), exec);
}

template <class T>
class Task : private OuterTask<T> {
 public:
  Task(const Job<T>& job, const Exec& exec, const Layout& layout, std::byte* memory,
       index_t index) noexcept
      : OuterTask<T>(
            job, exec, layout.cut,
            reinterpret_cast<T*>(memory + layout.frame_bytes + layout.gradients),
            reinterpret_cast<double*>(memory + layout.frame_bytes + layout.gradients + layout.sums),
            index),
        l_(layout),
        frame_(reinterpret_cast<T*>(memory)),
        gradients_(reinterpret_cast<T*>(memory + layout.frame_bytes)) {
    if (layout.framed) padded_ = PaddedPixels(r_, channels_, 1, block_.pixels.rows);
    x_row_ = layout.framed ? padded_.row() : job.x_row;
    x_pixel_ = layout.framed ? padded_.pixel() : job.x_pixel;
    x_image_ = layout.framed ? padded_.size() : job.x_image;
    in_place_ = job.dy_pixel == block_.unit && r_.groups * r_.m == block_.unit &&
                job.dy_row == r_.w.count * job.dy_pixel;
  }

  void run() noexcept {
    this->run_blocks([&] { begin(); },
                     [&](index_t u, T* sums, bool overwrite) { multiply(u, sums, overwrite); });
  }

 private:
  using Base = OuterTask<T>;
  using Base::job_, Base::r_, Base::exec_, Base::cut_, Base::block_, Base::g_, Base::c0_;
  using Base::n_, Base::images_, Base::at_, Base::outputs, Base::channels_;

  // Points x_ at place (0, 0) of the block's first image, wherever that lies.
  void begin() noexcept {
    const T* image = job_.x + n_ * job_.x_image + g_ * r_.c + c0_;
    x_ = image, origin_ = 0;
    if (!l_.framed) return;
    ConvArgs<T> args{};
    args.x_row = job_.x_row, args.x_pixel = job_.x_pixel;
    const fastconv::Job<T> rows{args, r_};
    for (index_t i = 0; i < images_; ++i)
      padded_.fill(rows, image + i * job_.x_image, at_.row, at_.rows, exec_, frame_ + i * x_image_);
    x_ = frame_, origin_ = padded_.origin(at_.row);
  }

  // Makes dy_ the gradients of unit u in the block, in some columns of it: whole vectors without
  // gaps.
  void take_gradients(index_t u, Range columns) noexcept {
    const index_t n = outputs(u), unit = block_.unit;
    const T* from = job_.dy + n_ * job_.dy_image + at_.row * job_.dy_row +
                    columns.begin * job_.dy_pixel + g_ * r_.m + u * unit;
    if (in_place_ && columns.size() == r_.w.count) {
      dy_ = from, dy_image_ = job_.dy_image;
      return;
    }
    T* to = gradients_;
    dy_ = to, dy_image_ = at_.rows * columns.size() * unit;
    for (index_t i = 0; i < images_; ++i)
      for (index_t row = 0; row < at_.rows; ++row) {
        const T* pixel = from + i * job_.dy_image + row * job_.dy_row;
        for (index_t j = 0; j < columns.size(); ++j, pixel += job_.dy_pixel, to += unit) {
          std::copy_n(pixel, n, to);
          std::fill(to + n, to + unit, T{0});
        }
      }
  }

  void multiply(index_t u, T* sums, bool overwrite) noexcept {
    const Range h{at_.row, at_.row + at_.rows}, w{at_.column, at_.column + at_.columns};
    Range taken{0, 0};
    const auto take = [&](Range columns) {
      if (columns.size() > 0 && (columns.begin != taken.begin || columns.end != taken.end))
        take_gradients(u, columns), taken = columns;
    };
    if (l_.framed && channels_ == cut_.channels) {
      take(w);
      return add(0, channels_ * r_.taps(), origin_, l_.in.data(), h, w, sums, overwrite);
    }
    for (index_t tap_w = 0; tap_w < r_.w.n_taps(); ++tap_w) {
      const Range columns = l_.framed ? w : common(w, l_.w[static_cast<std::size_t>(tap_w)]);
      take(columns);
      for (index_t tap_h = 0; tap_h < r_.h.n_taps(); ++tap_h)
        add((tap_h * r_.w.n_taps() + tap_w) * cut_.channels, channels_,
            origin_ + offset(r_.h, tap_h) * x_row_ + offset(r_.w, tap_w) * x_pixel_,
            l_.channels.data(), l_.framed ? h : common(h, l_.h[static_cast<std::size_t>(tap_h)]),
            columns, sums, overwrite);
    }
  }

  // Adds the terms of the outputs h by w to n rows of sums, from number `first` among those of
  // Layout on. Each reads x_ from `x` and what `in` says on, for output (0, 0).
  void add(index_t first, index_t n, index_t x, const index_t* in, Range h, Range w, T* sums,
           bool overwrite) noexcept {
    const index_t unit = block_.unit;
    ChannelLanesArgs<T> t{.k = w.size(),
                          .x = x_,
                          .x_step = r_.w.in_step * x_pixel_,
                          .in = nullptr,
                          .w = dy_,
                          .c = sums,
                          .out = nullptr,
                          .ahead = l_.framed ? gradients_ : nullptr,
                          .lines = h.size(),
                          .x_line = r_.h.in_step * x_row_,
                          .images = images_,
                          .x_image = x_image_,
                          .overwrite = overwrite};
    if (t.k == 0 || t.lines == 0) {
      if (!overwrite) return;
      t.k = t.lines = 0;
    } else {
      t.x += x + h.begin * t.x_line + w.begin * t.x_step;
      t.w += (h.begin - at_.row) * w.size() * unit;
      // Where rows follow on each other, they are one line.
      if (t.x_line == t.k * t.x_step) t.k *= t.lines, t.x_line *= t.lines, t.lines = 1;
    }
    const index_t image = h.size() * w.size() * unit;
    if (images_ == 1 || dy_image_ == image || t.k == 0) return run(t, n, first, in);
    t.images = 1;
    for (index_t i = 0; i < images_; ++i, t.x += x_image_, t.w += dy_image_, t.overwrite = false)
      run(t, n, first, in);
  }

  // The tiles of n rows of sums.
  void run(ChannelLanesArgs<T> t, index_t n, index_t first, const index_t* in) const noexcept {
    const auto& tile_of = exec_.template kernels<T>().conv.channel_lanes;
    const index_t tiles = ceil_div(n, index_t{tile_of.max_pixels});
    for (index_t tile = 0; tile < tiles; ++tile) {
      const Range some = part(n, tiles, tile);
      t.in = in + some.begin;
      t.out = l_.out.data() + first + some.begin;
      tile_of.run[some.size() - 1][block_.nv - 1](t);
    }
  }

  static index_t offset(const TapAxis& axis, index_t tap) {
    return axis.taps[static_cast<std::size_t>(tap)].offset;
  }

  const Layout& l_;
  T *frame_, *gradients_;
  PaddedPixels padded_;
  const T *x_ = nullptr, *dy_ = nullptr;
  index_t origin_ = 0, x_row_, x_pixel_, x_image_;  // of x_
  index_t dy_image_ = 0;                            // of dy_
  bool in_place_;  // whether dy's pixels are a unit each, and read where they lie
};

template <class T>
class PreparedOuterPixels final : public Prepared<T> {
 public:
  PreparedOuterPixels(const Correlation& forward, const Exec& exec) : Prepared<T>(forward) {
    const Correlation& r = this->r_;
    Layout& l = layout_;
    l.framed = is_framed(r), l.cut = pixels_cut<T>(r, exec);
    const PaddedPixels padded(r, l.cut.channels, 1, l.cut.block.pixels.rows);
    for (index_t c = 0; c < l.cut.channels; ++c) l.channels.push_back(c);
    for (index_t h = 0; h < r.h.n_taps(); ++h) l.h.push_back(reading(r.h, h));
    for (index_t w = 0; w < r.w.n_taps(); ++w) l.w.push_back(reading(r.w, w));
    for (index_t h = 0; h < r.h.n_taps(); ++h)
      for (index_t w = 0; w < r.w.n_taps(); ++w)
        for (index_t c = 0; c < l.cut.channels; ++c) {
          const index_t at = r.h.taps[static_cast<std::size_t>(h)].offset * padded.row() +
                             r.w.taps[static_cast<std::size_t>(w)].offset * padded.pixel();
          l.in.push_back(at + c);
          l.out.push_back((c * r.taps() + h * r.w.n_taps() + w) * l.cut.block.unit);
        }
    const index_t item = sizeof(T), pixels = l.cut.block.images * l.cut.block.pixels.pixels();
    l.frame_bytes = l.framed ? cache_lines(l.cut.block.images * padded.size() * item) : 0;
    l.gradients = cache_lines(pixels * l.cut.block.unit * item);
    l.sums = cache_lines(l.cut.sums * item);
    l.totals = cache_lines(l.cut.in_double() ? l.cut.sums * index_t{sizeof(double)} : 0);
    this->scratch_bytes_ = exec.threads * l.each();
  }

  void run(const Args<T>& args, const Exec& exec, std::byte* scratch) const noexcept override {
    const Job<T> job{args, this->r_};
    const index_t tasks = job.r.groups * layout_.cut.chunks * layout_.cut.unit_tasks;
    parallel_for(tasks, useful_threads(tasks, job.r.fmas(), exec.threads),
                 [&](index_t task, int thread) {
                   std::byte* memory = scratch + thread * layout_.each();
                   Task<T>(job, exec, layout_, memory, task).run();
                 });
  }

 private:
  Layout layout_;
};

template <class T>
class OuterPixels final : public Algorithm<T> {
 public:
  OuterPixels() : Algorithm<T>("outer_pixels") {}
  Layouts layouts(const Layouts&) const override { return {true, true}; }

  Offer offer(const Correlation& r, const Request& request, const Exec& exec) const override {
    const bool pixels = request.layouts.x_pixels || request.layouts.y_pixels;
    if (!pixels && !this->asked_by(request))
      return refusal("neither the input nor the gradient lies as pixels");
    if (is_framed(r) && !frame_fits(r))
      return refusal("the copy of a row and its padding does not fit half of L2");
    return {.cycles = cycles(r, exec)};
  }
  std::unique_ptr<const Prepared<T>> prepare(const Correlation& r,
                                             const Exec& exec) const override {
    return std::make_unique<const PreparedOuterPixels<T>>(r, exec);
  }

 private:
  static double reach(const TapAxis& axis) {
    return std::abs(double(axis.taps.back().offset) - double(axis.taps.front().offset)) + 1;
  }
  static bool frame_fits(const Correlation& r) {
    const double columns = reach(r.w) + double(r.w.count) * double(r.w.in_step);
    return reach(r.h) * columns * double(r.c * index_t{sizeof(T)}) <= double(cache_sizes().l2) / 2;
  }
  static double cycles(const Correlation& r, const Exec& exec) {
    // Calling a tile, loading and storing its sums; a line of terms; an FMA's latency; its share of
    // the loads beside it; copying an element.
    constexpr double kTile = 60, kLine = 8, kLatency = 4, kFeeding = 0.1, kCopied = 0.35;
    const auto& tile_of = exec.kernels<T>().conv.channel_lanes;
    const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
    const bool framed = is_framed(r);
    const Block block = block_for<T>(r, !framed, false, framed, exec);
    const double rate = fmas_per_cycle(lanes * index_t{sizeof(T)});
    const index_t rows = framed ? r.k() : r.c;
    const double taps = framed ? 1 : double(r.taps());
    const double tiles = taps * double(ceil_div(rows, index_t{tile_of.max_pixels}));
    const double vectors = taps * double(rows * block.nv) / tiles;  // of a tile, in the mean
    const double each = std::max(vectors / rate, kLatency) + vectors * kFeeding;
    const double images = double(r.batch) * double(r.groups), pixels = double(r.pixels());
    const double units = double(ceil_div(r.m, block.unit));
    const double calls = double(block.pixels.count()) / double(block.images);
    const double lines = double(r.h.count) * double(block.pixels.column_blocks);
    const double copied =
        framed ? double(r.h.count * r.h.in_step) * double(r.w.count * r.w.in_step) * double(r.c)
               : 0;
    return images * (units * tiles * (pixels * each + calls * kTile + lines * kLine) +
                     (units * double(block.unit) * pixels + copied) * kCopied);
  }
};

}  // namespace

template <class T>
const Algorithm<T>& outer_pixels() {
  static const OuterPixels<T> entry;
  return entry;
}
template const Algorithm<float>& outer_pixels();
template const Algorithm<double>& outer_pixels();

}  // namespace fastconv::weight_grad
