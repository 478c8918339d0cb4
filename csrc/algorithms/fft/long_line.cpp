// SPDX-License-Identifier: MIT
#include "algorithms/fft/long_line.h"

#include <utility>

namespace fastconv::fft {
namespace {

// Whether the things of a pass are its groups; else they are the places within a step.
bool by_groups(const Pass& pass) { return pass.groups >= pass.step; }

// Additions and multiplications of one butterfly with its twiddles, by the index of its radix.
constexpr index_t kButterfly[] = {52 + 42, 68 + 24, 16 + 18, 22 + 12, 4 + 6};
constexpr index_t kTurn = 6;  // of a complex product

// Real and imaginary parts of e^(2 pi i turn / n), in planes of `lanes` elements.
template <class T>
void put_root(index_t turn, index_t n, index_t place, index_t lanes, std::vector<T>& planes) {
  std::vector<T> root;
  append_root(turn, n, root);
  const auto at = static_cast<std::size_t>(place / lanes * 2 * lanes + place % lanes);
  planes[at] = root[0], planes[at + static_cast<std::size_t>(lanes)] = root[1];
}

}  // namespace

template <class T>
LongLine<T>::LongLine(index_t points, index_t lanes)
    : points_(points),
      lanes_(lanes),
      turns_(static_cast<std::size_t>(2 * points)),
      angles_(static_cast<std::size_t>(2 * points)) {
  append_passes(vectors(), 1, before_, twiddles_);
  append_passes(lanes, blocks(), after_, twiddles_);
  append_stages(before_);
  stages_.push_back({blocks(), kTurn * lanes * lanes});
  append_stages(after_);
  for (index_t m = 0; m < vectors(); ++m)
    for (index_t l = 0; l < lanes; ++l) put_root(l * m, points, m * lanes + l, lanes, turns_);
  // e^(i pi n / 2N) is root 4N - n of 4N, which go the other way round.
  for (index_t n = 0; n < points; ++n) put_root(4 * points - n, 4 * points, n, lanes, angles_);
}

template <class T>
void LongLine<T>::append_stages(const std::vector<Pass>& passes) {
  for (const Pass& pass : passes) {
    const index_t butterfly = kButterfly[pass.radix] * lanes_;
    if (by_groups(pass))
      stages_.push_back({pass.groups, pass.step * butterfly});
    else
      stages_.push_back({pass.step, pass.groups * butterfly});
  }
}

template <class T>
void LongLine<T>::run(std::size_t stage, Range things, const T* src, T* dst, bool inverse,
                      const FftKernels<T>& kernels) const noexcept {
  if (stage == before_.size())
    return kernels.turn({src, dst, turns_.data(), blocks(), inverse, things.begin, things.end});
  const Pass& pass = stage < before_.size() ? before_[stage] : after_[stage - before_.size() - 1];
  const bool groups = by_groups(pass);
  const Range p = groups ? things : Range{0, pass.groups};
  const Range q = groups ? Range{0, pass.step} : things;
  run_pass(pass, twiddles_.data(), src, dst, inverse, p, q, kernels);
}

template <class T>
T* LongLine<T>::run_all(T* a, T* b, bool inverse, const FftKernels<T>& kernels) const noexcept {
  for (std::size_t i = 0; i < stages_.size(); ++i) {
    run(i, {0, stages_[i].things}, a, b, inverse, kernels);
    std::swap(a, b);
  }
  return a;
}

template class LongLine<float>;
template class LongLine<double>;

}  // namespace fastconv::fft
