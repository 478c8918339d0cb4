// SPDX-License-Identifier: MIT
#include "algorithms/elementwise/transpose.h"

#include <algorithm>

#include "core/parallel.h"

namespace fastconv {
namespace {

// What moving an element costs, in FMAs of a convolution: 0.1 to 0.3 ns against 0.012.
constexpr double kElement = 8;

// Pixels of one task: with 64 channels of float, 64 KiB on either side, which L2 holds.
constexpr index_t kPixels = 256;

// Small integers, of which there are no vectors. Whole blocks have constant lengths: 0.3 ns an
// element instead of 1.
template <class T>
void transpose_any(const TransposeArgs<T>& a) noexcept {
  constexpr index_t kBlock = 8;
  for (index_t row = 0; row < a.rows; row += kBlock)
    for (index_t column = 0; column < a.columns; column += kBlock) {
      const index_t rows = std::min(kBlock, a.rows - row);
      const index_t columns = std::min(kBlock, a.columns - column);
      const T* x = a.x + row * a.ldx + column;
      T* y = a.y + column * a.ldy + row;
      if (rows < kBlock || columns < kBlock) {
        for (index_t i = 0; i < rows; ++i)
          for (index_t j = 0; j < columns; ++j) y[j * a.ldy + i] = x[i * a.ldx + j];
        continue;
      }
      T block[kBlock][kBlock];
      for (index_t i = 0; i < kBlock; ++i)
        for (index_t j = 0; j < kBlock; ++j) block[j][i] = x[i * a.ldx + j];
      for (index_t j = 0; j < kBlock; ++j) std::copy_n(block[j], kBlock, y + j * a.ldy);
    }
}

// Runs of neighbouring pixels, each the rows of one matrix of pixels by channels; rows of the image
// join where memory allows.
struct Runs {
  index_t images, lines, pixels, chunk, chunks;
  ChannelsLast image;

  explicit Runs(const ChannelsLast& i) : images(i.n), image(i) {
    const bool joined = i.h == 1 || i.h_step == i.w * i.w_step;
    lines = joined ? 1 : i.h;
    pixels = joined ? i.h * i.w : i.w;
    chunk = std::min(pixels, kPixels);
    chunks = (pixels + chunk - 1) / chunk;
  }
  index_t tasks() const { return images * lines * chunks; }
};

struct Run {
  index_t last, first, pixels;  // where it starts in either image, and its length
};
Run run_of(const Runs& r, index_t task) {
  const index_t chunk = task % r.chunks, line = task / r.chunks % r.lines;
  const index_t n = task / r.chunks / r.lines, start = chunk * r.chunk;
  return {n * r.image.n_step + line * r.image.h_step + start * r.image.w_step,
          n * r.image.c * r.image.h * r.image.w + line * r.pixels + start,
          std::min(r.chunk, r.pixels - start)};
}

template <class T, bool TO_PLANES>
void transpose_all(const ChannelsLast& image, const void* from, void* to,
                   void (*transpose)(const TransposeArgs<T>&) noexcept, int threads) noexcept {
  const Runs runs(image);
  const index_t plane = image.h * image.w, elements = image.n * image.c * plane;
  const double work = kElement * static_cast<double>(elements);
  const auto* x = static_cast<const T*>(from);
  auto* y = static_cast<T*>(to);
  parallel_for(runs.tasks(), useful_threads(runs.tasks(), work, threads), [&](index_t task, int) {
    const Run run = run_of(runs, task);
    if constexpr (TO_PLANES)
      transpose({.x = x + run.last,
                 .ldx = image.w_step,
                 .y = y + run.first,
                 .ldy = plane,
                 .rows = run.pixels,
                 .columns = image.c});
    else
      transpose({.x = x + run.first,
                 .ldx = plane,
                 .y = y + run.last,
                 .ldy = image.w_step,
                 .rows = image.c,
                 .columns = run.pixels});
  });
}

template <bool TO_PLANES>
void by_item(const ChannelsLast& image, index_t item, const void* from, void* to,
             const Exec& exec) noexcept {
  const auto& f32 = exec.kernels<float>().elementwise;
  const auto& f64 = exec.kernels<double>().elementwise;
  if (item == 4)
    return transpose_all<float, TO_PLANES>(image, from, to, f32.transpose, exec.threads);
  if (item == 8)
    return transpose_all<double, TO_PLANES>(image, from, to, f64.transpose, exec.threads);
  if (item == 2)
    return transpose_all<std::uint16_t, TO_PLANES>(image, from, to, &transpose_any, exec.threads);
  transpose_all<std::uint8_t, TO_PLANES>(image, from, to, &transpose_any, exec.threads);
}

}  // namespace

void to_planes(const ChannelsLast& image, index_t item, const void* x, void* planes,
               const Exec& exec) noexcept {
  by_item<true>(image, item, x, planes, exec);
}

void from_planes(const ChannelsLast& image, index_t item, const void* planes, void* y,
                 const Exec& exec) noexcept {
  by_item<false>(image, item, planes, y, exec);
}

}  // namespace fastconv
