// SPDX-License-Identifier: MIT
#include "algorithms/pool/sum_grad.h"

#include "algorithms/pool/taps.h"
#include "algorithms/pool/tasks.h"

namespace fastconv::pool {

template <class T>
void SumGradWholePlanes<T>::run(const Problem& problem, const Arrays<T>& arrays, const Exec& exec,
                                std::byte*) const noexcept {
  const PoolDesc& d = problem.d;
  const Pooling& pooling = problem.pooling;
  const double divisor = pooling.average ? pooling.rows(d, 0) * pooling.columns(d, 0) : 1;
  const index_t n = d.in_plane();
  for_units(d.planes(), static_cast<double>(n), exec.threads, [&](index_t plane, int) {
    const T dy = arrays.from[plane_at(d, plane, 1, arrays.from_image)];
    std::fill_n(arrays.to + plane_at(d, plane, n, arrays.to_image), n,
                static_cast<T>(double(dy) / divisor));
  });
}

template <class T>
void SumGradTaps<T>::run(const Problem& problem, const Arrays<T>& arrays, const Exec& exec,
                         std::byte*) const noexcept {
  const PoolDesc& d = problem.d;
  const Pooling& pooling = problem.pooling;
  for_units(d.planes(), taps_work(d), exec.threads, [&](index_t plane, int) {
    const T* from = arrays.from + plane_at(d, plane, d.out_plane(), arrays.from_image);
    T* to = arrays.to + plane_at(d, plane, d.in_plane(), arrays.to_image);
    std::fill(to, to + d.in_plane(), T{});
    index_t current = -1;
    T g{};
    for_taps(d, [&](index_t place, index_t output) {
      if (output != current) {
        current = output;
        g = from[output];
        if (pooling.average)
          g = static_cast<T>(double(g) / (pooling.rows(d, output / d.w.out) *
                                          pooling.columns(d, output % d.w.out)));
      }
      to[place] += g;
    });
  });
}

template struct SumGradWholePlanes<float>;
template struct SumGradWholePlanes<double>;
template struct SumGradTaps<float>;
template struct SumGradTaps<double>;

}  // namespace fastconv::pool
