// SPDX-License-Identifier: MIT
#include "algorithms/pool/whole_pixels.h"

#include "core/memory.h"

namespace fastconv::pool {
namespace {

constexpr index_t kMostPixels = 64;     // side by side
constexpr index_t kMostChannels = 512;  // of them together: beyond, vectors are full anyway

// Several pixels are one if they divide the image evenly.
index_t pixels_of(const Problem& problem) {
  if (problem.pooling.op != PoolOp::sum) return 1;
  const index_t n = problem.d.in_plane();
  index_t pixels = std::min({kMostPixels, kMostChannels / problem.d.channels, n / 8});
  while (pixels > 1 && n % pixels != 0) --pixels;
  return std::max<index_t>(1, pixels);
}

Problem in_one_line(const Problem& problem, index_t pixels) {
  Problem line = problem;
  const index_t n = problem.d.in_plane() / pixels;
  line.d.channels *= pixels;
  line.d.h = {};
  line.d.w = {.in = n, .kernel = n};
  if (pixels == 1) return line;
  line.pooling.average = false;
  line.pixels_apart = false;
  return line;
}

}  // namespace

template <class T>
WholePixels<T> WholePixels<T>::prepare(const Problem& problem) {
  if (problem.layout != Layout::pixels) return {.refusal = "it reads pixels only"};
  if (!is_whole(problem.d)) return {.refusal = "the window is not the whole image"};
  const index_t pixels = pixels_of(problem), sums = problem.d.planes() * pixels;
  const auto sliding = Sliding<T>::prepare(in_one_line(problem, pixels));
  return {.refusal = sliding.refusal,
          .side_by_side = pixels,
          .sums_bytes = pixels > 1 ? cache_lines(sums * static_cast<index_t>(sizeof(T))) : 0,
          .sliding = sliding};
}

template <class T>
void WholePixels<T>::run(const Problem& problem, const Arrays<T>& arrays, const Exec& exec,
                         std::byte* scratch) const noexcept {
  const Problem line = in_one_line(problem, side_by_side);
  std::byte* rest = scratch + sums_bytes;
  if (side_by_side == 1) return sliding.run(line, arrays, exec, rest);
  T* sums = reinterpret_cast<T*>(scratch);
  sliding.run(line, {.from = arrays.from, .to = sums}, exec, rest);
  const PoolDesc& d = problem.d;
  const auto divisor = static_cast<T>(
      problem.pooling.average ? problem.pooling.rows(d, 0) * problem.pooling.columns(d, 0) : 1);
  for (index_t image = 0; image < d.batch; ++image) {
    const T* from = sums + image * line.d.channels;
    T* to = arrays.to + image * (arrays.to_pixel == 0 ? d.channels : arrays.to_image);
    std::copy_n(from, d.channels, to);
    for (index_t p = 1; p < side_by_side; ++p)
      for (index_t c = 0; c < d.channels; ++c) to[c] += from[p * d.channels + c];
    for (index_t c = 0; c < d.channels; ++c) to[c] /= divisor;
  }
}

template struct WholePixels<float>;
template struct WholePixels<double>;

}  // namespace fastconv::pool
