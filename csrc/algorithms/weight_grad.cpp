// SPDX-License-Identifier: MIT
#include "algorithms/weight_grad.h"

#include "algorithms/blocking.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv {
namespace {

// The sum over pixels is never split between threads: tasks are (group, block of terms k, chunk of
// output channels), and each walks all images and blocks of pixels in order.
struct Cut {
  index_t terms, term_blocks;    // columns of dw per task
  index_t rows, row_chunks;      // rows of dw per task
  index_t pixels, pixel_blocks;  // terms of one partial sum in T
};

template <class T>
Cut cut_for(const Correlation& r, const Exec& exec) {
  const auto& dot = exec.kernels<T>().conv.dot;
  // Partial sums in T of at most this many terms: short enough for float32, long enough that the
  // addition of vectors and the horizontal sum at its end cost little.
  constexpr index_t kMostPixels = 512, kMostTerms = 60;
  Cut cut{};
  cut.pixel_blocks = ceil_div(r.pixels(), kMostPixels);
  cut.pixels = ceil_div(r.pixels(), cut.pixel_blocks);
  cut.term_blocks = ceil_div(r.k(), kMostTerms);
  cut.terms = ceil_div(ceil_div(r.k(), cut.term_blocks), dot.max_nr) * dot.max_nr;
  cut.term_blocks = ceil_div(r.k(), cut.terms);
  const index_t tasks = r.groups * cut.term_blocks, few = 4 * exec.threads;
  cut.row_chunks = tasks >= few ? 1 : std::min(few, ceil_div(r.m, dot.max_mr));
  cut.rows = ceil_div(ceil_div(r.m, cut.row_chunks), dot.max_mr) * dot.max_mr;
  cut.row_chunks = ceil_div(r.m, cut.rows);
  return cut;
}

struct Sizes {
  index_t sums, segments, b;  // bytes per thread
  index_t all() const { return sums + segments + b; }
};

template <class T>
Sizes sizes_for(const Cut& cut) {
  return {cache_lines(cut.rows * cut.terms * index_t{sizeof(double)}),
          cache_lines(cut.pixels * index_t{sizeof(RowSegment)}),
          cache_lines(cut.terms * cut.pixels * index_t{sizeof(T)})};
}

template <class T>
void run_task(const Correlation& r, const T* x, const T* dy, T* dw, const Exec& exec,
              const Cut& cut, std::byte* memory, index_t task) noexcept {
  const auto& kernels = exec.kernels<T>().conv;
  const Sizes sizes = sizes_for<T>(cut);
  auto* sums = reinterpret_cast<double*>(memory);
  auto* segments = reinterpret_cast<RowSegment*>(memory + sizes.sums);
  auto* b = reinterpret_cast<T*>(memory + sizes.sums + sizes.segments);
  const index_t row0 = task % cut.row_chunks * cut.rows;
  const index_t k0 = task / cut.row_chunks % cut.term_blocks * cut.terms;
  const index_t g = task / cut.row_chunks / cut.term_blocks;
  const index_t rows = std::min(cut.rows, r.m - row0), terms = std::min(cut.terms, r.k() - k0);
  std::fill_n(sums, cut.rows * cut.terms, 0.0);
  for (index_t n = 0; n < r.batch; ++n)
    for (index_t block = 0; block < cut.pixel_blocks; ++block) {
      const index_t first = block * cut.pixels;
      const index_t pixels = std::min(cut.pixels, r.pixels() - first);
      if (pixels <= 0) continue;
      kernels.pack_panel({.image = x + (n * r.groups + g) * r.c * r.in_plane(),
                          .h = r.h.reads(),
                          .w = r.w.reads(),
                          .mode = r.mode,
                          .k0 = k0,
                          .k1 = k0 + terms,
                          .segments = segments,
                          .n_segments = split_rows(r, first, pixels, segments),
                          .width = pixels,
                          .ld = pixels,
                          .dst = b});
      for (index_t i = 0; i < rows; i += kernels.dot.max_mr) {
        const index_t mr = std::min<index_t>(kernels.dot.max_mr, rows - i);
        const T* a = dy + ((n * r.groups + g) * r.m + row0 + i) * r.pixels() + first;
        for (index_t j = 0; j < terms; j += kernels.dot.max_nr) {
          const index_t nr = std::min<index_t>(kernels.dot.max_nr, terms - j);
          kernels.dot.run[mr - 1][nr - 1]({.n = pixels,
                                           .a = a,
                                           .lda = r.pixels(),
                                           .b = b + j * pixels,
                                           .ldb = pixels,
                                           .sums = sums + i * cut.terms + j,
                                           .ld = cut.terms});
        }
      }
    }
  for (index_t i = 0; i < rows; ++i)
    for (index_t j = 0; j < terms; ++j)
      dw[(g * r.m + row0 + i) * r.k() + k0 + j] = static_cast<T>(sums[i * cut.terms + j]);
}

}  // namespace

template <class T>
index_t weight_grad_scratch(const Correlation& r, const Exec& exec) {
  return exec.threads * sizes_for<T>(cut_for<T>(r, exec)).all();
}

template <class T>
void weight_grad(const Correlation& r, const T* x, const T* dy, T* dw, const Exec& exec,
                 std::byte* scratch) noexcept {
  const Cut cut = cut_for<T>(r, exec);
  const index_t tasks = r.groups * cut.term_blocks * cut.row_chunks;
  const index_t each = sizes_for<T>(cut).all();
  parallel_for(tasks, useful_threads(tasks, r.fmas(), exec.threads), [&](index_t task, int thread) {
    run_task(r, x, dy, dw, exec, cut, scratch + thread * each, task);
  });
}

template <class T>
void bias_grad(index_t batch, index_t channels, index_t plane, const T* dy, T* db,
               const Exec& exec) noexcept {
  const double work = double(batch) * double(channels) * double(plane);
  const auto sum = exec.kernels<T>().conv.sum;
  parallel_for(channels, useful_threads(channels, work, exec.threads), [&](index_t c, int) {
    double total = 0;
    for (index_t n = 0; n < batch; ++n) total += sum(dy + (n * channels + c) * plane, plane);
    db[c] = static_cast<T>(total);
  });
}

template <class T>
void fold_padding(const ConvDesc& d, index_t planes, const T* padded, T* dx,
                  const Exec& exec) noexcept {
  const index_t height = d.h.lo + d.h.in + d.h.hi, width = d.w.lo + d.w.in + d.w.hi;
  const double work = double(planes) * double(height) * double(width);
  parallel_for(planes, useful_threads(planes, work, exec.threads), [&](index_t plane, int) {
    T* to = dx + plane * d.in_plane();
    const T* from = padded + plane * height * width;
    std::fill_n(to, d.in_plane(), T{0});
    for (index_t i = 0; i < height; ++i, from += width) {
      T* row = to + padded_source(d.mode, i - d.h.lo, d.h.in) * d.w.in;
      for (index_t j = 0; j < width; ++j) row[padded_source(d.mode, j - d.w.lo, d.w.in)] += from[j];
    }
  });
}

#define FC_INSTANTIATE(T)                                                                 \
  template index_t weight_grad_scratch<T>(const Correlation&, const Exec&);               \
  template void weight_grad(const Correlation&, const T*, const T*, T*, const Exec&,      \
                            std::byte*) noexcept;                                         \
  template void bias_grad(index_t, index_t, index_t, const T*, T*, const Exec&) noexcept; \
  template void fold_padding(const ConvDesc&, index_t, const T*, T*, const Exec&) noexcept
FC_INSTANTIATE(float);
FC_INSTANTIATE(double);
#undef FC_INSTANTIATE

}  // namespace fastconv
