// SPDX-License-Identifier: MIT
// The Fourier transform of one size: its passes and its twiddles. core/fft_kernels.h tells what the
// kernels compute of them.
#pragma once

#include <vector>

#include "algorithms/common/blocking.h"
#include "core/exec.h"

namespace fastconv::fft {

// The sizes that lines may have: their halves are products of 2, 3 and 5.
inline constexpr index_t kSizes[] = {16,   20,   24,   32,   40,   48,   64,   80,    96,   128,
                                     144,  160,  192,  256,  320,  384,  512,  640,   768,  1024,
                                     1280, 1536, 2048, 3072, 4096, 6144, 8192, 12288, 16384};
inline constexpr int kNumSizes = sizeof(kSizes) / sizeof(kSizes[0]);

// A pass of a transform.
struct Pass {
  int radix;  // the index of its radix in kFftRadices
  index_t groups, step;
  index_t twiddles;  // where its twiddles begin
};
// Runs a pass from src to dst for some of its p and q (core/fft_kernels.h).
template <class T>
void run_pass(const Pass& pass, const T* twiddles, const T* src, T* dst, bool inverse, Range p,
              Range q, const FftKernels<T>& kernels) noexcept {
  kernels.pass[pass.radix]({.src = src,
                            .dst = dst,
                            .twiddles = twiddles + pass.twiddles,
                            .groups = pass.groups,
                            .step = pass.step,
                            .inverse = inverse,
                            .p = {p.begin, p.end},
                            .q = {q.begin, q.end}});
}
// The passes that transform n numbers, `step` apart, and their twiddles.
template <class T>
void append_passes(index_t n, index_t step, std::vector<Pass>& passes, std::vector<T>& twiddles);

// Appends e^(-2 pi i * turn / n).
template <class T>
void append_root(index_t turn, index_t n, std::vector<T>& to);

template <class T>
class Transform {
 public:
  explicit Transform(index_t size);

  index_t size() const { return size_; }
  index_t half() const { return size_ / 2; }
  index_t frequencies() const { return size_ / 2 + 1; }
  const T* turns() const { return turns_.data(); }  // what split and join call twiddles

  // Run the passes on a vector of lines in `a`, with `b` as a second place of the same size, and
  // return the one of both in which the result is.
  T* forward(T* a, T* b, const FftKernels<T>& kernels) const noexcept {
    return run(a, b, false, kernels);
  }
  T* inverse(T* a, T* b, const FftKernels<T>& kernels) const noexcept {
    return run(a, b, true, kernels);
  }

 private:
  T* run(T* a, T* b, bool inverse, const FftKernels<T>& kernels) const noexcept;

  index_t size_;
  std::vector<Pass> passes_;
  std::vector<T> twiddles_, turns_;
};

// The transform of size kSizes[i], which is made when it is first asked for.
template <class T>
const Transform<T>& transform_at(int i);

}  // namespace fastconv::fft
