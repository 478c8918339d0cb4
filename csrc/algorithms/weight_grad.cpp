// SPDX-License-Identifier: MIT
#include "algorithms/weight_grad.h"

#include "algorithms/blocking.h"
#include "core/parallel.h"

namespace fastconv {
namespace {

// Whether outer products cost less than dot products, in cycles of two FMAs. A dot product ends in
// a horizontal sum of 12 cycles for each block of 512 pixels, and reads im2col, a vector in 3.
bool prefers_outer(const Correlation& r, index_t lanes) {
  const double pixels = double(r.pixels()), images = double(r.batch), k = double(r.k());
  const double outer = k * pixels * images * double(ceil_div(r.m, lanes)) / 2;
  const double vectors = double(ceil_div(r.pixels(), lanes));
  const double blocks = double(ceil_div(r.pixels(), index_t{512}));
  return outer < images * k * (double(r.m) * (vectors / 2 + 12 * blocks) + 3 * vectors);
}

}  // namespace

template <class T>
LoweredWeightGrad lower_weight_grad(const ConvDesc& d, const Exec& exec) {
  LoweredWeightGrad lowered{forward_of(d), {}, 0};
  const Correlation& r = lowered.r;
  if (prefers_outer(r, exec.kernels<T>().conv.gemm.lanes)) {
    lowered.outer = outer_layout<T>(r, exec);
    lowered.scratch = outer_scratch<T>(r, *lowered.outer, exec);
  } else {
    lowered.scratch = dots_scratch<T>(r, exec);
  }
  return lowered;
}

template <class T>
void run(const LoweredWeightGrad& lowered, const T* x, const T* dy, T* dw, const Exec& exec,
         std::byte* scratch) noexcept {
  const WeightGrad<T> job{lowered.r, x, dy, dw};
  if (lowered.outer)
    outer(job, *lowered.outer, exec, scratch);
  else
    dots(job, exec, scratch);
}

template <class T>
void bias_grad(index_t batch, index_t channels, index_t plane, const T* dy, T* db,
               const Exec& exec) noexcept {
  const double work = double(batch) * double(channels) * double(plane);
  const auto sum = exec.kernels<T>().conv.sum;
  parallel_for(channels, useful_threads(channels, work, exec.threads), [&](index_t c, int) {
    double total = 0;
    for (index_t n = 0; n < batch; ++n) total += sum(dy + (n * channels + c) * plane, plane);
    db[c] = static_cast<T>(total);
  });
}

template <class T>
void fold_padding(const ConvDesc& d, index_t planes, const T* padded, T* dx,
                  const Exec& exec) noexcept {
  const index_t height = d.h.lo + d.h.in + d.h.hi, width = d.w.lo + d.w.in + d.w.hi;
  const double work = double(planes) * double(height) * double(width);
  parallel_for(planes, useful_threads(planes, work, exec.threads), [&](index_t plane, int) {
    T* to = dx + plane * d.in_plane();
    const T* from = padded + plane * height * width;
    std::fill_n(to, d.in_plane(), T{0});
    for (index_t i = 0; i < height; ++i, from += width) {
      T* row = to + padded_source(d.mode, i - d.h.lo, d.h.in) * d.w.in;
      for (index_t j = 0; j < width; ++j) row[padded_source(d.mode, j - d.w.lo, d.w.in)] += from[j];
    }
  });
}

#define FC_INSTANTIATE(T)                                                                 \
  template LoweredWeightGrad lower_weight_grad<T>(const ConvDesc&, const Exec&);          \
  template void run(const LoweredWeightGrad&, const T*, const T*, T*, const Exec&,        \
                    std::byte*) noexcept;                                                 \
  template void bias_grad(index_t, index_t, index_t, const T*, T*, const Exec&) noexcept; \
  template void fold_padding(const ConvDesc&, index_t, const T*, T*, const Exec&) noexcept
FC_INSTANTIATE(float);
FC_INSTANTIATE(double);
#undef FC_INSTANTIATE

}  // namespace fastconv
