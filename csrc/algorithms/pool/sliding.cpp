// SPDX-License-Identifier: MIT
#include "algorithms/pool/sliding.h"

#include "algorithms/pool/costs.h"
#include "algorithms/pool/slide_image.h"
#include "algorithms/pool/slide_results.h"
#include "algorithms/pool/tasks.h"

namespace fastconv::pool {
namespace {

constexpr index_t kMostExtent = 1 << 30;  // places along an axis fit 32 bits

// What kernels compute with where places are asked for.
template <class T>
using Places = std::conditional_t<std::is_floating_point_v<T>, T, std::int64_t>;

template <class T, class K>
void lay_out(const Problem& problem, Sliding<T>& layout) {
  const SlideCall<T, K> call(problem);
  layout.units = problem.layout == Layout::pixels ? problem.d.batch : problem.d.planes();
  layout.pitch = call.pitch;
  layout.shared_bytes = SlideDivisors<T>(problem, nullptr).bytes;
  layout.image_bytes = SlideImageMemory<K>(call, nullptr).bytes;
  layout.thread_bytes = SlideThreadMemory<K>(call, nullptr).bytes;
}

template <class T, class K>
void slide(const Problem& problem, const Arrays<T>& arrays, const Exec& exec, std::byte* scratch,
           const Sliding<T>& layout) noexcept {
  const SlideCall<T, K> call(problem);
  const SlideDivisors<T> divisors(problem, scratch);
  divisors.fill(problem);
  std::byte* images = scratch + layout.shared_bytes;
  const bool together = layout.together(exec.threads);
  std::byte* mine = images + layout.image_bytes * (together ? 1 : exec.threads);
  const auto image_of = [&](index_t unit, int thread) {
    return SlideImage<T, K>{
        call, arrays,
        exec, divisors,
        unit, SlideImageMemory<K>(call, images + layout.image_bytes * (together ? 0 : thread))};
  };
  const auto memory_of = [&](int thread) {
    return SlideThreadMemory<K>(call, mine + layout.thread_bytes * thread);
  };
  // An element costs about as much as ten that are copied, along each axis.
  const index_t rows = call.h.in(), width = call.width_out();
  const double row_work = 10 * static_cast<double>(call.width_in() + width);
  const double column_work = 10 * static_cast<double>(rows + call.h.out());
  if (!together) {
    const double work = row_work * static_cast<double>(rows) + column_work * double(width);
    for_units(layout.units, work, exec.threads, [&](index_t unit, int thread) {
      const auto image = image_of(unit, thread);
      const auto memory = memory_of(thread);
      for (index_t r = 0; r < rows; ++r) image.pool_row(r, memory);
      image.pool_columns(0, width, memory);
    });
    return;
  }
  constexpr index_t kStrip = 256;  // columns
  for (index_t unit = 0; unit < layout.units; ++unit) {
    for_units(rows, row_work, exec.threads, [&](index_t r, int thread) {
      image_of(unit, thread).pool_row(r, memory_of(thread));
    });
    for_units(ceil_div(width, kStrip), kStrip * column_work, exec.threads,
              [&](index_t strip, int thread) {
                image_of(unit, thread)
                    .pool_columns(strip * kStrip, std::min(width, (strip + 1) * kStrip),
                                  memory_of(thread));
              });
  }
}

}  // namespace

template <class T>
bool Sliding<T>::suits(const Problem& problem) {
  if (problem.use != Use::indices || problem.layout == Layout::pixels) return true;
  const double places = std::is_floating_point_v<T> ? 3 : 6;  // times the cost of values
  return places * cost_of_sliding(problem.d) < 2 * cost_by_elements(problem.d);
}

template <class T>
Sliding<T> Sliding<T>::prepare(const Problem& problem) {
  const PoolDesc& d = problem.d;
  if (d.planes() == 0 || d.h.out == 0 || d.w.out == 0)
    return {.refusal = "there is nothing to compute"};
  if (d.h.kernel == 0 || d.w.kernel == 0) return {.refusal = "the windows are adaptive"};
  if (std::max({d.h.in, d.w.in, d.h.out, d.w.out}) > kMostExtent)
    return {.refusal = "an axis is too long"};
  Sliding layout;
  if (problem.use == Use::indices)
    lay_out<T, Places<T>>(problem, layout);
  else
    lay_out<T, T>(problem, layout);
  return layout;
}

template <class T>
index_t Sliding<T>::scratch(int threads) const {
  return shared_bytes + image_bytes * (together(threads) ? 1 : threads) + thread_bytes * threads;
}

template <class T>
void Sliding<T>::run(const Problem& problem, const Arrays<T>& arrays, const Exec& exec,
                     std::byte* scratch) const noexcept {
  if (problem.use == Use::indices)
    slide<T, Places<T>>(problem, arrays, exec, scratch, *this);
  else
    slide<T, T>(problem, arrays, exec, scratch, *this);
}

template struct Sliding<float>;
template struct Sliding<double>;
template struct Sliding<std::int8_t>;
template struct Sliding<std::int16_t>;
template struct Sliding<std::int32_t>;
template struct Sliding<std::int64_t>;
template struct Sliding<std::uint8_t>;
template struct Sliding<std::uint16_t>;
template struct Sliding<std::uint32_t>;
template struct Sliding<std::uint64_t>;

}  // namespace fastconv::pool
