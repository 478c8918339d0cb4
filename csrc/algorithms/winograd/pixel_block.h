// SPDX-License-Identifier: MIT
// A block of tiles of images that lie as pixels, from the image to the outputs. Lanes are channels:
// a tile is cut out of the image by reading vectors of neighbouring channels, and products are
// those of dense_pixels, whose pixels are tiles.
#pragma once

#include <algorithm>
#include <cmath>
#include <limits>

#include "algorithms/correlation/job.h"
#include "algorithms/winograd/pixel_weights.h"

namespace fastconv::winograd {

template <class T>
class PixelTilesBlock {
 public:
  // v is where the transformed tiles go; threads that share a block share it. `bias` has whole
  // vectors for each group, and `memory` is the scratch memory of this thread alone.
  PixelTilesBlock(const Job<T>& job, const TileGrid& grid, const PixelCut& cut,
                  const PixelSizes& sizes, const Exec& exec, const T* bias, index_t g,
                  index_t block, T* v, std::byte* memory) noexcept
      : job_(job),
        r_(job.r),
        grid_(grid),
        cut_(cut),
        exec_(exec),
        kernels_(exec.kernels<T>().conv.winograd),
        bias_(bias + g * cut.out.padded()),
        g_(g),
        v_(v),
        in_block_(sizes.u > 0) {
    const auto take = [&memory]<class U>(index_t bytes, U*& part) {
      part = reinterpret_cast<U*>(memory);
      memory += bytes;
    };
    take(sizes.u, u_), take(sizes.m, m_), take(sizes.lines, lines_), take(sizes.pixels, pixels_);
    take(sizes.runs, runs_);
    const Range tiles = part(cut.tiles, cut.blocks, block);
    tiles_ = tiles.size();
    n_runs_ = grid.split(tiles.begin, tiles_, runs_);
  }

  // Transforms some units of input channels of the block's tiles into v.
  void transform(Range units) noexcept {
    for (index_t u = units.begin; u < units.end; ++u)
      for_each_batch([&](const TileRun& run, Range some) { transform(u, run, some); });
  }

  // Multiplies a block of output channels, transforms the products back and stores them.
  void finish(index_t block) noexcept {
    const T* w = u_;
    if (in_block_)
      pack_pixel_block(r_, grid_, cut_.out, job_.weights, g_, block, u_, exec_);
    else
      w = job_.packed + pixel_weights_at(r_, grid_, cut_.out, g_, block, 0);
    multiply(block, w);
    for_each_batch([&](const TileRun& run, Range some) { store(block, run, some); });
  }

 private:
  index_t alpha_w() const { return grid_.w.scheme().alpha; }
  index_t lanes() const { return cut_.out.lanes; }

  // Calls f with each run of tiles and a range of them, at most a batch.
  template <class F>
  void for_each_batch(const F& f) noexcept {
    for (const TileRun* run = runs_; run != runs_ + n_runs_; ++run) {
      const index_t batches = ceil_div(run->n, cut_.batch);
      for (index_t i = 0; i < batches; ++i) f(*run, part(run->n, batches, i));
    }
  }

  // Transforms unit u of some tiles of a run.
  void transform(index_t u, const TileRun& run, Range some) noexcept {
    const index_t first = u * cut_.unit, channels = std::min(cut_.unit, r_.c - first);
    const index_t vectors = ceil_div(channels, lanes()), unit = vectors * lanes();
    const index_t n = some.size(), term = n * unit, m = grid_.w.scheme().m;
    for (index_t i = 0; i < grid_.h.scheme().alpha; ++i) {
      T* line = lines_ + i * alpha_w() * term;
      const index_t row = padded_source(r_.mode, run.h.reads + i * grid_.h.step(), r_.h.in);
      if (row < 0 || row >= r_.h.in) {  // a tile may reach beyond the padding
        std::fill_n(line, alpha_w() * term, T{0});
        continue;
      }
      const T* image = job_.x + run.image * job_.x_image + row * job_.x_row + g_ * r_.c + first;
      const index_t start = run.w.reads + some.begin * m * grid_.w.step();
      index_t step = 0;
      const T* from = elements(image, start, (n - 1) * m + alpha_w(), channels, unit, &step);
      kernels_.input[grid_.w.index()]({.src = from,
                                       .src_term = step,
                                       .src_line = m * step,
                                       .dst = line,
                                       .dst_term = term,
                                       .dst_line = unit,
                                       .lines = n,
                                       .vectors = vectors});
    }
    for (index_t j = 0; j < alpha_w(); ++j)
      kernels_.input[grid_.h.index()](
          {.src = lines_ + j * term,
           .src_term = alpha_w() * term,
           .src_line = unit,
           .dst = v_ + j * cut_.v_plane + (run.lane + some.begin) * cut_.v_tile + first,
           .dst_term = alpha_w() * cut_.v_plane,
           .dst_line = cut_.v_tile,
           .lines = n,
           .vectors = vectors});
  }

  // n elements of a row of the image, which tiles read from column `start` on: where they lie, if
  // all of them are the image's and fill vectors, or else in a copy. `*step` is how far apart they
  // lie.
  const T* elements(const T* row, index_t start, index_t n, index_t channels, index_t unit,
                    index_t* step) noexcept {
    const index_t apart = grid_.w.step();
    if (channels == unit && start >= 0 && start + (n - 1) * apart < r_.w.in) {
      *step = apart * job_.x_pixel;
      return row + start * job_.x_pixel;
    }
    *step = unit;
    T* to = pixels_;
    for (index_t j = 0; j < n; ++j, to += unit) {
      const index_t column = padded_source(r_.mode, start + j * apart, r_.w.in);
      const bool inside = column >= 0 && column < r_.w.in;
      if (inside) std::copy_n(row + column * job_.x_pixel, channels, to);
      std::fill(to + (inside ? channels : 0), to + unit, T{0});
    }
    return pixels_;
  }

  // Multiplies all tiles by a block of output channels at each place. While the first tiles of a
  // place are multiplied, the weights of the next one are fetched.
  void multiply(index_t block, const T* w) noexcept {
    const auto& tile_of = exec_.kernels<T>().conv.pixel_tile;
    const index_t nv = cut_.out.nv(block), unit = nv * lanes(), slice = r_.c * unit;
    const index_t parts = ceil_div(tiles_, index_t{tile_of.max_pixels[nv - 1]});
    constexpr T kInfinity = std::numeric_limits<T>::infinity();
    for (index_t xi = 0; xi < grid_.alphas(); ++xi, w += slice)
      for (index_t i = 0; i < parts; ++i) {
        const Range some = part(tiles_, parts, i);
        const bool fetches = i < nv;
        tile_of.run[some.size() - 1][nv - 1](
            {.k = r_.c,
             .lines = 1,
             .rows = 1,
             .x = v_ + xi * cut_.v_plane + some.begin * cut_.v_tile,
             .x_step = cut_.v_tile,
             .x_line = 0,
             .x_row = 0,
             .w = w,
             .w_line = 0,
             .w_row = 0,
             .y = m_ + xi * cut_.m_plane + some.begin * unit,
             .y_step = unit,
             .init = nullptr,
             .init_step = 0,
             .bias = nullptr,
             .tail = static_cast<int>(lanes()),
             .lowest = -kInfinity,
             .highest = kInfinity,
             .ahead = w + slice + i * r_.c * index_t{64 / sizeof(T)},
             .ahead_step = fetches ? index_t{64 / sizeof(T)} : 0});
      }
  }

  // Transforms the products of some tiles of a run back to pixels, and stores these.
  void store(index_t block, const TileRun& run, Range some) noexcept {
    const WinogradScheme &h = grid_.h.scheme(), &w = grid_.w.scheme();
    const index_t nv = cut_.out.nv(block), unit = nv * lanes(), n = some.size(), term = n * unit;
    kernels_.output[grid_.h.index()]({.src = m_ + (run.lane + some.begin) * unit,
                                      .src_term = alpha_w() * cut_.m_plane,
                                      .src_line = cut_.m_plane,
                                      .dst = lines_,
                                      .dst_term = alpha_w() * term,
                                      .dst_line = term,
                                      .lines = alpha_w(),
                                      .vectors = n * nv});
    const index_t rows = std::min<index_t>(h.m, run.h.outputs);
    const index_t columns = std::min(n * w.m, run.w.outputs - some.begin * w.m);
    for (index_t i = 0; i < rows; ++i)
      kernels_.output[grid_.w.index()]({.src = lines_ + i * alpha_w() * term,
                                        .src_term = term,
                                        .src_line = unit,
                                        .dst = pixels_ + i * w.m * term,
                                        .dst_term = unit,
                                        .dst_line = w.m * unit,
                                        .lines = n,
                                        .vectors = nv});
    const double sum = exec_.kernels<T>().conv.sum(pixels_, columns * unit, rows, w.m * term);
    for (index_t i = 0; i < rows; ++i) {
      const index_t q_h = run.h.first + i * grid_.h.step();
      const index_t q_w = run.w.first + some.begin * w.m * grid_.w.step();
      T* from = pixels_ + i * w.m * term;
      if (!std::isfinite(sum)) repair(block, run.image, q_h, q_w, columns, from);
      write(block, run.image, q_h, q_w, columns, from);
    }
  }

  // Where the phase's output (q_h, q_w) of an image begins, in an array of these steps.
  index_t at(index_t image, index_t row, index_t pixel, index_t n, index_t q_h, index_t q_w) const {
    return n * image + (r_.h.out_start + q_h * r_.h.out_step) * row +
           (r_.w.out_start + q_w * r_.w.out_step) * pixel;
  }

  // Copies a row of finished pixels to y, with bias, residual and activation.
  void write(index_t block, index_t n, index_t q_h, index_t q_w, index_t columns,
             T* from) noexcept {
    const index_t first = cut_.out.first(block), channels = cut_.out.rows(block);
    const index_t nv = cut_.out.nv(block), unit = nv * lanes();
    const index_t apart = grid_.w.step() * r_.w.out_step, channel = g_ * r_.m + first;
    T* y = job_.y + at(job_.y_image, job_.y_row, job_.y_pixel, n, q_h, q_w) + channel;
    if (job_.residual) {
      const T* residual =
          job_.residual + channel +
          at(job_.residual_image, job_.residual_row, job_.residual_pixel, n, q_h, q_w);
      for (index_t j = 0; j < columns; ++j)
        for (index_t c = 0; c < channels; ++c)
          from[j * unit + c] += residual[j * apart * job_.residual_pixel + c];
    }
    constexpr T kInfinity = std::numeric_limits<T>::infinity();
    const auto& tile_of = exec_.kernels<T>().conv.pixel_tile;
    const index_t parts = ceil_div(columns, index_t{tile_of.max_pixels[nv - 1]});
    for (index_t i = 0; i < parts; ++i) {
      const Range some = part(columns, parts, i);
      // A sum of no terms, which begins with the pixels.
      tile_of.run[some.size() - 1][nv - 1]({.k = 0,
                                            .lines = 0,
                                            .rows = 0,
                                            .x = from,
                                            .x_step = 0,
                                            .x_line = 0,
                                            .x_row = 0,
                                            .w = from,
                                            .w_line = 0,
                                            .w_row = 0,
                                            .y = y + some.begin * apart * job_.y_pixel,
                                            .y_step = apart * job_.y_pixel,
                                            .init = from + some.begin * unit,
                                            .init_step = unit,
                                            .bias = bias_ + first,
                                            .tail = static_cast<int>(channels - (nv - 1) * lanes()),
                                            .lowest = job_.limits ? job_.limits[0] : -kInfinity,
                                            .highest = job_.limits ? job_.limits[1] : kInfinity,
                                            .ahead = from,
                                            .ahead_step = 0});
    }
    if (job_.limits || job_.activation == Activation::none) return;
    for (index_t j = 0; j < columns; ++j)
      activate_pixel(job_, exec_, channel, y + j * apart * job_.y_pixel, channels);
  }

  // Computes those outputs of a row again that are not finite, as plain sums.
  void repair(index_t block, index_t n, index_t q_h, index_t q_w, index_t columns,
              T* row) noexcept {
    const index_t unit = cut_.out.nv(block) * lanes();
    for (index_t j = 0; j < columns; ++j)
      for (index_t c = 0; c < cut_.out.rows(block); ++c)
        if (T& y = row[j * unit + c]; !std::isfinite(y))
          y = plain_sum(n, cut_.out.first(block) + c, q_h, q_w + j * grid_.w.step());
  }

  T plain_sum(index_t n, index_t m, index_t q_h, index_t q_w) const noexcept {
    const T* image = job_.x + n * job_.x_image + g_ * r_.c;
    const T* weights = job_.weights + g_ * r_.w_group + m * r_.w_m;
    T sum = 0;
    for (const Tap& h : r_.h.taps) {
      const index_t row = padded_source(r_.mode, q_h + h.offset, r_.h.in);
      if (row < 0) continue;
      for (const Tap& w : r_.w.taps) {
        const index_t column = padded_source(r_.mode, q_w + w.offset, r_.w.in);
        if (column < 0) continue;
        const T* x = image + row * job_.x_row + column * job_.x_pixel;
        const T* tap = weights + h.kernel * r_.w_row + w.kernel;
        for (index_t c = 0; c < r_.c; ++c) sum += tap[c * r_.w_c] * x[c];
      }
    }
    return sum;
  }

  const Job<T>& job_;
  const Correlation& r_;
  const TileGrid& grid_;
  const PixelCut& cut_;
  const Exec& exec_;
  const WinogradKernels<T>& kernels_;
  const T* bias_;
  const index_t g_;
  T* v_;
  const bool in_block_;           // whether it transforms weights itself
  T *u_, *m_, *lines_, *pixels_;  // as PixelSizes says
  TileRun* runs_;
  index_t tiles_, n_runs_ = 0;
};

}  // namespace fastconv::winograd
