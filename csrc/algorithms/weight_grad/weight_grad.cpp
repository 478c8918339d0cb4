// SPDX-License-Identifier: MIT
#include "algorithms/weight_grad/weight_grad.h"

#include "algorithms/common/blocking.h"
#include "algorithms/weight_grad/winograd.h"
#include "core/parallel.h"

namespace fastconv {
namespace {

// What outer and dot products cost, in cycles of two FMAs: either wastes lanes, along the output
// channels or at the ends of rows, and a dot product is a horizontal sum at last (12 cycles).
double outer_cycles(const Correlation& r, index_t lanes) {
  return double(r.groups) * double(r.k()) * double(r.batch) * double(r.pixels()) *
         double(ceil_div(r.m, lanes)) / 2;
}
double dots_cycles(const Correlation& r, index_t lanes) {
  const double vectors = double(r.h.count) * double(ceil_div(r.w.count, lanes));
  return double(r.groups) * double(r.k()) * double(r.m) * (double(r.batch) * vectors / 2 + 12);
}

}  // namespace

template <class T>
LoweredWeightGrad lower_weight_grad(const ConvDesc& d, const Request& request, const Exec& exec) {
  LoweredWeightGrad g{forward_of(d), false, {}, {}, {}, 0};
  const Correlation& r = g.r;
  if (!request.form && (g.pixels = pixels_grad<T>(r, exec))) {
    g.scratch = pixels_grad_scratch<T>(*g.pixels, exec);
    return g;
  }
  const index_t lanes = exec.kernels<T>().conv.gemm.lanes;
  const double outer = outer_cycles(r, lanes), dots = dots_cycles(r, lanes);
  g.outer = outer < dots;
  g.layout = g.outer ? outer_layout<T>(r, exec) : dots_layout<T>(r);
  g.scratch = (g.outer ? outer_scratch<T> : dots_scratch<T>)(r, *g.layout, exec);
  constexpr double kFeeding = 1.2;  // gathering strips, turning gradients
  g.winograd = winograd_grad_form<T>(r, kFeeding * std::min(outer, dots), request, exec);
  if (g.winograd) g.scratch = std::max(g.scratch, winograd_grad_scratch<T>(r, *g.winograd, exec));
  return g;
}

template <class T>
void run(const LoweredWeightGrad& lowered, const T* x, const T* dy, T* dw, const Exec& exec,
         std::byte* scratch) noexcept {
  const Correlation& r = lowered.r;
  if (r.batch == 0) return void(std::fill_n(dw, r.groups * r.m * r.k(), T{0}));
  const WeightGrad<T> job{r, x, dy, dw};
  if (lowered.pixels) return pixels_grad(job, *lowered.pixels, exec, scratch);
  if (lowered.winograd && winograd_grad(job, *lowered.winograd, exec, scratch)) return;
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

#define FC_INSTANTIATE(T)                                                                        \
  template LoweredWeightGrad lower_weight_grad<T>(const ConvDesc&, const Request&, const Exec&); \
  template void run(const LoweredWeightGrad&, const T*, const T*, T*, const Exec&,               \
                    std::byte*) noexcept;                                                        \
  template void bias_grad(index_t, index_t, index_t, const T*, T*, const Exec&) noexcept;        \
  template void fold_padding(const ConvDesc&, index_t, const T*, T*, const Exec&) noexcept
FC_INSTANTIATE(float);
FC_INSTANTIATE(double);
#undef FC_INSTANTIATE

}  // namespace fastconv
