// SPDX-License-Identifier: MIT
#include "algorithms/elementwise/fold.h"

#include <algorithm>

#include "core/parallel.h"
#include "core/require.h"

namespace fastconv {
namespace {

constexpr double kBlock = 16384;  // elements of one task, so that taking it costs little

// Calls body(row) for every row of about `cost` elements; rows must be independent.
template <class Body>
void for_rows(const Exec& exec, index_t rows, double cost, const Body& body) noexcept {
  const auto most = static_cast<index_t>(std::max(1.0, kBlock / cost));
  const index_t tasks = (rows + most - 1) / most;
  const Team team = useful_threads(tasks, double(rows) * cost, exec.threads);
  parallel_for(tasks, team, [&](index_t task, int) {
    const index_t stop = std::min(rows, (task + 1) * most);
    for (index_t row = task * most; row < stop; ++row) body(row);
  });
}

// Windows lo..hi whose tap at `offset` from their start lies inside the axis.
struct Inside {
  index_t lo, hi;
};
Inside windows_inside(const Axis& axis, index_t offset) noexcept {
  const index_t lo = offset >= 0 ? 0 : (-offset + axis.stride - 1) / axis.stride;
  const index_t last = axis.in - 1 - offset;  // how far the window may start
  const index_t hi = last < 0 ? 0 : std::min(axis.out, last / axis.stride + 1);
  return {std::min(lo, hi), hi};
}

// x[offset + i * stride] += y[i] for the windows i that lie inside.
template <class T>
void add_tap(const Axis& axis, index_t offset, const T* y, T* x) noexcept {
  const auto [lo, hi] = windows_inside(axis, offset);
  T* const to = x + offset;
  if (axis.stride == 1)
    for (index_t i = lo; i < hi; ++i) to[i] += y[i];
  else
    for (index_t i = lo; i < hi; ++i) to[i * axis.stride] += y[i];
}

}  // namespace

const FoldDesc& validated(const FoldDesc& d) {
  require(d.channels >= 1, "input must have at least one channel, got ", d.channels);
  const index_t batch = std::max<index_t>(d.batch, 1);
  const index_t most = std::max(
      product("the image", {batch, d.channels, d.h.in, d.w.in}),
      product("the columns", {batch, d.channels, d.h.kernel, d.w.kernel, d.h.out, d.w.out}));
  require(most <= kMaxElements, "an array of ", most, " elements is too large; the limit is ",
          kMaxElements);
  return d;
}

template <class T>
void unfold(const Exec& exec, const FoldDesc& d, const T* x, T* y) noexcept {
  const auto gather_rows = exec.kernels<T>().conv.gather_rows;
  for_rows(exec, d.batch * d.rows(), double(d.columns()), [&](index_t row) {
    const index_t plane = row / d.taps(), tap = row % d.taps();  // plane: of (N, C)
    const index_t from_h = tap / d.w.kernel * d.h.dilation - d.h.lo;
    const index_t from_w = tap % d.w.kernel * d.w.dilation - d.w.lo;
    T* to = y + row * d.columns();
    for (index_t oh = 0; oh < d.h.out; ++oh, to += d.w.out) {
      const index_t ih = oh * d.h.stride + from_h;
      if (ih < 0 || ih >= d.h.in) {
        std::fill_n(to, d.w.out, T{0});
        continue;
      }
      gather_rows({.row = x + (plane * d.h.in + ih) * d.w.in,
                   .width = d.w.in,
                   .start = from_w,
                   .step = d.w.stride,
                   .n = d.w.out,
                   .mode = PadMode::zeros,
                   .dst = to});
    }
  });
}

template <class T>
void fold(const Exec& exec, const FoldDesc& d, const T* y, T* x) noexcept {
  for_rows(exec, d.batch * d.channels * d.h.in, double(d.w.in) * double(d.taps()),
           [&](index_t row) {
             const index_t plane = row / d.h.in, ih = row % d.h.in;
             T* const to = x + row * d.w.in;
             std::fill_n(to, d.w.in, T{0});
             for (index_t th = 0; th < d.h.kernel; ++th) {
               const index_t start = ih + d.h.lo - th * d.h.dilation, oh = start / d.h.stride;
               if (start < 0 || start % d.h.stride != 0 || oh >= d.h.out) continue;
               const T* from = y + ((plane * d.taps() + th * d.w.kernel) * d.h.out + oh) * d.w.out;
               for (index_t tw = 0; tw < d.w.kernel; ++tw, from += d.columns())
                 add_tap(d.w, tw * d.w.dilation - d.w.lo, from, to);
             }
           });
}

template void unfold<float>(const Exec&, const FoldDesc&, const float*, float*) noexcept;
template void unfold<double>(const Exec&, const FoldDesc&, const double*, double*) noexcept;
template void fold<float>(const Exec&, const FoldDesc&, const float*, float*) noexcept;
template void fold<double>(const Exec&, const FoldDesc&, const double*, double*) noexcept;

}  // namespace fastconv
