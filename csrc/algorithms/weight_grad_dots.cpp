// SPDX-License-Identifier: MIT
// The weight gradient as dot products along the pixels, of gradients and rows of im2col: for few
// output channels, whose lanes the outer products would leave empty.
#include "algorithms/blocking.h"
#include "algorithms/weight_grad.h"
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
void run_task(const WeightGrad<T>& job, const Exec& exec, const Cut& cut, std::byte* memory,
              index_t task) noexcept {
  const Correlation& r = job.r;
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
      kernels.pack_panel({.image = job.x + (n * r.groups + g) * r.c * r.in_plane(),
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
        const T* a = job.dy + ((n * r.groups + g) * r.m + row0 + i) * r.pixels() + first;
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
      job.dw[(g * r.m + row0 + i) * r.k() + k0 + j] = static_cast<T>(sums[i * cut.terms + j]);
}

}  // namespace

template <class T>
index_t dots_scratch(const Correlation& r, const Exec& exec) {
  return exec.threads * sizes_for<T>(cut_for<T>(r, exec)).all();
}

template <class T>
void dots(const WeightGrad<T>& job, const Exec& exec, std::byte* scratch) noexcept {
  const Correlation& r = job.r;
  const Cut cut = cut_for<T>(r, exec);
  const index_t tasks = r.groups * cut.term_blocks * cut.row_chunks;
  const index_t each = sizes_for<T>(cut).all();
  parallel_for(tasks, useful_threads(tasks, r.fmas(), exec.threads), [&](index_t task, int thread) {
    run_task(job, exec, cut, scratch + thread * each, task);
  });
}

template index_t dots_scratch<float>(const Correlation&, const Exec&);
template index_t dots_scratch<double>(const Correlation&, const Exec&);
template void dots(const WeightGrad<float>&, const Exec&, std::byte*) noexcept;
template void dots(const WeightGrad<double>&, const Exec&, std::byte*) noexcept;

}  // namespace fastconv
