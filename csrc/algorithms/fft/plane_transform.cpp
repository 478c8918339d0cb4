// SPDX-License-Identifier: MIT
#include "algorithms/fft/plane_transform.h"

#include <algorithm>
#include <utility>

namespace fastconv::fft {

template <class T>
PlaneTransform<T>::PlaneTransform(index_t h, index_t w, index_t lanes)
    : h_(h), lanes_(lanes), line_(w, lanes), step_(w / lanes + 1) {
  append_passes(h, step_, passes_, twiddles_);
}

// All passes of a few vectors at a time, which stay in L2.
template <class T>
void PlaneTransform<T>::columns(T* a, T* b, bool inverse,
                                const FftKernels<T>& kernels) const noexcept {
  constexpr index_t kVectors = 4;
  for (index_t from = 0; from < vectors(); from += kVectors) {
    T *src = a, *dst = b;
    const index_t to = std::min(vectors(), from + kVectors);
    for (const Pass& pass : passes_) {
      // A step of this pass is `inner` rows.
      const index_t inner = pass.step / step_;
      for (index_t i = 0; i < inner; ++i)
        run_pass(pass, twiddles_.data(), src, dst, inverse, {0, pass.groups},
                 {i * step_ + from, i * step_ + to}, kernels);
      std::swap(src, dst);
    }
  }
}

template <class T>
void PlaneTransform<T>::row_in_place(T* row, T* work, const FftKernels<T>& kernels) const noexcept {
  const T* done = line_.run_all(row, work, false, kernels);
  if (done != row) std::copy_n(done, line_.elements(), row);
}
template <class T>
void PlaneTransform<T>::row_back(T* from, T* to, const FftKernels<T>& kernels) const noexcept {
  const T* done = line_.run_all(from, to, true, kernels);
  if (done != to) std::copy_n(done, line_.elements(), to);
}

template class PlaneTransform<float>;
template class PlaneTransform<double>;

}  // namespace fastconv::fft
