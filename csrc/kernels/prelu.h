// SPDX-License-Identifier: MIT
// PReLU: a leaky_relu whose slope differs by channel, and its gradients (PreluRows in
// core/elementwise_kernels.h). Where a channel's elements are neighbours, kernels/activation.h
// computes it with the channel's slope; here each place of a row has its own. Memory bounds the
// speed.
#pragma once

#include "kernels/norm.h"

namespace fastconv::FC_ISA {

template <class V>
void prelu_row(const typename V::T* x, const typename V::T* slopes, typename V::T* y,
               index_t n) noexcept {
  map_rows<V>(x, slopes, y, n, [](V v, V slope) { return leaky_relu(v, slope); });
}

// Both derivatives of a leaky_relu at x, each times dy: by x, and by the slope.
template <class V>
struct LeakyGrad {
  V dx, d_slope;
};
template <class V>
FC_INLINE LeakyGrad<V> leaky_grad(V x, V dy, V slope) {
  const auto positive = less(V::zero(), x);
  return {select(positive, dy, dy * slope), select(positive, V::zero(), dy * x)};
}

// Row by row, with the sums in memory: they stay in L1, and arrays are read as they lie. A column
// of vectors at a time, with its sum in a register, takes five times as long: its loads wait for
// stores that lie a multiple of a page before them.
template <class V>
void prelu_rows_grad(const PreluRows<typename V::T>& a) noexcept {
  const int tail = static_cast<int>(a.n % V::lanes);
  const index_t whole = a.n - tail;
  for (index_t row = 0; row < a.rows; ++row) {
    const typename V::T *x = a.x + row * a.n, *dy = a.dy + row * a.n;
    typename V::T* dx = a.dx + row * a.n;
    for (index_t i = 0; i < whole; i += V::lanes) {
      const LeakyGrad<V> g = leaky_grad(V::load(x + i), V::load(dy + i), V::load(a.slopes + i));
      g.dx.store(dx + i);
      (row == 0 ? g.d_slope : V::load(a.sums + i) + g.d_slope).store(a.sums + i);
    }
    if (tail == 0) continue;
    const LeakyGrad<V> g = leaky_grad(V::load_n(x + whole, tail), V::load_n(dy + whole, tail),
                                      V::load_n(a.slopes + whole, tail));
    g.dx.store_n(dx + whole, tail);
    const V before = row == 0 ? V::zero() : V::load_n(a.sums + whole, tail);
    (before + g.d_slope).store_n(a.sums + whole, tail);
  }
}

template <class V>
double prelu_plane_grad(const typename V::T* x, const typename V::T* dy, typename V::T* dx,
                        index_t n, typename V::T slope) noexcept {
  const Part<V> part(n);
  const V s = V::splat(slope);
  const auto term = [&](index_t, index_t i, bool tail, auto& sums) __attribute__((always_inline)) {
    const LeakyGrad<V> g = leaky_grad(part.load(x + i, tail), part.load(dy + i, tail), s);
    if (tail)
      g.dx.store_n(dx + i, part.tail);
    else
      g.dx.store(dx + i);
    sums.first = sums.first + g.d_slope;
  };
  return sums_of<V>(n, 1, term).first;
}

}  // namespace fastconv::FC_ISA
