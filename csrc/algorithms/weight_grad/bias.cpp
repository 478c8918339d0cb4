// SPDX-License-Identifier: MIT
// The gradient of the bias, from planes and from pixels.
#include <algorithm>

#include "algorithms/common/blocking.h"
#include "algorithms/weight_grad/weight_grad.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv::weight_grad {

template <class T>
void bias_grad(index_t batch, index_t channels, index_t plane, const T* dy, T* db,
               const Exec& exec) noexcept {
  const double work = double(batch) * double(channels) * double(plane);
  const auto sum = exec.kernels<T>().conv.sum;
  parallel_for(channels, useful_threads(channels, work, exec.threads), [&](index_t c, int) {
    db[c] = static_cast<T>(sum(dy + c * plane, plane, batch, channels * plane));
  });
}

namespace {

// Parts of the rows have sums of their own, in double. Their number follows from the problem, so
// that the sums have the same bits for any number of threads.
index_t parts_of(const PixelArray& a) {
  constexpr index_t kElements = 1 << 15, kMost = 64;  // of a part; parts
  const index_t rows = a.batch * a.height, elements = rows * a.width * a.channels;
  return std::clamp(elements / kElements, index_t{1}, std::clamp(rows, index_t{1}, kMost));
}
// Pixels with gaps between them are copied, so many at a time: the kernel takes them without, and
// adds as many in T before it goes on in double.
constexpr index_t kCopied = 16;
template <class T>
index_t copy_bytes(const PixelArray& a) {
  return a.pixel == a.channels ? 0 : cache_lines(kCopied * a.channels * index_t{sizeof(T)});
}
// The memory of a part: the sums of the channels, others that the kernel adds and nobody wants, and
// the copy.
index_t sums_bytes(const PixelArray& a) {
  return cache_lines(2 * a.channels * index_t{sizeof(double)});
}
template <class T>
index_t part_bytes(const PixelArray& a) {
  return sums_bytes(a) + copy_bytes<T>(a);
}

}  // namespace

template <class T>
index_t bias_grad_bytes(const PixelArray& a) {
  return parts_of(a) * part_bytes<T>(a) + cache_lines(a.channels * index_t{sizeof(T)});
}

template <class T>
void bias_grad(const PixelArray& a, const T* dy, T* db, std::byte* scratch,
               const Exec& exec) noexcept {
  const index_t parts = parts_of(a), rows = a.batch * a.height;
  const auto sums_of = [&](index_t i) {
    return reinterpret_cast<double*>(scratch + i * part_bytes<T>(a));
  };
  T* means = reinterpret_cast<T*>(scratch + parts * part_bytes<T>(a));
  std::fill_n(means, a.channels, T{0});
  const double work = double(rows) * double(a.width) * double(a.channels);
  const bool dense = copy_bytes<T>(a) == 0;
  parallel_for(parts, useful_threads(parts, work, exec.threads), [&](index_t i, int) {
    double* sums = sums_of(i);
    T* copy = reinterpret_cast<T*>(scratch + i * part_bytes<T>(a) + sums_bytes(a));
    std::fill_n(sums, 2 * a.channels, 0.0);
    const auto add = [&](const T* pixels, index_t n) {
      exec.kernels<T>().elementwise.sum_columns({.n = a.channels,
                                                 .rows = n,
                                                 .x = pixels,
                                                 .dy = pixels,
                                                 .mean = means,
                                                 .first = sums,
                                                 .second = sums + a.channels});
    };
    const Range some = part(rows, parts, i);
    for (index_t row = some.begin; row < some.end; ++row) {
      const T* from = dy + row / a.height * a.image + row % a.height * a.row;
      if (dense) add(from, a.width);
      for (index_t j = 0; !dense && j < a.width; j += kCopied) {
        const index_t n = std::min(kCopied, a.width - j);
        for (index_t k = 0; k < n; ++k)
          std::copy_n(from + (j + k) * a.pixel, a.channels, copy + k * a.channels);
        add(copy, n);
      }
    }
  });
  for (index_t c = 0; c < a.channels; ++c) {
    double sum = 0;
    for (index_t i = 0; i < parts; ++i) sum += sums_of(i)[c];
    db[c] = static_cast<T>(sum);
  }
}

template void bias_grad(index_t, index_t, index_t, const float*, float*, const Exec&) noexcept;
template void bias_grad(index_t, index_t, index_t, const double*, double*, const Exec&) noexcept;
template index_t bias_grad_bytes<float>(const PixelArray&);
template index_t bias_grad_bytes<double>(const PixelArray&);
template void bias_grad(const PixelArray&, const float*, float*, std::byte*, const Exec&) noexcept;
template void bias_grad(const PixelArray&, const double*, double*, std::byte*,
                        const Exec&) noexcept;

}  // namespace fastconv::weight_grad
