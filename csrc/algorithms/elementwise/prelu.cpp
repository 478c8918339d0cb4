// SPDX-License-Identifier: MIT
// Long planes are computed one by one, each with its channel's slope. Short ones, and pixels, whose
// channels are neighbours, are computed in rows of some whole periods of the array, for which the
// slopes are spread out once:
//
//     [ a a b b c c | a a b b c c | .. ]     two elements of each of three channels, a period
//       '---------- a row ----------'
//
// How elements are cut into blocks follows from the shape alone, and so does the order of sums.
#include "algorithms/elementwise/prelu.h"

#include <algorithm>

#include "algorithms/common/blocking.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv {
namespace {

constexpr index_t kBlock = 16384;    // elements of one task, as for the other activations
constexpr index_t kShortPlane = 16;  // shorter ones than this are spread out: a vector of AVX-512
constexpr index_t kRow = 256;   // elements of a row at least, of which a kernel call costs little
constexpr index_t kRows = 64;   // rows of one task
constexpr index_t kTerms = 16;  // so many rows are added up in T, and then in double

bool is_spread(const PreluShape& s) { return s.channels > 1 && s.inner < kShortPlane; }

// The rows of an array that is spread out.
struct Rows {
  index_t period, copies, n;  // n elements in a row: `copies` periods
  index_t whole, left;        // whole rows, and the periods of what is left of a row
  index_t blocks;             // of kRows rows; what is left is one more
  explicit Rows(const PreluShape& s)
      : period(s.channels * s.inner),
        copies(std::clamp<index_t>(s.outer, 1, ceil_div(kRow, std::max<index_t>(1, period)))),
        n(copies * period),
        whole(s.outer / copies),
        left(s.outer % copies),
        blocks(ceil_div(whole, kRows)) {}
  Range block(index_t i) const { return {i * kRows, std::min(whole, (i + 1) * kRows)}; }
};

// The planes of an array in pieces of kBlock elements at most, and how many of these a task takes.
struct Pieces {
  index_t plane, each, all, group;
  explicit Pieces(const PreluShape& s)
      : plane(s.inner),
        each(ceil_div(s.inner, kBlock)),
        all(s.outer * s.channels * each),
        group(std::max<index_t>(1, kBlock / std::max<index_t>(1, s.inner))) {}

  // Calls body(piece, plane, start, count) for every piece, whose elements lie at `start`.
  template <class Body>
  void run(const Exec& exec, const Body& body) const noexcept {
    const index_t tasks = ceil_div(all, group);
    const double work = double(all) * double(std::min(plane, kBlock));
    parallel_for(tasks, useful_threads(tasks, work, exec.threads), [&](index_t task, int) {
      for (index_t i = task * group; i < std::min(all, (task + 1) * group); ++i) {
        const index_t from = i % each * kBlock;
        body(i, i / each, i / each * plane + from, std::min(kBlock, plane - from));
      }
    });
  }
};

template <class T>
void spread(const PreluShape& s, const Rows& rows, const T* slopes, T* row) noexcept {
  for (index_t c = 0; c < s.channels; ++c) std::fill_n(row + c * s.inner, s.inner, slopes[c]);
  for (index_t copy = 1; copy < rows.copies; ++copy)
    std::copy_n(row, rows.period, row + copy * rows.period);
}

Team team_for(const PreluShape& s, const Rows& rows, const Exec& exec) {
  return useful_threads(rows.blocks + 1, double(s.size()), exec.threads);
}

// The gradient of arrays that are spread out. Each block has a sum for each place of a row.
template <class T>
void rows_grad(const Exec& exec, const PreluShape& s, const T* slopes, PreluRows<T> all,
               T* d_slopes, std::byte* scratch) noexcept {
  const auto& kernels = exec.kernels<T>();
  const Rows rows(s);
  T* row = reinterpret_cast<T*>(scratch);
  auto* totals = reinterpret_cast<double*>(scratch + cache_lines(rows.n * index_t{sizeof(T)}));
  T* sums = reinterpret_cast<T*>(totals + (rows.blocks + 1) * rows.n);
  spread(s, rows, slopes, row);
  all.slopes = row;
  const auto add = [&](index_t first, index_t count, index_t n, index_t block, bool begins) {
    PreluRows<T> some = all;
    some.x += first * rows.n, some.dy += first * rows.n, some.dx += first * rows.n;
    some.rows = count, some.n = n, some.sums = sums + block * rows.n;
    kernels.elementwise.prelu_rows_grad(some);
    kernels.conv.add_to_totals(some.sums, totals + block * rows.n, n, begins, false);
  };
  parallel_for(rows.blocks + 1, team_for(s, rows, exec), [&](index_t block, int) {
    if (block == rows.blocks) return add(rows.whole, 1, rows.left * rows.period, block, true);
    const Range part = rows.block(block);
    for (index_t r = part.begin; r < part.end; r += kTerms)
      add(r, std::min(kTerms, part.end - r), rows.n, block, r == part.begin);
  });
  if (d_slopes == nullptr) return;
  for (index_t c = 0; c < s.channels; ++c) {
    double sum = 0;
    for (index_t block = 0; block <= rows.blocks; ++block)
      for (index_t copy = 0; copy < (block < rows.blocks ? rows.copies : rows.left); ++copy)
        for (index_t i = 0; i < s.inner; ++i)
          sum += totals[block * rows.n + copy * rows.period + c * s.inner + i];
    d_slopes[c] = static_cast<T>(sum);
  }
}

}  // namespace

template <class T>
index_t prelu_scratch(const PreluShape& s) {
  return is_spread(s) ? cache_lines(Rows(s).n * index_t{sizeof(T)}) : 0;
}

template <class T>
index_t prelu_grad_scratch(const PreluShape& s) {
  if (!is_spread(s)) return Pieces(s).all * index_t{sizeof(double)};
  const Rows rows(s);
  return cache_lines(rows.n * index_t{sizeof(T)}) +
         (rows.blocks + 1) * rows.n * index_t{sizeof(double) + sizeof(T)};
}

template <class T>
void prelu(const Exec& exec, const PreluShape& s, const T* slopes, const T* x, T* y,
           std::byte* scratch) noexcept {
  const auto& kernels = exec.kernels<T>().elementwise;
  if (!is_spread(s)) {
    Pieces(s).run(exec, [&](index_t, index_t plane, index_t at, index_t n) {
      kernels.activate(Activation::leaky_relu, x + at, y + at, n, slopes[plane % s.channels]);
    });
    return;
  }
  const Rows rows(s);
  T* row = reinterpret_cast<T*>(scratch);
  spread(s, rows, slopes, row);
  parallel_for(rows.blocks + 1, team_for(s, rows, exec), [&](index_t block, int) {
    if (block == rows.blocks) {
      const index_t at = rows.whole * rows.n;
      return kernels.prelu_row(x + at, row, y + at, rows.left * rows.period);
    }
    const Range part = rows.block(block);
    for (index_t at = part.begin * rows.n; at < part.end * rows.n; at += rows.n)
      kernels.prelu_row(x + at, row, y + at, rows.n);
  });
}

template <class T>
void prelu_grad(const Exec& exec, const PreluShape& s, const T* slopes, const T* x, const T* dy,
                T* dx, T* d_slopes, std::byte* scratch) noexcept {
  if (is_spread(s)) {
    const PreluRows<T> all{
        .n = 0, .rows = 0, .x = x, .dy = dy, .slopes = nullptr, .dx = dx, .sums = nullptr};
    return rows_grad(exec, s, slopes, all, d_slopes, scratch);
  }
  const auto run = exec.kernels<T>().elementwise.prelu_plane_grad;
  const Pieces pieces(s);
  auto* sums = reinterpret_cast<double*>(scratch);
  pieces.run(exec, [&](index_t piece, index_t plane, index_t at, index_t n) {
    sums[piece] = run(x + at, dy + at, dx + at, n, slopes[plane % s.channels]);
  });
  if (d_slopes == nullptr) return;
  for (index_t c = 0; c < s.channels; ++c) {
    double sum = 0;
    for (index_t n = 0; n < s.outer; ++n)
      for (index_t i = 0; i < pieces.each; ++i) sum += sums[(n * s.channels + c) * pieces.each + i];
    d_slopes[c] = static_cast<T>(sum);
  }
}

template <class T>
bool slopes_keep_signs(const T* slopes, index_t n) noexcept {
  return std::all_of(slopes, slopes + n, [](T slope) { return slope >= T{0}; });
}

template index_t prelu_scratch<float>(const PreluShape&);
template index_t prelu_scratch<double>(const PreluShape&);
template index_t prelu_grad_scratch<float>(const PreluShape&);
template index_t prelu_grad_scratch<double>(const PreluShape&);
template void prelu(const Exec&, const PreluShape&, const float*, const float*, float*,
                    std::byte*) noexcept;
template void prelu(const Exec&, const PreluShape&, const double*, const double*, double*,
                    std::byte*) noexcept;
template void prelu_grad(const Exec&, const PreluShape&, const float*, const float*, const float*,
                         float*, float*, std::byte*) noexcept;
template void prelu_grad(const Exec&, const PreluShape&, const double*, const double*,
                         const double*, double*, double*, std::byte*) noexcept;
template bool slopes_keep_signs(const float*, index_t) noexcept;
template bool slopes_keep_signs(const double*, index_t) noexcept;

}  // namespace fastconv
