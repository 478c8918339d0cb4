// SPDX-License-Identifier: MIT
// Activations of n elements, a vector at a time (kernels/vector_math.h). What happens at the limits
// is what PyTorch does: NaN gives NaN, and so do silu and gelu at -Inf, where they are -Inf * 0.
// Only the n elements are read. Memory bounds the speed of the relu family and of hardswish and
// hardsigmoid, arithmetic that of the others: an exponential takes some 20 operations.
#pragma once

#include "core/elementwise_kernels.h"
#include "kernels/vector_math.h"

namespace fastconv::FC_ISA {

template <class V>
FC_INLINE V relu(V x) {
  return max(V::zero(), x);
}

template <class V>
FC_INLINE V relu6(V x) {
  return min(V::splat(6), max(V::zero(), x));
}

template <class V>
FC_INLINE V leaky_relu(V x, V slope) {
  return select(less(V::zero(), x), x, x * slope);
}

template <class V>
FC_INLINE V gelu(V x) {
  return x * normal(x).cdf;
}

// gelu's approximation is x (1 + tanh(u)) / 2 with u = sqrt(2 / pi) (x + 0.044715 x^3). Since
// (1 + tanh(u)) / 2 = logistic(2 u), these are the coefficients of 2 u.
template <class T>
struct GeluTanh {
  static constexpr T kLinear = static_cast<T>(0x1.9884533d43651p+0);
  static constexpr T kCubic = static_cast<T>(0x1.2444f2a4d8b4bp-4);
};

template <class V>
FC_INLINE V gelu_tanh(V x) {
  using C = GeluTanh<typename V::T>;
  return x * logistic(x * fma(x * x, V::splat(C::kCubic), V::splat(C::kLinear))).value;
}

// min(max(x + 3, 0), 6) / 6. The sum is exact where it is near 0, and 6 or 3 times the rounded 1 /
// 6 is 1 or 1 / 2, so that hardswish is x itself from 3 on, also where 6 x would overflow.
template <class V>
FC_INLINE V hardsigmoid(V x) {
  const V sixth = V::splat(static_cast<typename V::T>(0x1.5555555555555p-3));
  return min(V::splat(6), max(V::zero(), x + V::splat(3))) * sixth;
}

template <class V>
FC_INLINE V elu(V x, V alpha) {
  return select(less(x, V::zero()), alpha * expm1_nonpositive(min(V::zero(), x)), x);
}

// ln(1 + e^x) = max(x, 0) + ln(1 + e^-|x|). Beyond PyTorch's threshold of 20 it is x, which is less
// by e^-20 at most: 2e-9.
template <class V>
FC_INLINE V softplus(V x) {
  const V e = exp_nonpositive(V::zero() - abs(x));
  return select(less(V::splat(20), x), x, max(V::zero(), x) + log1p_fraction(e));
}

// y[i] = f(x[i]) for i < n; y may be x.
template <class V, class F>
FC_INLINE void map_row(const typename V::T* x, typename V::T* y, index_t n, F f) {
  index_t i = 0;
  for (; i + V::lanes <= n; i += V::lanes) f(V::load(x + i)).store(y + i);
  if (i < n) f(V::load_n(x + i, static_cast<int>(n - i))).store_n(y + i, static_cast<int>(n - i));
}

template <class V>
void activate(Activation activation, const typename V::T* x, typename V::T* y, index_t n,
              typename V::T slope) noexcept {
  switch (activation) {
    case Activation::none:
      return map_row<V>(x, y, n, [](V v) { return v; });
    case Activation::relu:
      return map_row<V>(x, y, n, [](V v) { return relu(v); });
    case Activation::relu6:
      return map_row<V>(x, y, n, [](V v) { return relu6(v); });
    case Activation::leaky_relu:
      return map_row<V>(x, y, n, [s = V::splat(slope)](V v) { return leaky_relu(v, s); });
    case Activation::sigmoid:
      return map_row<V>(x, y, n, [](V v) { return logistic(v).value; });
    case Activation::tanh:
      return map_row<V>(x, y, n, [](V v) { return tanh(v); });
    case Activation::silu:
      return map_row<V>(x, y, n, [](V v) { return v * logistic(v).value; });
    case Activation::gelu:
      return map_row<V>(x, y, n, [](V v) { return gelu(v); });
    case Activation::gelu_tanh:
      return map_row<V>(x, y, n, [](V v) { return gelu_tanh(v); });
    case Activation::hardswish:
      return map_row<V>(x, y, n, [](V v) { return v * hardsigmoid(v); });
    case Activation::hardsigmoid:
      return map_row<V>(x, y, n, [](V v) { return hardsigmoid(v); });
    case Activation::elu:
      return map_row<V>(x, y, n, [a = V::splat(slope)](V v) { return elu(v, a); });
    case Activation::softplus:
      return map_row<V>(x, y, n, [](V v) { return softplus(v); });
  }
}

}  // namespace fastconv::FC_ISA
