// SPDX-License-Identifier: MIT
// Indices are judged where they are used: a pass ahead over them takes a quarter of the time, and
// another thread may change them behind it.
#include "algorithms/pool/scatter.h"

#include <algorithm>
#include <atomic>

#include "algorithms/pool/tasks.h"

namespace fastconv::pool {
namespace {

// One load for the check and the use: another thread may change the array in between.
std::int64_t load(const std::int64_t* index) { return __atomic_load_n(index, __ATOMIC_RELAXED); }

bool inside(std::int64_t index, index_t places) {
  return static_cast<std::uint64_t>(index) < static_cast<std::uint64_t>(places);
}

// Calls move(i, at) with each index `at` of a plane; returns the first that is outside.
template <class Move>
index_t for_indices(const Planes& p, const std::int64_t* indices, index_t plane, const Move& move) {
  index_t outside = -1;
  for (index_t i = plane * p.n; i < (plane + 1) * p.n; ++i) {
    const std::int64_t at = load(indices + i);
    if (inside(at, p.places)) [[likely]]
      move(i, at);
    else if (outside < 0)
      outside = i;
  }
  return outside;
}

void keep_first(std::atomic<index_t>& first, index_t at) {
  index_t seen = first.load();
  while (at >= 0 && (seen < 0 || at < seen) && !first.compare_exchange_weak(seen, at)) {
  }
}

// Some channels of one image of pixels.
struct Pixels {
  index_t image, first, channels;
};

// Cuts pixels into units of `wide` elements for each channel: whole images, or, where they are too
// few for all threads, channels of whole cache lines. Fewer channels than L2 holds do not pay:
// 64@112 3x3 at stride 2, N = 8, took 9.1 ms so.
template <class Unit>
void for_pixels(const Planes& p, double wide, int threads, const Unit& unit) noexcept {
  constexpr index_t kLeast = 16;
  const index_t images = p.count / p.channels;
  index_t some = p.channels;
  const auto units = [&] { return images * ceil_div(p.channels, some); };
  while (some > kLeast && units() < 4 * threads)
    some = std::max(kLeast, ceil_div(some / 2, kLeast) * kLeast);
  const index_t parts = ceil_div(p.channels, some);
  for_units(units(), (4 * double(p.n) + wide) * double(some), threads, [&](index_t u, int) {
    const index_t first = u % parts * some;
    unit(Pixels{u / parts, first, std::min(some, p.channels - first)});
  });
}

// Calls move(i, at, c) with each element i, its index `at`, and its channel, of which c = 0 is the
// first of `some`; returns the first that is outside.
template <class Move>
index_t for_pixel_indices(const Planes& p, const std::int64_t* indices, const Pixels& some,
                          const Move& move) {
  index_t outside = -1;
  for (index_t i = 0; i < p.n; ++i) {
    const std::int64_t* row = indices + (some.image * p.n + i) * p.channels + some.first;
    for (index_t c = 0; c < some.channels; ++c) {
      const std::int64_t at = load(row + c);
      if (inside(at, p.places)) [[likely]] {
        move(i, at, c);
      } else {
        const index_t position = (some.image * p.channels + some.first + c) * p.n + i;
        if (outside < 0 || position < outside) outside = position;
      }
    }
  }
  return outside;
}

template <class T, class Put>
index_t scatter_pixels(const Planes& p, const T* x, const std::int64_t* indices, T* y, int threads,
                       const Put& put) noexcept {
  std::atomic<index_t> first{-1};
  for_pixels(p, double(p.places), threads, [&](const Pixels& some) {
    const T* from = x + some.image * p.n * p.channels + some.first;
    T* to = y + some.image * p.to_image + some.first;
    for (index_t at = 0; at < p.places; ++at) std::fill_n(to + at * p.to_pixel, some.channels, T{});
    keep_first(first, for_pixel_indices(p, indices, some, [&](index_t i, index_t at, index_t c) {
                 put(to[at * p.to_pixel + c], from[i * p.channels + c]);
               }));
  });
  return first.load();
}

template <class T, class Put>
index_t scatter_with(const Planes& p, const T* x, const std::int64_t* indices, T* y, int threads,
                     const Put& put) noexcept {
  if (p.channels > 0) return scatter_pixels(p, x, indices, y, threads, put);
  std::atomic<index_t> first{-1};
  for_units(p.count, 4 * static_cast<double>(p.n) + static_cast<double>(p.places), threads,
            [&](index_t plane, int) {
              T* to = y + plane * p.places;
              std::fill(to, to + p.places, T{});
              keep_first(first, for_indices(p, indices, plane, [&](index_t i, std::int64_t at) {
                           put(to[at], x[i]);
                         }));
            });
  return first.load();
}

}  // namespace

index_t first_outside(const Planes& p, const std::int64_t* indices, int threads) noexcept {
  std::atomic<index_t> first{-1};
  if (p.channels > 0) {
    for_pixels(p, 0, threads, [&](const Pixels& some) {
      keep_first(first, for_pixel_indices(p, indices, some, [](index_t, std::int64_t, index_t) {}));
    });
    return first.load();
  }
  for_units(p.count, static_cast<double>(p.n), threads, [&](index_t plane, int) {
    keep_first(first, for_indices(p, indices, plane, [](index_t, std::int64_t) {}));
  });
  return first.load();
}

template <class T>
index_t scatter_add(const Planes& p, const T* x, const std::int64_t* indices, T* y,
                    int threads) noexcept {
  return scatter_with(p, x, indices, y, threads, [](T& to, T from) { to += from; });
}

template <class T>
index_t scatter(const Planes& p, const T* x, const std::int64_t* indices, T* y,
                int threads) noexcept {
  return scatter_with(p, x, indices, y, threads, [](T& to, T from) { to = from; });
}

template <class T>
index_t gather(const Planes& p, const T* x, const std::int64_t* indices, T* y,
               int threads) noexcept {
  std::atomic<index_t> first{-1};
  if (p.channels > 0) {
    for_pixels(p, double(p.places), threads, [&](const Pixels& some) {
      const T* from = x + some.image * p.places * p.channels + some.first;
      T* to = y + some.image * p.to_image + some.first;
      keep_first(first, for_pixel_indices(p, indices, some, [&](index_t i, index_t at, index_t c) {
                   to[i * p.to_pixel + c] = from[at * p.channels + c];
                 }));
    });
    return first.load();
  }
  for_units(p.count, 4 * static_cast<double>(p.n), threads, [&](index_t plane, int) {
    const T* from = x + plane * p.places;
    keep_first(first, for_indices(p, indices, plane,
                                  [&](index_t i, std::int64_t at) { y[i] = from[at]; }));
  });
  return first.load();
}

template index_t scatter_add(const Planes&, const float*, const std::int64_t*, float*,
                             int) noexcept;
template index_t scatter_add(const Planes&, const double*, const std::int64_t*, double*,
                             int) noexcept;

template index_t gather(const Planes&, const float*, const std::int64_t*, float*, int) noexcept;
template index_t gather(const Planes&, const double*, const std::int64_t*, double*, int) noexcept;

template index_t scatter(const Planes&, const float*, const std::int64_t*, float*, int) noexcept;
template index_t scatter(const Planes&, const double*, const std::int64_t*, double*, int) noexcept;
template index_t scatter(const Planes&, const std::int8_t*, const std::int64_t*, std::int8_t*,
                         int) noexcept;
template index_t scatter(const Planes&, const std::int16_t*, const std::int64_t*, std::int16_t*,
                         int) noexcept;
template index_t scatter(const Planes&, const std::int32_t*, const std::int64_t*, std::int32_t*,
                         int) noexcept;
template index_t scatter(const Planes&, const std::int64_t*, const std::int64_t*, std::int64_t*,
                         int) noexcept;
template index_t scatter(const Planes&, const std::uint8_t*, const std::int64_t*, std::uint8_t*,
                         int) noexcept;
template index_t scatter(const Planes&, const std::uint16_t*, const std::int64_t*, std::uint16_t*,
                         int) noexcept;
template index_t scatter(const Planes&, const std::uint32_t*, const std::int64_t*, std::uint32_t*,
                         int) noexcept;
template index_t scatter(const Planes&, const std::uint64_t*, const std::int64_t*, std::uint64_t*,
                         int) noexcept;

}  // namespace fastconv::pool
