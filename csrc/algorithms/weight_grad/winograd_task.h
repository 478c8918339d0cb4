// SPDX-License-Identifier: MIT
// One task of the gradient by Winograd's adjoint: it computes some input channels by some output
// channels of one group, over all tiles, block by block.
#pragma once

#include <cmath>

#include "algorithms/weight_grad/sums.h"
#include "algorithms/weight_grad/winograd_cut.h"

namespace fastconv::weight_grad {

// The tiles of one unit of one side. A tile reads terms_h by terms_w elements of a plane; the next
// tile of an axis reads from m elements on, where the scheme is F(m, r).
template <class T>
struct Tiles {
  const T* first;        // of the first image and channel
  index_t image, plane;  // how far apart images and planes lie
  index_t row, pixel;    // the same of rows, and of pixels, which is 0 in planes
  index_t height, width;
  index_t channels;  // at most those of a unit
  const Side& side;
  bool outputs;  // whether these are tiles of the gradient of the outputs, and not of the image
  index_t terms_h, terms_w;
  void (*transform_h)(const PlanesArgs<T>&) noexcept;
  void (*transform_w)(const PlanesArgs<T>&) noexcept;
};

template <class T>
class WinogradTask {
 public:
  WinogradTask(const Job<T>& job, const winograd::TileGrid& grid, const Exec& exec,
               const WinogradCut& cut, const WinogradSizes& sizes, std::byte* memory,
               index_t index) noexcept
      : job_(job),
        r_(job.r),
        grid_(grid),
        exec_(exec),
        kernels_(exec.kernels<T>().conv.winograd),
        cut_(cut),
        product_(sizes.products / cut.live_units() / index_t{sizeof(T)}) {
    const auto take = [&memory]<class U>(index_t bytes, U*& part) {
      part = reinterpret_cast<U*>(memory);
      memory += bytes;
    };
    take(sizes.v, v_), take(sizes.w, w_), take(sizes.pixels, pixels_), take(sizes.lines, lines_);
    take(sizes.products, products_), take(sizes.halves, halves_), take(sizes.sums, sums_);
    take(sizes.totals, totals_), take(sizes.runs, runs_);
    take(sizes.offsets, in_);
    dy_units_ = part(cut.dy.units, cut.dy_tasks, index % cut.dy_tasks);
    x_units_ = part(cut.x.units, cut.x_tasks, index / cut.dy_tasks % cut.x_tasks);
    g_ = index / cut.dy_tasks / cut.x_tasks;
    channels_ = {x_units_.begin * cut.x.unit, std::min(x_units_.end * cut.x.unit, r_.c)};
    out_ = in_ + channels_.size();
    for (index_t c = 0; c < channels_.size(); ++c) {
      in_[c] = c / cut.x.unit * v_unit() + c % cut.x.unit;
      out_[c] = c * cut.dy.unit;
    }
  }

  // Returns whether all sums are finite.
  bool run() noexcept {
    bool finite = true;
    for (index_t block = 0; block < cut_.blocks; ++block) {
      const Range tiles = part(cut_.tiles, cut_.blocks, block);
      tiles_ = tiles.size(), n_runs_ = grid_.split(tiles.begin, tiles_, runs_);
      const bool overwrite = block % cut_.most_blocks == 0, last = block + 1 == cut_.blocks;
      const bool full = last || (block + 1) % cut_.most_blocks == 0;
      for (index_t u = x_units_.begin; u < x_units_.end; ++u)
        transform(image(u), v_ + (u - x_units_.begin) * v_unit(), cut_.v_plane);
      for (index_t u = dy_units_.begin; u < dy_units_.end; ++u) {
        transform(gradient(u), w_, cut_.w_plane);
        multiply(u, overwrite);
        if (full) sum(u);
        if (full && cut_.in_double())
          exec_.kernels<T>().conv.add_to_totals(sums_, totals_ + live(u) * unit_size(), unit_size(),
                                                block < cut_.most_blocks, last);
        if (last) finite = store(u) && finite;
      }
    }
    return finite;
  }

 private:
  index_t alpha_w() const { return grid_.w.scheme().alpha; }
  // The sums of a unit of output channels, and the transformed tiles of a unit of input channels.
  index_t unit_size() const { return channels_.size() * r_.taps() * cut_.dy.unit; }
  index_t v_unit() const { return grid_.alphas() * cut_.v_plane; }
  // The number of unit u among those that are live.
  index_t live(index_t u) const { return cut_.blocks == 1 ? 0 : u - dy_units_.begin; }
  T* products(index_t u) const { return products_ + live(u) * product_; }
  Range outputs(index_t u) const {
    return {u * cut_.dy.unit, std::min((u + 1) * cut_.dy.unit, r_.m)};
  }

  Tiles<T> image(index_t u) const {
    const index_t first = u * cut_.x.unit;
    const index_t plane = job_.x_pixel ? 1 : r_.in_plane();
    return {.first = job_.x + (g_ * r_.c + first) * plane,
            .image = job_.x_pixel ? job_.x_image : r_.groups * r_.c * plane,
            .plane = plane,
            .row = job_.x_pixel ? job_.x_row : r_.w.in,
            .pixel = job_.x_pixel,
            .height = r_.h.in,
            .width = r_.w.in,
            .channels = std::min(cut_.x.unit, r_.c - first),
            .side = cut_.x,
            .outputs = false,
            .terms_h = grid_.h.scheme().alpha,
            .terms_w = grid_.w.scheme().alpha,
            .transform_h = kernels_.input[grid_.h.index()],
            .transform_w = kernels_.input[grid_.w.index()]};
  }
  Tiles<T> gradient(index_t u) const {
    const index_t plane = job_.dy_pixel ? 1 : r_.pixels();
    return {.first = job_.dy + (g_ * r_.m + outputs(u).begin) * plane,
            .image = job_.dy_pixel ? job_.dy_image : r_.groups * r_.m * plane,
            .plane = plane,
            .row = job_.dy_pixel ? job_.dy_row : r_.w.count,
            .pixel = job_.dy_pixel,
            .height = r_.h.count,
            .width = r_.w.count,
            .channels = outputs(u).size(),
            .side = cut_.dy,
            .outputs = true,
            .terms_h = grid_.h.scheme().m,
            .terms_w = grid_.w.scheme().m,
            .transform_h = kernels_.grads[grid_.h.index()],
            .transform_w = kernels_.grads[grid_.w.index()]};
  }

  // Transforms the block's tiles. Their values at place xi go to to + xi * plane, tile after tile.
  void transform(const Tiles<T>& t, T* to, index_t plane) noexcept {
    const index_t unit = t.side.unit, m = grid_.w.scheme().m, term = cut_.lanes * unit;
    for (const winograd::TileRun* run = runs_; run != runs_ + n_runs_; ++run)
      for (index_t i = 0; i < t.terms_h; ++i) {
        if (i + grid_.h.scheme().m < t.terms_h && run > runs_ && below(run[-1], *run)) {
          share(run[-1], *run, i, unit);
          continue;
        }
        cut_out(t, *run, i);
        t.transform_w({.src = pixels_,
                       .src_term = unit,
                       .src_line = m * unit,
                       .dst = lines_ + i * alpha_w() * term + run->lane * unit,
                       .dst_term = term,
                       .dst_line = unit,
                       .lines = run->n,
                       .vectors = t.side.nv});
      }
    t.transform_h({.src = lines_,
                   .src_term = alpha_w() * term,
                   .src_line = term,
                   .dst = to,
                   .dst_term = alpha_w() * plane,
                   .dst_line = plane,
                   .lines = alpha_w(),
                   .vectors = tiles_ * t.side.nv});
  }

  // Copies row i of the tiles of `run`, which the run above has already transformed along w.
  void share(const winograd::TileRun& above, const winograd::TileRun& run, index_t i,
             index_t unit) noexcept {
    const index_t term = cut_.lanes * unit, m = grid_.h.scheme().m;
    for (index_t j = 0; j < alpha_w(); ++j)
      std::copy_n(lines_ + ((i + m) * alpha_w() + j) * term + above.lane * unit, run.n * unit,
                  lines_ + (i * alpha_w() + j) * term + run.lane * unit);
  }

  // Cuts row i of a run's tiles out of the planes, with channels as lanes. Beyond the planes there
  // are zeros.
  void cut_out(const Tiles<T>& t, const winograd::TileRun& run, index_t i) noexcept {
    const index_t unit = t.side.unit, m = grid_.w.scheme().m, n = (run.n - 1) * m + t.terms_w;
    const index_t row = (t.outputs ? run.h.first : run.h.reads) + i;
    const index_t column = t.outputs ? run.w.first : run.w.reads;
    const index_t begin = std::clamp(-column, index_t{0}, n);
    const index_t end = std::clamp(t.width - column, begin, n);
    if (row < 0 || row >= t.height || begin == end)
      return void(std::fill_n(pixels_, n * unit, T{0}));
    if (t.channels < unit) {
      std::fill_n(pixels_, n * unit, T{0});
    } else {
      std::fill_n(pixels_, begin * unit, T{0});
      std::fill_n(pixels_ + end * unit, (n - end) * unit, T{0});
    }
    const T* from = t.first + run.image * t.image + row * t.row;
    if (t.pixel != 0) {
      from += (column + begin) * t.pixel;
      for (index_t j = begin; j < end; ++j, from += t.pixel)
        std::copy_n(from, t.channels, pixels_ + j * unit);
      return;
    }
    exec_.kernels<T>().elementwise.transpose({.x = from + column + begin,
                                              .ldx = t.plane,
                                              .y = pixels_ + begin * unit,
                                              .ldy = unit,
                                              .rows = t.channels,
                                              .columns = end - begin});
  }

  // Adds the products of the block to those of unit u, or overwrites them.
  void multiply(index_t u, bool overwrite) noexcept {
    const auto& tile_of = exec_.kernels<T>().conv.channel_lanes;
    const index_t parts = ceil_div(channels_.size(), index_t{tile_of.max_pixels});
    for (index_t xi = 0; xi < grid_.alphas(); ++xi)
      for (index_t i = 0; i < parts; ++i) {
        const Range c = part(channels_.size(), parts, i);
        tile_of.run[c.size() - 1][cut_.dy.nv - 1]({.k = tiles_,
                                                   .x = v_ + xi * cut_.v_plane,
                                                   .x_step = cut_.x.unit,
                                                   .in = in_ + c.begin,
                                                   .w = w_ + xi * cut_.w_plane,
                                                   .c = products(u) + xi * cut_.u_plane,
                                                   .out = out_ + c.begin,
                                                   .ahead = wanted_next(xi, i),
                                                   .overwrite = overwrite});
      }
  }

  // While part i of a place is multiplied, a piece of what the next place reads is fetched: tiles_
  // cache lines, one with each term.
  const T* wanted_next(index_t xi, index_t i) const {
    const index_t piece = tiles_ * index_t{64 / sizeof(T)},
                  pieces = ceil_div(tiles_ * cut_.dy.unit, piece);
    if (i < pieces) return w_ + (xi + 1) * cut_.w_plane + i * piece;
    const index_t rest = i - pieces, in_unit = ceil_div(tiles_ * cut_.x.unit, piece);
    return v_ + rest / in_unit % x_units_.size() * v_unit() + (xi + 1) * cut_.v_plane +
           rest % in_unit * piece;
  }

  // Transforms the products of unit u back to sums.
  void sum(index_t u) noexcept {
    const WinogradScheme &h = grid_.h.scheme(), &w = grid_.w.scheme();
    kernels_.sums[grid_.h.index()]({.src = products(u),
                                    .src_term = w.alpha * cut_.u_plane,
                                    .src_line = cut_.u_plane,
                                    .dst = halves_,
                                    .dst_term = w.alpha * cut_.u_plane,
                                    .dst_line = cut_.u_plane,
                                    .lines = w.alpha,
                                    .vectors = channels_.size() * cut_.dy.nv});
    for (index_t i = 0; i < h.r; ++i)
      kernels_.sums[grid_.w.index()]({.src = halves_ + i * w.alpha * cut_.u_plane,
                                      .src_term = cut_.u_plane,
                                      .src_line = cut_.dy.unit,
                                      .dst = sums_ + i * w.r * cut_.dy.unit,
                                      .dst_term = cut_.dy.unit,
                                      .dst_line = r_.taps() * cut_.dy.unit,
                                      .lines = channels_.size(),
                                      .vectors = cut_.dy.nv});
  }

  // Stores the sums of unit u in dw, and returns whether they are finite.
  bool store(index_t u) noexcept {
    store_sums(job_, exec_, sums_, cut_.dy.unit, g_, outputs(u), channels_);
    return std::isfinite(exec_.kernels<T>().conv.sum(sums_, unit_size(), 1, 0));
  }

  const Job<T>& job_;
  const Correlation& r_;
  const winograd::TileGrid& grid_;
  const Exec& exec_;
  const WinogradKernels<T>& kernels_;
  const WinogradCut& cut_;
  const index_t product_;                                       // elements of a unit's products
  T *v_, *w_, *pixels_, *lines_, *products_, *halves_, *sums_;  // as WinogradSizes says
  double* totals_;
  winograd::TileRun* runs_;
  // Where each input channel lies in a place of the transformed tiles, and in one of the products.
  index_t *in_, *out_;
  Range x_units_, dy_units_;        // of the task
  Range channels_;                  // the input channels of its units
  index_t g_;                       // the group
  index_t tiles_ = 0, n_runs_ = 0;  // of the block at hand
};

}  // namespace fastconv::weight_grad
