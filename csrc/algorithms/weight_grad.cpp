// SPDX-License-Identifier: MIT
#include "algorithms/weight_grad.h"

#include "algorithms/blocking.h"
#include "core/parallel.h"

namespace fastconv {
namespace {

// Whether outer products cost less than dot products, in cycles of two FMAs: either wastes lanes,
// along the output channels or at the ends of rows, and a dot product is a horizontal sum at last
// (12 cycles).
bool prefers_outer(const Correlation& r, index_t lanes) {
  const double images = double(r.batch), m = double(r.m);
  const double outer = images * double(r.pixels()) * double(ceil_div(r.m, lanes)) / 2;
  const double vectors = double(r.h.count) * double(ceil_div(r.w.count, lanes));
  return outer < m * (images * vectors / 2 + 12);
}

}  // namespace

template <class T>
LoweredWeightGrad lower_weight_grad(const ConvDesc& d, const Exec& exec) {
  const Correlation r = forward_of(d);
  if (auto pixels = pixels_grad<T>(r, exec)) {
    const index_t scratch = pixels_grad_scratch<T>(*pixels, exec);
    return {r, false, {}, std::move(pixels), scratch};
  }
  if (prefers_outer(r, exec.kernels<T>().conv.gemm.lanes)) {
    const StripLayout layout = outer_layout<T>(r, exec);
    return {r, true, layout, {}, outer_scratch<T>(r, layout, exec)};
  }
  const StripLayout layout = dots_layout<T>(r);
  return {r, false, layout, {}, dots_scratch<T>(r, layout, exec)};
}

template <class T>
void run(const LoweredWeightGrad& lowered, const T* x, const T* dy, T* dw, const Exec& exec,
         std::byte* scratch) noexcept {
  const Correlation& r = lowered.r;
  if (r.batch == 0) return void(std::fill_n(dw, r.groups * r.m * r.k(), T{0}));
  const WeightGrad<T> job{r, x, dy, dw};
  if (lowered.pixels) return pixels_grad(job, *lowered.pixels, exec, scratch);
  (lowered.outer ? outer<T> : dots<T>)(job, *lowered.layout, exec, scratch);
}

template <class T>
void bias_grad(index_t batch, index_t channels, index_t plane, const T* dy, T* db,
               const Exec& exec) noexcept {
  const double work = double(batch) * double(channels) * double(plane);
  const auto sum = exec.kernels<T>().conv.sum;
  parallel_for(channels, useful_threads(channels, work, exec.threads), [&](index_t c, int) {
    db[c] = static_cast<T>(sum(dy + c * plane, plane, batch, channels * plane));
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
