// SPDX-License-Identifier: MIT
#include "algorithms/pool/whole_planes.h"

#include "algorithms/pool/tasks.h"

namespace fastconv::pool {
namespace {

constexpr index_t kMostWhole = 16384;  // elements: 1024 additions each in 4 chains of 4 lanes

}  // namespace

template <class T>
WholePlanes<T> WholePlanes<T>::prepare(const Problem& problem) {
  const PoolDesc& d = problem.d;
  if (!is_whole(d)) return {.refusal = "the window is not the whole plane"};
  if (problem.pooling.op == PoolOp::powers) return {.refusal = "it has no kernel for powers"};
  if (d.in_plane() < kMostLanes) return {.refusal = "a plane is smaller than a vector"};
  if (d.in_plane() > kMostWhole) return {.refusal = "sums over such a plane would lose digits"};
  return {};
}

template <class T>
void WholePlanes<T>::run(const Problem& problem, const Arrays<T>& arrays, const Exec& exec,
                         std::byte*) const noexcept {
  const PoolDesc& d = problem.d;
  const Pooling& pooling = problem.pooling;
  const auto kernel = exec.kernels<T>().pool.planes[static_cast<int>(pooling.op)];
  const auto divisor =
      static_cast<T>(pooling.average ? pooling.rows(d, 0) * pooling.columns(d, 0) : 1);
  const index_t n = d.in_plane();
  const PlaneGroups groups(d, arrays.planes_apart(), kMostLanes);
  for_units(groups.count(), static_cast<double>(n * kMostLanes), exec.threads, [&](index_t u, int) {
    const index_t first = groups.first(u), rows = groups.size(u);
    T* y = arrays.to + plane_at(d, first, 1, arrays.to_image);
    kernel(arrays.from + plane_at(d, first, n, arrays.from_image), n, rows, y);
    if (pooling.average)
      for (index_t i = 0; i < rows; ++i) y[i] /= divisor;
    take_roots(pooling, y, rows);
  });
}

template struct WholePlanes<float>;
template struct WholePlanes<double>;

}  // namespace fastconv::pool
