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

// Calls window(plane, rows, columns, output) for every window, with what lies inside; `output` is
// its number in the plane.
template <class Window>
void for_windows(const PoolDesc& d, int threads, const Window& window) noexcept {
  const double work = 4 * usual_taps(d) * static_cast<double>(d.w.out);  // 4: one at a time
  for_units(d.planes() * d.h.out, work, threads, [&](index_t u, int) {
    const index_t plane = u / d.h.out;
    const Span h = span_of(d.h, u % d.h.out);
    for (index_t ow = 0; ow < d.w.out; ++ow) {
      const Span w = span_of(d.w, ow);
      window(plane, h, w, u % d.h.out * d.w.out + ow);
    }
  });
}

// The best of a window's elements, and whether one of them is NaN: no branch depends on an element.
template <class T, bool kSmallest>
T best_of(const T* row, Span h, Span w, index_t row_step, index_t step, bool& has_nan) {
  T best = kSmallest ? highest<T>() : lowest<T>();
  has_nan = false;
  for (index_t p = 0; p < h.count; ++p, row += row_step)
    for (index_t q = 0; q < w.count; ++q) {
      const T v = row[q * step];
      best = (kSmallest ? v < best : v > best) ? v : best;
      has_nan |= v != v;
    }
  return best;
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
  for_windows(d, threads, [&](index_t plane, Span h, Span w, index_t output) {
    const T* x = arrays.from + plane_at(d, plane, d.in_plane(), arrays.from_image);
    const index_t first = h.at * d.w.in + w.at;
    bool has_nan;
    const T best = best_of<T, kSmallest>(x + first, h, w, row_step, step, has_nan);
    const index_t place = place_of(x, best, has_nan, h, w, row_step, step, first);
    arrays.indices[plane * d.out_plane() + output] = place;
    arrays.to[plane_at(d, plane, d.out_plane(), arrays.to_image) + output] = x[place];
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
