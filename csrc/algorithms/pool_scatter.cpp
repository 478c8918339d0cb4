// SPDX-License-Identifier: MIT
// Moving elements of planes to and from given places. Indices are judged as unsigned 64-bit
// numbers, and again where they are used: another thread may change the array meanwhile.
#include <algorithm>
#include <atomic>
#include <cstring>

#include "algorithms/pool_grad.h"
#include "algorithms/pool_tasks.h"

namespace fastconv {
namespace {

// One load for the check and the use: another thread may change the array in between.
std::int64_t load(const std::int64_t* index) { return __atomic_load_n(index, __ATOMIC_RELAXED); }

bool inside(std::int64_t index, index_t places) {
  return static_cast<std::uint64_t>(index) < static_cast<std::uint64_t>(places);
}

template <class T, class Put>
void scatter_with(const Planes& p, const T* x, const std::int64_t* indices, T* y, int threads,
                  const Put& put) noexcept {
  for_units(p.count, 4 * static_cast<double>(p.n) + static_cast<double>(p.places), threads,
            [&](index_t plane, int) {
              T* to = y + plane * p.places;
              std::fill(to, to + p.places, T{});
              for (index_t i = plane * p.n; i < (plane + 1) * p.n; ++i) {
                const std::int64_t at = load(indices + i);
                if (inside(at, p.places)) put(to[at], x[i]);
              }
            });
}

}  // namespace

index_t first_outside(const Planes& p, const std::int64_t* indices, int threads) noexcept {
  std::atomic<index_t> first{-1};
  for_units(p.count, static_cast<double>(p.n), threads, [&](index_t plane, int) {
    bool all = true;
    for (index_t i = plane * p.n; i < (plane + 1) * p.n; ++i) all &= inside(indices[i], p.places);
    if (all) return;
    index_t at = plane * p.n;
    const index_t stop = at + p.n;
    while (at < stop && inside(load(indices + at), p.places)) ++at;
    if (at == stop) return;  // mended meanwhile
    index_t seen = first.load();
    while ((seen < 0 || at < seen) && !first.compare_exchange_weak(seen, at)) {
    }
  });
  return first.load();
}

template <class T>
void scatter_add(const Planes& p, const T* x, const std::int64_t* indices, T* y,
                 int threads) noexcept {
  scatter_with(p, x, indices, y, threads, [](T& to, T from) { to += from; });
}

template <class T>
void scatter(const Planes& p, const T* x, const std::int64_t* indices, T* y, int threads) noexcept {
  scatter_with(p, x, indices, y, threads, [](T& to, T from) { to = from; });
}

template <class T>
void gather(const Planes& p, const T* x, const std::int64_t* indices, T* y, int threads) noexcept {
  for_units(p.count, 4 * static_cast<double>(p.n), threads, [&](index_t plane, int) {
    for (index_t i = plane * p.n; i < (plane + 1) * p.n; ++i) {
      const std::int64_t at = load(indices + i);
      y[i] = inside(at, p.places) ? x[plane * p.places + at] : T{};
    }
  });
}

template void scatter_add(const Planes&, const float*, const std::int64_t*, float*, int) noexcept;
template void scatter_add(const Planes&, const double*, const std::int64_t*, double*, int) noexcept;

template void gather(const Planes&, const float*, const std::int64_t*, float*, int) noexcept;
template void gather(const Planes&, const double*, const std::int64_t*, double*, int) noexcept;

template void scatter(const Planes&, const float*, const std::int64_t*, float*, int) noexcept;
template void scatter(const Planes&, const double*, const std::int64_t*, double*, int) noexcept;
template void scatter(const Planes&, const std::int8_t*, const std::int64_t*, std::int8_t*,
                      int) noexcept;
template void scatter(const Planes&, const std::int16_t*, const std::int64_t*, std::int16_t*,
                      int) noexcept;
template void scatter(const Planes&, const std::int32_t*, const std::int64_t*, std::int32_t*,
                      int) noexcept;
template void scatter(const Planes&, const std::int64_t*, const std::int64_t*, std::int64_t*,
                      int) noexcept;
template void scatter(const Planes&, const std::uint8_t*, const std::int64_t*, std::uint8_t*,
                      int) noexcept;
template void scatter(const Planes&, const std::uint16_t*, const std::int64_t*, std::uint16_t*,
                      int) noexcept;
template void scatter(const Planes&, const std::uint32_t*, const std::int64_t*, std::uint32_t*,
                      int) noexcept;
template void scatter(const Planes&, const std::uint64_t*, const std::int64_t*, std::uint64_t*,
                      int) noexcept;

}  // namespace fastconv
