// SPDX-License-Identifier: MIT
#include "algorithms/pool/apart.h"

#include <limits>
#include <type_traits>

#include "algorithms/pool/costs.h"
#include "algorithms/pool/tasks.h"
#include "core/memory.h"

namespace fastconv::pool {
namespace {

constexpr index_t kMostTaps = 256;  // of a window: beyond, vectors along its rows pay

template <class T>
T nothing(PoolOp op) {
  using Limits = std::numeric_limits<T>;
  if (op == PoolOp::max) return Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
  if (op == PoolOp::min) return Limits::has_infinity ? Limits::infinity() : Limits::max();
  return 0;
}

// The windows along both axes, and the divisors of averages.
template <class T>
struct Tables {
  Span *h, *w;
  T *rows, *columns;
  bool average;
  index_t bytes = 0;

  // Without a `base` it only counts the bytes.
  Tables(const Problem& problem, std::byte* base) : average(problem.pooling.average) {
    const PoolDesc& d = problem.d;
    const auto take = [&]<class E>(E*& array, index_t n) {
      array = base ? reinterpret_cast<E*>(base + bytes) : nullptr;
      bytes += cache_lines(n * static_cast<index_t>(sizeof(E)));
    };
    take(h, d.h.out);
    take(w, d.w.out);
    take(rows, average ? d.h.out : 0);
    take(columns, average ? d.w.out : 0);
    if (!base) return;
    for (index_t o = 0; o < d.h.out; ++o) h[o] = span_of(d.h, o);
    for (index_t o = 0; o < d.w.out; ++o) w[o] = span_of(d.w, o);
    for (index_t o = 0; average && o < d.h.out; ++o)
      rows[o] = static_cast<T>(problem.pooling.rows(d, o));
    for (index_t o = 0; average && o < d.w.out; ++o)
      columns[o] = static_cast<T>(problem.pooling.columns(d, o));
  }
};

// What becomes of an element, and of two.
template <PoolOp kOp, class T>
T taken(T x) {
  if constexpr (kOp == PoolOp::abs_max || kOp == PoolOp::abs_sum) {
    if constexpr (std::is_floating_point_v<T>) return std::abs(x);
  }
  if constexpr (kOp == PoolOp::squares) return x * x;
  return x;
}
template <PoolOp kOp, class T>
T joined(T a, T b) {
  if constexpr (kOp == PoolOp::max || kOp == PoolOp::abs_max) {
    const T larger = b > a ? b : a;  // one instruction; a branch on it would often be mispredicted
    return b != b ? b : larger;
  } else if constexpr (kOp == PoolOp::min) {
    const T smaller = b < a ? b : a;
    return b != b ? b : smaller;
  } else if constexpr (std::is_integral_v<T>) {  // wraps
    return static_cast<T>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
  } else {
    return a + b;
  }
}

// One row of results of a plane, or, with `depth` channels, of an image in pixels. Sums begin with
// what they hold first, so that a window of one element is that element.
template <PoolOp kOp, class T>
void pool_row(const PoolDesc& d, const Tables<T>& tables, index_t oh, const T* x, index_t depth,
              T* y, index_t y_step) {
  const Span h = tables.h[oh];
  const index_t down = d.h.dilation * d.w.in * depth, right = d.w.dilation * depth;
  const bool average = tables.average;
  for (index_t ow = 0; ow < d.w.out; ++ow) {
    const Span w = tables.w[ow];
    const T* corner = x + (h.at * d.w.in + w.at) * depth;
    T* to = y + ow * y_step;
    const bool empty = h.count == 0 || w.count == 0;
    for (index_t c = 0; c < depth; ++c) to[c] = empty ? nothing<T>(kOp) : taken<kOp>(corner[c]);
    for (index_t p = 0; p < h.count && w.count > 0; ++p)
      for (index_t q = p == 0 ? 1 : 0; q < w.count; ++q) {
        const T* at = corner + p * down + q * right;
        for (index_t c = 0; c < depth; ++c) to[c] = joined<kOp>(to[c], taken<kOp>(at[c]));
      }
    if (!average) continue;
    const T divisor = tables.rows[oh] * tables.columns[ow];
    for (index_t c = 0; c < depth; ++c) to[c] = static_cast<T>(to[c] / divisor);
  }
}

// One row of results of kPlanes planes, whose elements stay in registers.
template <PoolOp kOp, index_t kPlanes, class T>
void pool_row_of_planes(const PoolDesc& d, const Tables<T>& tables, index_t oh, const T* const* x,
                        T* const* y) {
  const Span h = tables.h[oh];
  const index_t down = d.h.dilation * d.w.in, right = d.w.dilation;
  for (index_t ow = 0; ow < d.w.out; ++ow) {
    const Span w = tables.w[ow];
    T all[kPlanes];
    const index_t corner = h.at * d.w.in + w.at;
    const bool empty = h.count == 0 || w.count == 0;
    for (index_t i = 0; i < kPlanes; ++i)
      all[i] = empty ? nothing<T>(kOp) : taken<kOp>(x[i][corner]);
    for (index_t p = 0; p < h.count && !empty; ++p)
      for (index_t q = p == 0 ? 1 : 0; q < w.count; ++q)
        for (index_t i = 0; i < kPlanes; ++i)
          all[i] = joined<kOp>(all[i], taken<kOp>(x[i][corner + p * down + q * right]));
    const T divisor = tables.average ? tables.rows[oh] * tables.columns[ow] : T{1};
    for (index_t i = 0; i < kPlanes; ++i)
      y[i][ow] = tables.average ? static_cast<T>(all[i] / divisor) : all[i];
  }
}

// The same where each window has one element, inside: a strided copy.
template <PoolOp kOp, class T>
void copy_row_of_plane(const PoolDesc& d, index_t oh, const T* x, T* y) {
  const T* row = x + oh * d.h.stride * d.w.in;
  for (index_t ow = 0; ow < d.w.out; ++ow) y[ow] = taken<kOp>(row[ow * d.w.stride]);
}

bool is_copy(const Problem& problem) {
  const auto along = [](const Axis& a) {
    return a.kernel == 1 && a.lo == 0 && (a.out - 1) * a.stride < a.in;
  };
  return along(problem.d.h) && along(problem.d.w) && problem.pooling.divisor == 0;
}

// Images in pixels, one after the other.
template <PoolOp kOp, class T>
void pool_pixels(const Problem& problem, const Tables<T>& tables, const Arrays<T>& arrays,
                 const Exec& exec) noexcept {
  const PoolDesc& d = problem.d;
  const index_t depth = d.channels, in = d.in_plane() * depth, out = d.out_plane() * depth;
  const index_t step = arrays.to_pixel != 0 ? arrays.to_pixel : depth;
  const double work = cost_by_elements(d) / 16 * static_cast<double>(depth);
  for_units(d.batch, work, exec.threads, [&](index_t image, int) {
    T* y = arrays.to + image * (arrays.to_pixel == 0 ? out : arrays.to_image);
    for (index_t oh = 0; oh < d.h.out; ++oh) {
      T* row = y + oh * d.w.out * step;
      pool_row<kOp>(d, tables, oh, arrays.from + image * in, depth, row, step);
      if constexpr (kOp == PoolOp::squares)
        for (index_t ow = 0; ow < d.w.out; ++ow)
          take_roots(exec, problem.pooling, row + ow * step, depth);
    }
  });
}

template <PoolOp kOp, class T>
void pool_planes(const Problem& problem, const Tables<T>& tables, const Arrays<T>& arrays,
                 const Exec& exec) noexcept {
  const PoolDesc& d = problem.d;
  const bool copies = is_copy(problem);
  const index_t groups = ceil_div(d.planes(), kTogether);
  const double work = cost_by_elements(d) / 16 * static_cast<double>(kTogether);
  for_units(groups, work, exec.threads, [&](index_t group, int) {
    const T* x[kTogether];
    T* y[kTogether];
    const index_t first = group * kTogether, n = std::min(kTogether, d.planes() - first);
    for (index_t i = 0; i < n; ++i) {
      x[i] = arrays.from + plane_at(d, first + i, d.in_plane(), arrays.from_image);
      y[i] = arrays.to + plane_at(d, first + i, d.out_plane(), arrays.to_image);
    }
    for (index_t oh = 0; oh < d.h.out; ++oh) {
      if (!copies && n == kTogether) pool_row_of_planes<kOp, kTogether>(d, tables, oh, x, y);
      for (index_t i = 0; i < n; ++i) {
        if (copies)
          copy_row_of_plane<kOp>(d, oh, x[i], y[i]);
        else if (n < kTogether)
          pool_row_of_planes<kOp, 1>(d, tables, oh, x + i, y + i);
        if constexpr (kOp == PoolOp::squares) take_roots(exec, problem.pooling, y[i], d.w.out);
        y[i] += d.w.out;
      }
    }
  });
}

template <PoolOp kOp, class T>
void pool_all(const Problem& problem, const Tables<T>& tables, const Arrays<T>& arrays,
              const Exec& exec) noexcept {
  if (problem.layout == Layout::pixels)
    pool_pixels<kOp>(problem, tables, arrays, exec);
  else
    pool_planes<kOp>(problem, tables, arrays, exec);
}

}  // namespace

template <class T>
bool Apart<T>::suits(const Problem& problem) {
  const PoolDesc& d = problem.d;
  if (d.w.kernel == 1 && d.h.kernel == 1 && d.w.stride > 1) return true;
  // Pixels are read as they lie by others as well; of planes, others read all.
  return problem.layout == Layout::planes && lie_apart(d);
}

template <class T>
Apart<T> Apart<T>::prepare(const Problem& problem) {
  const PoolDesc& d = problem.d;
  if (d.planes() == 0 || d.h.out == 0 || d.w.out == 0)
    return {.refusal = "there is nothing to compute"};
  const bool one = d.h.kernel == 1 && d.w.kernel == 1;
  if (problem.pooling.op == PoolOp::powers && !one)
    return {.refusal = "it has no kernel for powers"};
  if (std::max(d.h.out, d.w.out) > (index_t{1} << 30)) return {.refusal = "an axis is too long"};
  if (usual_taps(d) > static_cast<double>(kMostTaps))
    return {.refusal = "a window has too many elements"};
  return {.shared_bytes = Tables<T>(problem, nullptr).bytes};
}

template <class T>
void Apart<T>::run(const Problem& problem, const Arrays<T>& arrays, const Exec& exec,
                   std::byte* scratch) const noexcept {
  const Tables<T> tables(problem, scratch);
  switch (problem.pooling.op) {
    case PoolOp::max:
      return pool_all<PoolOp::max>(problem, tables, arrays, exec);
    case PoolOp::min:
      return pool_all<PoolOp::min>(problem, tables, arrays, exec);
    case PoolOp::sum:
      return pool_all<PoolOp::sum>(problem, tables, arrays, exec);
    default:
      break;
  }
  if constexpr (std::is_floating_point_v<T>) {
    if (problem.pooling.op == PoolOp::squares && usual_taps(problem.d) > 1)
      return pool_all<PoolOp::squares>(problem, tables, arrays, exec);
    if (problem.pooling.op == PoolOp::abs_max)
      return pool_all<PoolOp::abs_max>(problem, tables, arrays, exec);
    pool_all<PoolOp::abs_sum>(problem, tables, arrays, exec);  // so is any norm of one element
  }
}

template struct Apart<float>;
template struct Apart<double>;
template struct Apart<std::int8_t>;
template struct Apart<std::int16_t>;
template struct Apart<std::int32_t>;
template struct Apart<std::int64_t>;
template struct Apart<std::uint8_t>;
template struct Apart<std::uint16_t>;
template struct Apart<std::uint32_t>;
template struct Apart<std::uint64_t>;

}  // namespace fastconv::pool
