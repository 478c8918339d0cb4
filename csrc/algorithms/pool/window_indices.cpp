// SPDX-License-Identifier: MIT
#include "algorithms/pool/window_indices.h"

#include <limits>
#include <type_traits>

#include "algorithms/pool/tasks.h"

namespace fastconv::pool {
namespace {

template <class T>
constexpr T lowest() {
  if constexpr (std::is_floating_point_v<T>) return -std::numeric_limits<T>::infinity();
  return std::numeric_limits<T>::lowest();
}
template <class T>
constexpr T highest() {
  if constexpr (std::is_floating_point_v<T>) return std::numeric_limits<T>::infinity();
  return std::numeric_limits<T>::max();
}

// Calls windows(first plane, planes, rows, columns, output) for every window of up to kTogether
// planes, with what lies inside; `output` is its number in the plane.
template <class Windows>
void for_windows(const PoolDesc& d, int threads, const Windows& windows) noexcept {
  const index_t groups = ceil_div(d.planes(), kTogether);
  const double each = 4 * usual_taps(d) * static_cast<double>(d.w.out);  // 4: one at a time
  for_units(groups * d.h.out, kTogether * each, threads, [&](index_t u, int) {
    const index_t first = u / d.h.out * kTogether, n = std::min(kTogether, d.planes() - first);
    const Span h = span_of(d.h, u % d.h.out);
    for (index_t ow = 0; ow < d.w.out; ++ow)
      windows(first, n, h, span_of(d.w, ow), u % d.h.out * d.w.out + ow);
  });
}

// The best of a window's elements in each of kPlanes planes, and whether one of them is NaN: no
// branch depends on an element.
template <class T, bool kSmallest, index_t kPlanes>
void best_of(const T* const* planes, index_t first, Span h, Span w, index_t row_step, index_t step,
             T* results, bool* has_nan) {
  T best[kPlanes];
  bool nan[kPlanes] = {};
  for (index_t i = 0; i < kPlanes; ++i) best[i] = kSmallest ? highest<T>() : lowest<T>();
  for (index_t p = 0; p < h.count; ++p)
    for (index_t q = 0; q < w.count; ++q)
      for (index_t i = 0; i < kPlanes; ++i) {
        const T v = planes[i][first + p * row_step + q * step];
        best[i] = (kSmallest ? v < best[i] : v > best[i]) ? v : best[i];
        nan[i] |= v != v;
      }
  std::copy_n(best, kPlanes, results);
  std::copy_n(nan, kPlanes, has_nan);
}

// The place of the first element equal to `best`, or of the last NaN.
template <class T>
index_t place_of(const T* plane, T best, bool has_nan, Span h, Span w, index_t row_step,
                 index_t step, index_t first) {
  index_t place = first;
  if (has_nan) {
    for (index_t p = 0; p < h.count; ++p)
      for (index_t q = 0; q < w.count; ++q) {
        const index_t at = first + p * row_step + q * step;
        if (plane[at] != plane[at]) place = at;
      }
    return place;
  }
  for (index_t p = h.count - 1; p >= 0; --p)
    for (index_t q = w.count - 1; q >= 0; --q) {
      const index_t at = first + p * row_step + q * step;
      place = plane[at] == best ? at : place;
    }
  return place;
}

template <class T, bool kSmallest>
void extremes(const PoolDesc& d, const Arrays<T>& arrays, int threads) noexcept {
  const index_t row_step = d.h.dilation * d.w.in, step = d.w.dilation;
  for_windows(d, threads, [&](index_t plane, index_t n, Span h, Span w, index_t output) {
    const T* x[kTogether];
    for (index_t i = 0; i < n; ++i)
      x[i] = arrays.from + plane_at(d, plane + i, d.in_plane(), arrays.from_image);
    const index_t first = h.at * d.w.in + w.at;
    T best[kTogether];
    bool has_nan[kTogether];
    if (n == kTogether)
      best_of<T, kSmallest, kTogether>(x, first, h, w, row_step, step, best, has_nan);
    else
      for (index_t i = 0; i < n; ++i)
        best_of<T, kSmallest, 1>(x + i, first, h, w, row_step, step, best + i, has_nan + i);
    for (index_t i = 0; i < n; ++i) {
      const index_t place = place_of(x[i], best[i], has_nan[i], h, w, row_step, step, first);
      arrays.indices[(plane + i) * d.out_plane() + output] = place;
      arrays.to[plane_at(d, plane + i, d.out_plane(), arrays.to_image) + output] = x[i][place];
    }
  });
}

}  // namespace

template <class T>
void WindowIndices<T>::run(const Problem& problem, const Arrays<T>& arrays, const Exec& exec,
                           std::byte*) const noexcept {
  if (problem.pooling.op == PoolOp::min)
    extremes<T, true>(problem.d, arrays, exec.threads);
  else
    extremes<T, false>(problem.d, arrays, exec.threads);
}

template struct WindowIndices<float>;
template struct WindowIndices<double>;
template struct WindowIndices<std::int8_t>;
template struct WindowIndices<std::int16_t>;
template struct WindowIndices<std::int32_t>;
template struct WindowIndices<std::int64_t>;
template struct WindowIndices<std::uint8_t>;
template struct WindowIndices<std::uint16_t>;
template struct WindowIndices<std::uint32_t>;
template struct WindowIndices<std::uint64_t>;

}  // namespace fastconv::pool
