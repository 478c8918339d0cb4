// SPDX-License-Identifier: MIT
// One input channel per group: the sum has only a filter's taps, so nothing is worth packing but
// the strip, and a tile takes several rows of one plane to keep the FMA units busy.
#include "algorithms/common/blocking.h"
#include "algorithms/loops.h"
#include "core/memory.h"
#include "core/parallel.h"

namespace fastconv {
namespace {

struct Cut {
  int shape;  // log2 of the rows of a tile; it has 8 >> shape vectors
  index_t rows, columns, row_blocks, column_blocks;
};

// Tiles as wide as a row allows; blocks of rows whose strip stays in L1 beside the outputs.
template <class T>
Cut cut_for(const Correlation& r, const Exec& exec) {
  const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
  constexpr index_t kMostColumns = 1024;  // 8 tiles of AVX-512; a strip of a few such rows fits L1
  constexpr index_t kMostRows = 32;       // the rows that a block reads twice are then few
  Cut cut{};
  cut.column_blocks = ceil_div(r.w.count, kMostColumns);
  cut.columns = ceil_div(r.w.count, cut.column_blocks);
  const index_t vectors = ceil_div(cut.columns, lanes);
  cut.shape = vectors <= 1 ? 3 : vectors <= 2 ? 2 : vectors <= 4 ? 1 : 0;
  const index_t fits = cache_sizes().l1 / 2 / (cut.columns * index_t{sizeof(T)});
  const index_t most = std::clamp(fits, index_t{1}, kMostRows);
  cut.row_blocks = ceil_div(r.h.count, most);
  cut.rows = ceil_div(r.h.count, cut.row_blocks);
  return cut;
}

struct Sizes {
  index_t strip, c;  // bytes per thread
};

template <class T>
Sizes sizes_for(const Correlation& r, const Cut& cut, const StripLayout& layout, index_t lanes) {
  const index_t item = sizeof(T);
  return {cache_lines((layout.channel() + 8 * lanes) * item),
          cache_lines(r.plain_output() ? 0 : cut.rows * cut.columns * item)};
}

template <class T>
void run_task(const Job<T>& job, const Cut& cut, const StripLayout& layout, const Exec& exec,
              T* strip, T* buffer, index_t task) noexcept {
  const Correlation& r = job.r;
  const auto& kernels = exec.kernels<T>().conv;
  const index_t lanes = kernels.gemm.lanes;
  const index_t column_block = task % cut.column_blocks;
  const index_t row_block = task / cut.column_blocks % cut.row_blocks;
  const index_t image = task / cut.column_blocks / cut.row_blocks;
  const index_t n = image / r.groups, g = image % r.groups;
  const index_t oh = row_block * cut.rows, rows = std::min(cut.rows, r.h.count - oh);
  const index_t ow = column_block * cut.columns;
  const index_t columns = std::min(cut.columns, r.w.count - ow);
  const bool plain = r.plain_output();
  const index_t ldc = plain ? r.w.out : cut.columns;
  layout.gather(r, job.image(n, g), 1, oh, rows, ow, columns, exec, strip);
  for (index_t m = 0; m < r.m; ++m) {
    const index_t at = job.plane(n, g, m) + oh * r.w.out + ow;
    T* c = plain ? job.y + at : buffer;
    const T* start = job.residual ? job.residual + at : nullptr;
    const T bias = job.bias ? job.bias[g * r.m + m] : T{0};
    for (index_t row = 0; row < rows;) {
      int shape = cut.shape;
      while ((index_t{1} << shape) > rows - row) --shape;
      const index_t width = (8 >> cut.shape) * lanes;
      for (index_t j = 0; j < columns; j += width) {
        const index_t pixels = std::min(width, columns - j), nv = ceil_div(pixels, lanes);
        const index_t to = row * ldc + j;
        kernels.depthwise.run[shape][nv - 1]({
            .k = r.k(),
            .a = job.weights + (g * r.m + m) * r.k(),
            .b = strip + row * layout.row_step() + j,
            .row_step = layout.row_step(),
            .offsets = layout.taps().data(),
            .c = c + to,
            .ldc = ldc,
            .init = start ? start + to : nullptr,
            .bias = bias,
            .tail = static_cast<int>(pixels - (nv - 1) * lanes),
        });
      }
      row += index_t{1} << shape;
    }
    activate_rows(job, exec, c, ldc, rows, columns);
    if (!plain)
      for (index_t row = 0; row < rows; ++row)
        scatter_row(r, buffer + row * ldc, columns, oh + row, ow, job.y + job.plane(n, g, m));
  }
}

}  // namespace

bool is_depthwise(const Correlation& r) { return r.c == 1; }

template <class T>
StripLayout depthwise_layout(const Correlation& r, const Exec& exec) {
  const Cut cut = cut_for<T>(r, exec);
  return {r, cut.rows, cut.columns, false};
}

template <class T>
index_t depthwise_scratch(const Correlation& r, const StripLayout& layout, const Exec& exec) {
  const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
  const Sizes sizes = sizes_for<T>(r, cut_for<T>(r, exec), layout, lanes);
  return exec.threads * (sizes.strip + sizes.c);
}

template <class T>
void depthwise(const Job<T>& job, const StripLayout& layout, const Exec& exec,
               std::byte* scratch) noexcept {
  const Correlation& r = job.r;
  const Cut cut = cut_for<T>(r, exec);
  const Sizes sizes = sizes_for<T>(r, cut, layout, exec.kernels<T>().conv.gemm.lanes);
  const index_t tasks = r.batch * r.groups * cut.row_blocks * cut.column_blocks;
  // A depthwise FMA costs several times a dense one: it is bound by loads and by memory.
  parallel_for(tasks, useful_threads(tasks, 4 * r.fmas(), exec.threads),
               [&](index_t task, int thread) {
                 std::byte* memory = scratch + thread * (sizes.strip + sizes.c);
                 run_task(job, cut, layout, exec, reinterpret_cast<T*>(memory),
                          reinterpret_cast<T*>(memory + sizes.strip), task);
               });
}

template StripLayout depthwise_layout<float>(const Correlation&, const Exec&);
template StripLayout depthwise_layout<double>(const Correlation&, const Exec&);
template index_t depthwise_scratch<float>(const Correlation&, const StripLayout&, const Exec&);
template index_t depthwise_scratch<double>(const Correlation&, const StripLayout&, const Exec&);
template void depthwise(const Job<float>&, const StripLayout&, const Exec&, std::byte*) noexcept;
template void depthwise(const Job<double>&, const StripLayout&, const Exec&, std::byte*) noexcept;

}  // namespace fastconv
