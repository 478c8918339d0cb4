// SPDX-License-Identifier: MIT
// Pools of integers: rows joined into one, then taps of that row, each for all outputs at once.
#include <limits>

#include "algorithms/pool/pool.h"
#include "algorithms/pool/tasks.h"

namespace fastconv {
namespace {

template <class T>
T neutral(PoolOp op) {
  if (op == PoolOp::sum) return 0;
  return op == PoolOp::max ? std::numeric_limits<T>::lowest() : std::numeric_limits<T>::max();
}

// The outputs whose tap `t` lies inside, first and behind the last.
template <class Join, class T>
void join_tap(const Axis& w, index_t t, const T* row, T* y, const Join& join) {
  const index_t place = t * w.dilation - w.lo;  // of output 0
  const index_t first = place < 0 ? ceil_div(-place, w.stride) : 0;
  const index_t stop = place < w.in ? std::min(w.out, ceil_div(w.in - place, w.stride)) : 0;
  if (first < stop) join(row + place + first * w.stride, w.stride, stop - first, y + first);
}

}  // namespace

template <class T>
void pool_integers(const PoolDesc& d, PoolOp op, const T* x, T* y, const Exec& exec,
                   std::byte* scratch) noexcept {
  const auto join = exec.integers<T>().join[static_cast<int>(op)];
  const index_t bytes = integer_pool_scratch<T>(d, 1);
  const auto lanes = static_cast<double>(64 / sizeof(T));  // kTaskWork is of single elements
  const double work = usual_taps(d) * static_cast<double>(d.w.out) / std::min(lanes, 8.0);
  for_units(d.planes() * d.h.out, work, exec.threads, [&](index_t u, int thread) {
    const Span h = span_of(d.h, u % d.h.out);
    const T* from = x + (u / d.h.out * d.h.in + h.at) * d.w.in;
    const index_t pitch = d.h.dilation * d.w.in;
    T* out = y + u * d.w.out;
    std::fill(out, out + d.w.out, neutral<T>(op));
    if (h.count == 0) return;
    const T* row = from;
    if (h.count > 1) {
      T* joined = reinterpret_cast<T*>(scratch + thread * bytes);
      std::copy(from, from + d.w.in, joined);
      for (index_t p = 1; p < h.count; ++p) join(from + p * pitch, 1, d.w.in, joined);
      row = joined;
    }
    for (index_t t = 0; t < d.w.kernel; ++t) join_tap(d.w, t, row, out, join);
    if (d.w.kernel > 0) return;
    for (index_t o = 0; o < d.w.out; ++o) {  // adaptive
      const Span w = span_of(d.w, o);
      for (index_t q = 0; q < w.count; ++q) join(row + w.at + q, 1, 1, out + o);
    }
  });
}

template void pool_integers(const PoolDesc&, PoolOp, const std::int8_t*, std::int8_t*, const Exec&,
                            std::byte*) noexcept;
template void pool_integers(const PoolDesc&, PoolOp, const std::int16_t*, std::int16_t*,
                            const Exec&, std::byte*) noexcept;
template void pool_integers(const PoolDesc&, PoolOp, const std::int32_t*, std::int32_t*,
                            const Exec&, std::byte*) noexcept;
template void pool_integers(const PoolDesc&, PoolOp, const std::int64_t*, std::int64_t*,
                            const Exec&, std::byte*) noexcept;
template void pool_integers(const PoolDesc&, PoolOp, const std::uint8_t*, std::uint8_t*,
                            const Exec&, std::byte*) noexcept;
template void pool_integers(const PoolDesc&, PoolOp, const std::uint16_t*, std::uint16_t*,
                            const Exec&, std::byte*) noexcept;
template void pool_integers(const PoolDesc&, PoolOp, const std::uint32_t*, std::uint32_t*,
                            const Exec&, std::byte*) noexcept;
template void pool_integers(const PoolDesc&, PoolOp, const std::uint64_t*, std::uint64_t*,
                            const Exec&, std::byte*) noexcept;

}  // namespace fastconv
