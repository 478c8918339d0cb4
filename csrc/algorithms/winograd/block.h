// SPDX-License-Identifier: MIT
// A block of tiles, from the image to the outputs. Its tiles are transformed, multiplied at each
// place by a matrix product over the channels, transformed back and stored, all inside L2.
#pragma once

#include <algorithm>
#include <cmath>

#include "algorithms/correlation/job.h"
#include "algorithms/winograd/cut.h"
#include "algorithms/winograd/weights.h"

namespace fastconv::winograd {

template <class T>
class Block {
 public:
  // v is where the transformed tiles go; threads that share a block share it. So they do with m,
  // where the products of all output channels go, unless it is null. `memory` is the scratch memory
  // of this thread alone.
  Block(const Job<T>& job, const TileGrid& grid, const Cut& cut, const Sizes& sizes,
        const Exec& exec, index_t g, index_t block, T* v, T* m, std::byte* memory) noexcept
      : job_(job),
        r_(job.r),
        grid_(grid),
        cut_(cut),
        exec_(exec),
        g_(g),
        v_(v),
        m_(m),
        in_block_(sizes.u > 0) {
    const auto take = [&memory]<class U>(index_t bytes, U*& part) {
      part = reinterpret_cast<U*>(memory);
      memory += bytes;
    };
    take(sizes.u, u_);
    if (m_ == nullptr) take(sizes.m, m_);
    take(sizes.columns, columns_), take(sizes.lines, lines_);
    take(sizes.pixels, pixels_), take(sizes.tile_runs, runs_), take(sizes.tile_rows, rows_);
    take(sizes.pixel_runs, pixel_runs_);
    const Range vectors = part(cut.vectors, cut.blocks, block);
    const index_t first = vectors.begin * vector();
    tiles_ = std::min(vectors.size() * vector(), cut.tiles - first);
    lanes_ = ceil_div(tiles_, vector()) * vector();
    n_runs_ = grid.split(first, tiles_, runs_);
  }

  // Transforms channels c.begin..c.end of the block's tiles into v.
  void transform(Range c) noexcept {
    list_rows();
    const auto& kernels = exec_.kernels<T>().conv.winograd;
    std::fill_n(columns_, alphas() * lanes_, T{0});  // for rows of padding and lanes without a tile
    for (index_t channel = c.begin; channel < c.end; ++channel) {
      // While one channel is transformed, the rows of the next one are fetched, or those of the
      // first one after the last: they lie a plane away, where no hardware prefetcher expects them
      // (64@56, N = 16: 6 %).
      const index_t next = channel + 1 < c.end ? channel + 1 : c.begin;
      kernels.tile_rows[grid_.w.index()]({.image = job_.image(0, g_) + channel * r_.in_plane(),
                                          .next = job_.image(0, g_) + next * r_.in_plane(),
                                          .width = r_.w.in,
                                          .step = grid_.w.step(),
                                          .mode = r_.mode,
                                          .rows = rows_,
                                          .n_rows = n_rows_,
                                          .dst = columns_,
                                          .ld = lanes_});
      for (index_t lane = 0; lane < lanes_; lane += cut_.tile.nr) {
        const index_t width = std::min(cut_.tile.nr, lanes_ - lane);
        kernels.input[grid_.h.index()]({.src = columns_ + lane,
                                        .src_term = alpha_w() * lanes_,
                                        .src_line = lanes_,
                                        .dst = v_ + lane * r_.c + channel * width,
                                        .dst_term = alpha_w() * cut_.v_plane,
                                        .dst_line = cut_.v_plane,
                                        .lines = alpha_w(),
                                        .vectors = width / vector()});
      }
    }
  }

  // Multiplies and stores a chunk of output channels.
  void finish(index_t chunk) noexcept {
    const Range chunk_rows = rows(part(ceil_div(r_.m, cut_.tile.mr), cut_.chunks, chunk));
    first_row_ = chunk_rows.begin;
    if (in_block_)
      for (index_t row = first_row_; row < chunk_rows.end; row += cut_.tile.mr)
        transform_weights(r_, grid_, cut_.tile.mr, job_.weights, g_, row,
                          weights(chunk_rows, row, 0), weight_plane(chunk_rows), exec_);
    multiply(chunk_rows, 0, alphas());
    store(chunk_rows);
  }

  // The output channels of some panels.
  Range rows(Range panels) const {
    return {panels.begin * cut_.tile.mr, std::min(r_.m, panels.end * cut_.tile.mr)};
  }

  // Multiplies the panels of output channels `rows` by all tiles of the block, at the places
  // xi..end, one after the other.
  void multiply(Range rows, index_t xi, index_t end) noexcept {
    for (; xi < end; ++xi)
      for (index_t k0 = 0; k0 < r_.c; k0 += cut_.kc)
        for (index_t lane = 0; lane < lanes_; lane += cut_.tile.nr)
          for (index_t row = rows.begin; row < rows.end; row += cut_.tile.mr)
            multiply_tile(rows, row, xi, k0, lane);
  }

  // Transforms the products of some output channels back to pixels, and stores these.
  void store(Range rows) noexcept {
    list_pixels();
    for (index_t row = rows.begin; row < rows.end; ++row) store(row);
  }

 private:
  index_t alpha_h() const { return grid_.h.scheme().alpha; }
  index_t alpha_w() const { return grid_.w.scheme().alpha; }
  index_t alphas() const { return grid_.alphas(); }
  index_t vector() const { return exec_.kernels<T>().conv.gemm.lanes; }
  // How far apart the planes of transformed weights lie: those of a chunk, or those of the group.
  index_t weight_plane(Range chunk) const { return (in_block_ ? chunk.size() : r_.m) * r_.c; }
  // A chunk's own transformed weights of the panel at output channel `row`, at place xi.
  T* weights(Range chunk, index_t row, index_t xi) const {
    return u_ + xi * weight_plane(chunk) + (row - chunk.begin) * r_.c;
  }

  // Lists each row of the image once, with all rows of tiles that read it.
  void list_rows() noexcept {
    const index_t m = grid_.h.scheme().m;
    n_rows_ = 0;
    for (index_t s = 0; s < n_runs_; ++s) {
      const TileRun& run = runs_[s];
      const bool has_above = s > 0 && below(runs_[s - 1], run);
      for (index_t i = 0; i < alpha_h(); ++i) {
        if (has_above && i + m < alpha_h()) continue;  // it is listed with the run above
        const index_t row = padded_source(r_.mode, run.h.reads + i * grid_.h.step(), r_.h.in);
        if (row < 0 || row >= r_.h.in) continue;  // a tile may reach beyond the padding
        const index_t at = run.image * job_.x_image + row * r_.w.in;
        TileRow task{at, run.w.reads, run.n, {}, 0};
        index_t next = s;
        for (index_t j = i; j >= 0; j -= m) {
          task.dst[task.n_dst++] = j * alpha_w() * lanes_ + runs_[next].lane;
          if (next + 1 == n_runs_ || !below(runs_[next], runs_[next + 1])) break;
          ++next;
        }
        rows_[n_rows_++] = task;
      }
    }
  }

  // Lists where each run of pixels belongs in the plane that an output channel has in image 0.
  void list_pixels() noexcept {
    const index_t mh = grid_.h.scheme().m, mw = grid_.w.scheme().m;
    n_pixel_runs_ = 0;
    for (const TileRun* run = runs_; run != runs_ + n_runs_; ++run)
      for (index_t i = 0; i < std::min(mh, run->h.outputs); ++i) {
        const index_t q_h = run->h.first + i * grid_.h.step();
        const index_t at = (r_.h.out_start + q_h * r_.h.out_step) * r_.w.out + r_.w.out_start +
                           run->w.first * r_.w.out_step;
        pixel_runs_[n_pixel_runs_++] = {.from = (i * lanes_ + run->lane) * mw,
                                        .to = run->image * job_.y_image + at,
                                        .n = std::min(run->n * mw, run->w.outputs),
                                        .residual = run->image * job_.residual_image + at};
      }
  }

  // The transformed weights of the panel at `row`, at place xi, from input channel k0 on.
  const T* terms(Range chunk, index_t row, index_t xi, index_t k0) const {
    const index_t plane = weight_plane(chunk);
    const T* panel = in_block_ ? weights(chunk, row, xi)
                               : job_.packed + (g_ * alphas() + xi) * plane + row * r_.c;
    return panel + k0 * std::min(cut_.tile.mr, r_.m - row);
  }

  // Adds the terms of a slice, from input channel k0 on, to the products at place xi of one panel,
  // at `row`, with a tile's tiles of the block, from `lane` on. The panels of `rows` come next.
  void multiply_tile(Range rows, index_t row, index_t xi, index_t k0, index_t lane) noexcept {
    const index_t k1 = std::min(r_.c, k0 + cut_.kc);
    const index_t width = std::min(cut_.tile.nr, lanes_ - lane);
    const index_t mr = std::min(cut_.tile.mr, r_.m - row), after = row + mr;
    T* c = m_ + xi * cut_.m_plane + (row - first_row_) * lanes_ + lane;
    exec_.kernels<T>().conv.gemm.run_gemm[mr - 1][width / vector() - 1]({
        .k = k1 - k0,
        .a = terms(rows, row, xi, k0),
        .b = v_ + xi * cut_.v_plane + lane * r_.c + k0 * width,
        .ldb = width,
        .offsets = nullptr,
        .c = c,
        .ldc = lanes_,
        .init = k0 == 0 ? nullptr : c,
        .bias = nullptr,
        .tail = static_cast<int>(vector()),
        .next = after < rows.end    ? terms(rows, after, xi, k0)
                : k1 < r_.c         ? terms(rows, rows.begin, xi, k1)
                : xi + 1 < alphas() ? terms(rows, rows.begin, xi + 1, 0)
                                    : nullptr,
    });
  }

  // Transforms the products of output channel `row` back to pixels, and stores these.
  void store(index_t row) noexcept {
    const auto& kernels = exec_.kernels<T>().conv.winograd;
    const index_t mh = grid_.h.scheme().m, mw = grid_.w.scheme().m, ldc = mw * lanes_;
    kernels.output[grid_.h.index()]({.src = m_ + (row - first_row_) * lanes_,
                                     .src_term = alpha_w() * cut_.m_plane,
                                     .src_line = cut_.m_plane,
                                     .dst = lines_,
                                     .dst_term = alpha_w() * lanes_,
                                     .dst_line = lanes_,
                                     .lines = alpha_w(),
                                     .vectors = lanes_ / vector()});
    const T* bias = job_.bias_of(g_, row);
    const bool finite = kernels.pixel_rows[grid_.w.index()]({.src = lines_,
                                                             .src_term = lanes_,
                                                             .src_line = alpha_w() * lanes_,
                                                             .dst = pixels_,
                                                             .ldc = ldc,
                                                             .lines = mh,
                                                             .vectors = lanes_ / vector(),
                                                             .bias = bias ? *bias : T{0}});
    if (!finite) repair(row);
    write(row);
  }

  // Copies finished pixels to y, with residual and activation.
  void write(index_t row) noexcept {
    const Kernels<T>& kernels = exec_.kernels<T>();
    const index_t step = grid_.w.step() * r_.w.out_step;
    const T* residual = job_.residual_of(0, g_, row);
    T* to = job_.y + job_.plane(0, g_, row);
    const bool active = job_.activation != Activation::none && !job_.limits;
    const bool early = active && step != 1;
    const T slope = job_.slope_of(job_.channel(g_, row));
    const auto activate = [&](T* x, index_t n) {
      kernels.elementwise.activate(job_.activation, x, x, n, slope);
    };
    if (early)  // results that lie apart in y are activated before they are stored there
      for (const PixelRun* run = pixel_runs_; run != pixel_runs_ + n_pixel_runs_; ++run) {
        if (residual)
          for (index_t i = 0; i < run->n; ++i)
            pixels_[run->from + i] += residual[run->residual + i * step];
        activate(pixels_ + run->from, run->n);
      }
    kernels.conv.winograd.store_runs(
        {pixel_runs_, n_pixel_runs_, pixels_, early ? nullptr : residual, to, step, job_.limits});
    if (active && !early)
      for (const PixelRun* run = pixel_runs_; run != pixel_runs_ + n_pixel_runs_; ++run)
        activate(to + run->to, run->n);
  }

  // Computes tiles again, as plain sums, that hold pixels which are not finite.
  void repair(index_t row) noexcept {
    const index_t mw = grid_.w.scheme().m;
    for (const TileRun* run = runs_; run != runs_ + n_runs_; ++run) {
      const index_t mh = std::min<index_t>(grid_.h.scheme().m, run->h.outputs);
      for (index_t t = 0; t < run->n; ++t) {
        const index_t columns = std::min(mw, run->w.outputs - t * mw);
        const auto pixel = [&](index_t i, index_t j) -> T& {
          return pixels_[(i * lanes_ + run->lane + t) * mw + j];
        };
        bool finite = true;
        for (index_t i = 0; i < mh; ++i)
          for (index_t j = 0; j < columns; ++j) finite = finite && std::isfinite(pixel(i, j));
        if (finite) continue;
        for (index_t i = 0; i < mh; ++i)
          for (index_t j = 0; j < columns; ++j)
            pixel(i, j) = plain_sum(row, run->image, run->h.first + i * grid_.h.step(),
                                    run->w.first + (t * mw + j) * grid_.w.step());
      }
    }
  }

  // One output of channel `row`, as the plain sum of its terms.
  T plain_sum(index_t row, index_t image, index_t q_h, index_t q_w) noexcept {
    const T* bias = job_.bias_of(g_, row);
    T sum = bias ? *bias : T{0};
    for (const Tap& th : r_.h.taps) {
      const index_t ih = padded_source(r_.mode, q_h + th.offset, r_.h.in);
      for (const Tap& tw : r_.w.taps) {
        const index_t iw = padded_source(r_.mode, q_w + tw.offset, r_.w.in);
        if (ih < 0 || iw < 0) continue;
        const T* x = job_.image(image, g_) + ih * r_.w.in + iw;
        const T* weight =
            job_.weights + g_ * r_.w_group + row * r_.w_m + th.kernel * r_.w_row + tw.kernel;
        for (index_t c = 0; c < r_.c; ++c) sum += weight[c * r_.w_c] * x[c * r_.in_plane()];
      }
    }
    return sum;
  }

  const Job<T>& job_;
  const Correlation& r_;
  const TileGrid& grid_;
  const Cut& cut_;
  const Exec& exec_;
  const index_t g_;
  T *v_, *m_;
  const bool in_block_;                 // whether this block transforms its weights itself
  T *u_, *columns_, *lines_, *pixels_;  // as Sizes says
  index_t first_row_ = 0;               // the output channel whose products begin m
  TileRun* runs_;
  TileRow* rows_;
  PixelRun* pixel_runs_;
  index_t tiles_, lanes_;  // the tiles of the block, and the lanes of the vectors that they fill
  index_t n_runs_ = 0, n_rows_ = 0, n_pixel_runs_ = 0;
};

}  // namespace fastconv::winograd
