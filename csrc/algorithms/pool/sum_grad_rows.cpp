// SPDX-License-Identifier: MIT
#include "algorithms/common/blocking.h"
#include "algorithms/pool/costs.h"
#include "algorithms/pool/sum_grad.h"
#include "algorithms/pool/tasks.h"
#include "core/memory.h"

namespace fastconv::pool {
namespace {

constexpr index_t kMostReach = 16384;  // beyond, the row of scratch leaves the caches
constexpr index_t kBlockColumns = 8192;
constexpr index_t kBlockWork = 65536;

// Windows that touch first..last of the input along an axis.
Range touching(const Axis& a, index_t first, index_t last) {
  const index_t begin = first + a.lo - a.reach() + 1;
  return {begin > 0 ? ceil_div(begin, a.stride) : 0, std::min(a.out, (last + a.lo) / a.stride + 1)};
}

// Adds outputs ow of row oh, divided, to the columns of their windows in `row`, which starts at the
// first window's first column; the divided outputs lie behind it.
template <class T>
void add_to_columns(const Problem& problem, index_t oh, Range ow, const T* dy, T* row) {
  const PoolDesc& d = problem.d;
  const Pooling& pooling = problem.pooling;
  const index_t n = ow.end - ow.begin, size = (n - 1) * d.w.stride + d.w.reach();
  const T* from = dy + oh * d.w.out + ow.begin;
  T* divided = row + size;
  std::copy(from, from + n, divided);
  if (pooling.average) {
    const double rows = pooling.rows(d, oh);
    for (index_t j = 0; j < n; ++j)
      divided[j] = static_cast<T>(double(from[j]) / (rows * pooling.columns(d, ow.begin + j)));
  }
  std::fill(row, row + size, T{});
  for (index_t t = 0; t < d.w.kernel; ++t) {
    T* to = row + t * d.w.dilation;
    if (d.w.stride == 1)
      for (index_t j = 0; j < n; ++j) to[j] += divided[j];
    else
      for (index_t j = 0; j < n; ++j) to[j * d.w.stride] += divided[j];
  }
}

// Rows r0..r1 and columns c0..c1 of one plane of dx.
struct Block {
  index_t r0, r1, c0, c1;
};
template <class T>
void run_block(const Problem& problem, const Block& b, const T* dy, T* dx, T* row) {
  const PoolDesc& d = problem.d;
  for (index_t r = b.r0; r < b.r1; ++r)
    std::fill(dx + r * d.w.in + b.c0, dx + r * d.w.in + b.c1, T{});
  const Range oh = touching(d.h, b.r0, b.r1 - 1), ow = touching(d.w, b.c0, b.c1 - 1);
  if (ow.begin >= ow.end) return;
  const index_t start = ow.begin * d.w.stride - d.w.lo;  // the column at row[0]
  const index_t stop = (ow.end - 1) * d.w.stride - d.w.lo + d.w.reach();
  const index_t c0 = std::max(b.c0, start), c1 = std::min(b.c1, stop);
  for (index_t o = oh.begin; o < oh.end; ++o) {
    const Span rows = taps_within(d.h, o, b.r0, b.r1);
    if (rows.count == 0) continue;
    add_to_columns(problem, o, ow, dy, row);
    for (index_t p = 0; p < rows.count; ++p) {
      T* to = dx + (rows.at + p * d.h.dilation) * d.w.in;
      for (index_t c = c0; c < c1; ++c) to[c] += row[c - start];
    }
  }
}

}  // namespace

template <class T>
bool SumGradRows<T>::suits(const Problem& problem) {
  const PlaneCounts n(problem.d);
  // With a stride each element of a row is added by itself, where vectors have 16.
  const double apart = problem.d.w.stride == 1 ? 1 : 8;
  return n.out_h * (apart * n.kernel_w * n.out_w + n.kernel_h * n.in_w) <=
         24 * n.out_h * n.in_w + 8 * (n.in_h + n.out_h) * n.in_w;
}

template <class T>
SumGradRows<T> SumGradRows<T>::prepare(const Problem& problem) {
  const PoolDesc& d = problem.d;
  if (d.h.kernel == 0 || d.w.kernel == 0) return {.refusal = "the windows are adaptive"};
  if (d.w.reach() > kMostReach || d.w.stride > kMostReach)
    return {.refusal = "a window's row is too long"};
  SumGradRows layout;
  layout.column_block = std::min(d.w.in, kBlockColumns);
  layout.row_block = std::clamp<index_t>(kBlockWork / layout.column_block, 1, d.h.in);
  const index_t outputs = (layout.column_block + d.w.reach()) / d.w.stride + 1;
  const index_t row = (outputs - 1) * d.w.stride + d.w.reach();
  layout.thread_bytes = cache_lines((row + outputs) * static_cast<index_t>(sizeof(T)));
  return layout;
}

template <class T>
void SumGradRows<T>::run(const Problem& problem, const Arrays<T>& arrays, const Exec& exec,
                         std::byte* scratch) const noexcept {
  const PoolDesc& d = problem.d;
  const index_t h_blocks = ceil_div(d.h.in, row_block), w_blocks = ceil_div(d.w.in, column_block);
  const double work = static_cast<double>(row_block) * static_cast<double>(column_block) *
                      static_cast<double>(d.h.kernel / d.h.stride + 1);
  for_units(d.planes() * h_blocks * w_blocks, work, exec.threads, [&](index_t u, int thread) {
    const index_t plane = u / (h_blocks * w_blocks), block = u % (h_blocks * w_blocks);
    const index_t r = block / w_blocks * row_block, c = block % w_blocks * column_block;
    run_block(problem, {r, std::min(r + row_block, d.h.in), c, std::min(c + column_block, d.w.in)},
              arrays.from + plane_at(d, plane, d.out_plane(), arrays.from_image),
              arrays.to + plane_at(d, plane, d.in_plane(), arrays.to_image),
              reinterpret_cast<T*>(scratch + thread * thread_bytes));
  });
}

template struct SumGradRows<float>;
template struct SumGradRows<double>;

}  // namespace fastconv::pool
