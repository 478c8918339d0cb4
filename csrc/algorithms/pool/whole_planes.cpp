// SPDX-License-Identifier: MIT
#include "algorithms/pool/whole_planes.h"

#include <limits>

#include "algorithms/pool/tasks.h"
#include "core/memory.h"

namespace fastconv::pool {
namespace {

// Elements of a plane that are added up at once: 1024 additions each in 4 chains of 4 lanes.
constexpr index_t kMostWhole = 16384;
// Vectors of each part of a larger plane, whose parts are added in double: 8 additions in 4 chains.
// Sums of a million equal elements err by 2.6e-6 (AVX-512) to 9.7e-6 (scalar) with parts of 16384
// elements, by 1.4e-7 so, at the same speed (83 GB/s).
constexpr index_t kPartVectors = 32;

bool is_extreme(PoolOp op) {
  return op == PoolOp::max || op == PoolOp::min || op == PoolOp::abs_max;
}

// The joins of parts of a plane: of extremes the first among equals, NaN before all; sums in
// double.
template <class T>
class Parts {
 public:
  explicit Parts(PoolOp op) : op_(op) {
    if (op == PoolOp::max) best_ = -std::numeric_limits<T>::infinity();
    if (op == PoolOp::min) best_ = std::numeric_limits<T>::infinity();
  }
  void add(T part) {
    if (!is_extreme(op_))
      total_ += static_cast<double>(part);
    else if ((op_ == PoolOp::min ? part < best_ : part > best_) || part != part)
      best_ = part;
  }
  double joined() const { return is_extreme(op_) ? static_cast<double>(best_) : total_; }

 private:
  PoolOp op_;
  T best_ = 0;
  double total_ = 0;
};

}  // namespace

template <class T>
WholePlanes<T> WholePlanes<T>::prepare(const Problem& problem) {
  const PoolDesc& d = problem.d;
  if (!is_whole(d)) return {.refusal = "the window is not the whole plane"};
  if (d.in_plane() < kMostLanes) return {.refusal = "a plane is smaller than a vector"};
  WholePlanes layout;
  layout.planes = d.in_plane() <= kMostWhole ? kMostLanes : 1;
  if (problem.pooling.op == PoolOp::powers)
    layout.thread_bytes = cache_lines(std::min(d.in_plane(), kMostWhole) * layout.planes *
                                      static_cast<index_t>(sizeof(T)));
  return layout;
}

// Of planes that are too large for one sum, one at a time.
template <class T>
void WholePlanes<T>::run_parts(const Problem& problem, const T* x, T* y, const Exec& exec,
                               T* powers) const noexcept {
  const Pooling& pooling = problem.pooling;
  const bool takes = pooling.op == PoolOp::powers;
  const auto& kernels = exec.kernels<T>().pool;
  const auto kernel = kernels.planes[static_cast<int>(takes ? PoolOp::sum : pooling.op)];
  const index_t n = problem.d.in_plane(), most = takes ? 1 : kMostLanes;
  Parts<T> parts(pooling.op);
  const index_t part_size =
      std::max(kPartVectors * exec.kernels<T>().conv.gemm.lanes, index_t{kMostLanes});
  T part[kMostLanes];
  for (index_t i = 0; i < n;) {
    const index_t left = n - i, size = std::min(left, part_size);
    if (size < kMostLanes) {  // too few for a vector
      kernels.take(pooling.op, pooling.power, x + i, size, part);
      for (index_t j = 0; j < size; ++j) parts.add(part[j]);
      break;
    }
    const index_t rows = std::min(most, left / size);
    const T* from = x + i;
    if (takes) {
      kernels.take(pooling.op, pooling.power, from, size, powers);
      from = powers;
    }
    kernel(from, size, rows, part);
    for (index_t j = 0; j < rows; ++j) parts.add(part[j]);
    i += rows * size;
  }
  const double divisor =
      pooling.average ? pooling.rows(problem.d, 0) * pooling.columns(problem.d, 0) : 1;
  *y = static_cast<T>(parts.joined() / divisor);
}

template <class T>
void WholePlanes<T>::run(const Problem& problem, const Arrays<T>& arrays, const Exec& exec,
                         std::byte* scratch) const noexcept {
  const PoolDesc& d = problem.d;
  const Pooling& pooling = problem.pooling;
  const bool takes = pooling.op == PoolOp::powers;
  const auto& kernels = exec.kernels<T>().pool;
  const auto kernel = kernels.planes[static_cast<int>(takes ? PoolOp::sum : pooling.op)];
  const auto divisor =
      static_cast<T>(pooling.average ? pooling.rows(d, 0) * pooling.columns(d, 0) : 1);
  const index_t n = d.in_plane();
  const PlaneGroups groups(d, arrays.planes_apart(), planes);
  for_units(groups.count(), static_cast<double>(n * planes), exec.threads,
            [&](index_t u, int thread) {
              const index_t first = groups.first(u), rows = groups.size(u);
              T* powers = reinterpret_cast<T*>(scratch + thread * thread_bytes);
              T* y = arrays.to + plane_at(d, first, 1, arrays.to_image);
              const T* x = arrays.from + plane_at(d, first, n, arrays.from_image);
              if (planes == 1) {
                run_parts(problem, x, y, exec, powers);
              } else {
                if (takes) {
                  kernels.take(pooling.op, pooling.power, x, n * rows, powers);
                  x = powers;
                }
                kernel(x, n, rows, y);
                if (pooling.average)
                  for (index_t i = 0; i < rows; ++i) y[i] /= divisor;
              }
              take_roots(exec, pooling, y, rows);
            });
}

template struct WholePlanes<float>;
template struct WholePlanes<double>;

}  // namespace fastconv::pool
