// SPDX-License-Identifier: MIT
#include "algorithms/fft/transform.h"

#include <atomic>
#include <cmath>
#include <memory>
#include <numbers>
#include <utility>

namespace fastconv::fft {

template <class T>
void append_root(index_t turn, index_t n, std::vector<T>& to) {
  const long double angle = -2 * std::numbers::pi_v<long double> *
                            static_cast<long double>(turn % n) / static_cast<long double>(n);
  to.push_back(static_cast<T>(std::cos(angle)));
  to.push_back(static_cast<T>(std::sin(angle)));
}

namespace {

// The radix of the next pass of n elements, by its index. 16 is 4 * 4: two equal passes take fewer
// registers than one of 8 and one of 2.
int next_radix(index_t n) {
  for (int i = 0; i < kNumFftRadices; ++i)
    if (n % kFftRadices[i] == 0 && !(kFftRadices[i] == 8 && n == 16)) return i;
  return kNumFftRadices - 1;
}

}  // namespace

template <class T>
void append_passes(index_t n, index_t step, std::vector<Pass>& passes, std::vector<T>& twiddles) {
  while (n > 1) {
    const int i = next_radix(n);
    const index_t radix = kFftRadices[i], groups = n / radix;
    passes.push_back({i, groups, step, static_cast<index_t>(twiddles.size())});
    for (index_t p = 0; p < groups; ++p)
      for (index_t k = 1; k < radix; ++k) append_root(p * k, n, twiddles);
    n = groups, step *= radix;
  }
}

template <class T>
Transform<T>::Transform(index_t size) : size_(size) {
  append_passes(half(), 1, passes_, twiddles_);
  for (index_t f = 0; 2 * f <= half(); ++f) append_root(f, size, turns_);
}

template <class T>
T* Transform<T>::run(T* a, T* b, bool inverse, const FftKernels<T>& kernels) const noexcept {
  for (const Pass& pass : passes_) {
    run_pass(pass, twiddles_.data(), a, b, inverse, {0, pass.groups}, {0, pass.step}, kernels);
    std::swap(a, b);
  }
  return a;
}

// Two threads may make the same one at the same time; the second one's is dropped.
template <class T>
const Transform<T>& transform_at(int i) {
  static std::atomic<const Transform<T>*> made[kNumSizes] = {};
  const Transform<T>* found = made[i].load(std::memory_order_acquire);
  if (found != nullptr) return *found;
  auto mine = std::make_unique<const Transform<T>>(kSizes[i]);
  if (made[i].compare_exchange_strong(found, mine.get(), std::memory_order_acq_rel))
    return *mine.release();
  return *found;
}

template void append_root(index_t, index_t, std::vector<float>&);
template void append_root(index_t, index_t, std::vector<double>&);
template void append_passes(index_t, index_t, std::vector<Pass>&, std::vector<float>&);
template void append_passes(index_t, index_t, std::vector<Pass>&, std::vector<double>&);
template class Transform<float>;
template class Transform<double>;
template const Transform<float>& transform_at(int);
template const Transform<double>& transform_at(int);

}  // namespace fastconv::fft
