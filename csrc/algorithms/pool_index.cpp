// SPDX-License-Identifier: MIT
// Pools that go window by window: maxima and minima with their places, and pools of integers.
#include <limits>
#include <type_traits>

#include "algorithms/pool.h"
#include "algorithms/pool_tasks.h"

namespace fastconv {
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

// Calls window(first element, rows, columns, output) for every window, with what lies inside.
template <class T, class Window>
void for_windows(const PoolDesc& d, const T* x, int threads, const Window& window) noexcept {
  const double work = 4 * usual_taps(d) * static_cast<double>(d.w.out);  // 4: one at a time
  for_units(d.planes() * d.h.out, work, threads, [&](index_t u, int) {
    const index_t plane = u / d.h.out;
    const Span h = span_of(d.h, u % d.h.out);
    for (index_t ow = 0; ow < d.w.out; ++ow) {
      const Span w = span_of(d.w, ow);
      window(x + plane * d.in_plane(), h, w, u * d.w.out + ow);
    }
  });
}

template <class T, bool kSmallest>
void extremes(const PoolDesc& d, const T* x, T* y, std::int64_t* indices, int threads) noexcept {
  const index_t row_step = d.h.dilation * d.w.in, step = d.w.dilation;
  for_windows(d, x, threads, [=, &d](const T* plane, Span h, Span w, index_t output) {
    T best = kSmallest ? highest<T>() : lowest<T>();
    index_t row = h.at * d.w.in + w.at, place = row;
    for (index_t p = 0; p < h.count; ++p, row += row_step)
      for (index_t q = 0, at = row; q < w.count; ++q, at += step) {
        const T v = plane[at];
        const bool wins = (kSmallest ? v < best : v > best) || v != v;
        best = wins ? v : best;
        place = wins ? at : place;
      }
    y[output] = best;
    if (indices) indices[output] = place;
  });
}

template <class T>
void sums(const PoolDesc& d, const T* x, T* y, int threads) noexcept {
  const index_t row_step = d.h.dilation * d.w.in, step = d.w.dilation;
  for_windows(d, x, threads, [=, &d](const T* plane, Span h, Span w, index_t output) {
    std::uint64_t total = 0;  // its low bits are those of the sum in any integer type
    const T* row = plane + h.at * d.w.in + w.at;
    for (index_t p = 0; p < h.count; ++p, row += row_step)
      for (index_t q = 0; q < w.count; ++q) total += static_cast<std::uint64_t>(row[q * step]);
    y[output] = static_cast<T>(total);
  });
}

}  // namespace

template <class T>
void pool_integers(const PoolDesc& d, PoolOp op, const T* x, T* y, int threads) noexcept {
  if (op == PoolOp::sum)
    sums(d, x, y, threads);
  else if (op == PoolOp::min)
    extremes<T, true>(d, x, y, nullptr, threads);
  else
    extremes<T, false>(d, x, y, nullptr, threads);
}

template <class T>
void pool_with_indices(const PoolDesc& d, bool smallest, const T* x, T* y, std::int64_t* indices,
                       int threads) noexcept {
  if (smallest)
    extremes<T, true>(d, x, y, indices, threads);
  else
    extremes<T, false>(d, x, y, indices, threads);
}

template void pool_integers(const PoolDesc&, PoolOp, const std::int8_t*, std::int8_t*, int) noexcept;
template void pool_integers(const PoolDesc&, PoolOp, const std::int16_t*, std::int16_t*, int) noexcept;
template void pool_integers(const PoolDesc&, PoolOp, const std::int32_t*, std::int32_t*, int) noexcept;
template void pool_integers(const PoolDesc&, PoolOp, const std::int64_t*, std::int64_t*, int) noexcept;
template void pool_integers(const PoolDesc&, PoolOp, const std::uint8_t*, std::uint8_t*, int) noexcept;
template void pool_integers(const PoolDesc&, PoolOp, const std::uint16_t*, std::uint16_t*, int) noexcept;
template void pool_integers(const PoolDesc&, PoolOp, const std::uint32_t*, std::uint32_t*, int) noexcept;
template void pool_integers(const PoolDesc&, PoolOp, const std::uint64_t*, std::uint64_t*, int) noexcept;

template void pool_with_indices(const PoolDesc&, bool, const float*, float*, std::int64_t*,
                                int) noexcept;
template void pool_with_indices(const PoolDesc&, bool, const double*, double*, std::int64_t*,
                                int) noexcept;
template void pool_with_indices(const PoolDesc&, bool, const std::int8_t*, std::int8_t*, std::int64_t*,
                                int) noexcept;
template void pool_with_indices(const PoolDesc&, bool, const std::int16_t*, std::int16_t*, std::int64_t*,
                                int) noexcept;
template void pool_with_indices(const PoolDesc&, bool, const std::int32_t*, std::int32_t*, std::int64_t*,
                                int) noexcept;
template void pool_with_indices(const PoolDesc&, bool, const std::int64_t*, std::int64_t*, std::int64_t*,
                                int) noexcept;
template void pool_with_indices(const PoolDesc&, bool, const std::uint8_t*, std::uint8_t*, std::int64_t*,
                                int) noexcept;
template void pool_with_indices(const PoolDesc&, bool, const std::uint16_t*, std::uint16_t*, std::int64_t*,
                                int) noexcept;
template void pool_with_indices(const PoolDesc&, bool, const std::uint32_t*, std::uint32_t*, std::int64_t*,
                                int) noexcept;
template void pool_with_indices(const PoolDesc&, bool, const std::uint64_t*, std::uint64_t*, std::int64_t*,
                                int) noexcept;

}  // namespace fastconv
