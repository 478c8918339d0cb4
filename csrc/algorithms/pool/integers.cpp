// SPDX-License-Identifier: MIT
// The rows of a window are joined into one, then the taps of that row, each for all outputs at
// once.
#include "algorithms/pool/integers.h"

#include <limits>

#include "algorithms/pool/tasks.h"

namespace fastconv::pool {
namespace {

template <class T>
T neutral(PoolOp op) {
  if (op == PoolOp::sum) return 0;
  return op == PoolOp::max ? std::numeric_limits<T>::lowest() : std::numeric_limits<T>::max();
}

// Joins tap `t` of each window where it lies inside the row with that window's output.
template <class Join, class T>
void join_tap(const Axis& w, index_t t, const T* row, T* y, const Join& join) {
  const index_t place = t * w.dilation - w.lo;  // of output 0
  const index_t first = place < 0 ? ceil_div(-place, w.stride) : 0;
  const index_t stop = place < w.in ? std::min(w.out, ceil_div(w.in - place, w.stride)) : 0;
  if (first < stop) join(row + place + first * w.stride, w.stride, stop - first, y + first);
}

}  // namespace

template <class T>
void Integers<T>::run(const Problem& problem, const Arrays<T>& arrays, const Exec& exec,
                      std::byte* scratch) const noexcept {
  const PoolDesc& d = problem.d;
  const PoolOp op = problem.pooling.op;
  const auto join = exec.integers<T>().join[static_cast<int>(op)];
  const auto lanes = static_cast<double>(64 / sizeof(T));  // kTaskWork is of single elements
  const double work = usual_taps(d) * static_cast<double>(d.w.out) / std::min(lanes, 8.0);
  for_units(d.planes() * d.h.out, work, exec.threads, [&](index_t u, int thread) {
    const index_t plane = u / d.h.out, oh = u % d.h.out;
    const Span h = span_of(d.h, oh);
    const T* from =
        arrays.from + plane_at(d, plane, d.in_plane(), arrays.from_image) + h.at * d.w.in;
    const index_t pitch = d.h.dilation * d.w.in;
    T* out = arrays.to + plane_at(d, plane, d.out_plane(), arrays.to_image) + oh * d.w.out;
    std::fill(out, out + d.w.out, neutral<T>(op));
    if (h.count == 0) return;
    const T* row = from;
    if (h.count > 1) {
      T* joined = reinterpret_cast<T*>(scratch + thread * thread_bytes);
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

template struct Integers<std::int8_t>;
template struct Integers<std::int16_t>;
template struct Integers<std::int32_t>;
template struct Integers<std::int64_t>;
template struct Integers<std::uint8_t>;
template struct Integers<std::uint16_t>;
template struct Integers<std::uint32_t>;
template struct Integers<std::uint64_t>;

}  // namespace fastconv::pool
