// SPDX-License-Identifier: MIT
// Gradients of the activations: the derivative times the gradient dy of the result. The derivative
// is computed from the activation's input, or, where it follows from it, from the output. At kinks
// and infinities it is what PyTorch has. What bounds the speed is as in kernels/activation.h.
#pragma once

#include "kernels/activation.h"

namespace fastconv::FC_ISA {

// dy where x > 0 and, as in PyTorch, where x is NaN; else 0. Neither comparison holds for a NaN.
template <class V>
FC_INLINE V relu_grad(V x, V dy) {
  return select(less(V::zero(), x), dy, select(less(x, V::splat(1)), V::zero(), dy));
}

template <class V>
FC_INLINE V relu6_grad(V x, V dy) {  // 0 at both kinks
  const V low = relu_grad(x, dy);
  return select(less(x, V::splat(6)), low, select(less(V::splat(5), x), V::zero(), low));
}

// The derivative of tanh is 1 - tanh(x)^2 = 4 e / (1 + e)^2 with e = exp(-2 |x|). The second form
// does not cancel where tanh is near 1.
template <class V>
FC_INLINE V tanh_slope(V x) {
  const Logistic<V> s = logistic(x + x);
  return V::splat(4) * s.value * s.complement;
}

// The derivatives of silu, gelu and its approximation. With s(x) the logistic function, silu's is
// s(x) + x s(x) s(-x); with Phi the normal distribution, gelu's is Phi(x) + x Phi'(x).
template <class V>
FC_INLINE V silu_slope(V x) {
  const Logistic<V> s = logistic(x);
  return fma(x * s.complement, s.value, s.value);
}

template <class V>
FC_INLINE V gelu_slope(V x) {
  const Normal<V> n = normal(x);
  const V density = n.bell * V::splat(static_cast<typename V::T>(0x1.9884533d43651p-2));
  return fma(x, density, n.cdf);
}

template <class V>
FC_INLINE V gelu_tanh_slope(V x) {
  using C = GeluTanh<typename V::T>;
  // Long before 64 the slope has become 0 or 1; the square of a very large x would overflow.
  const V limit = V::splat(64);
  const V near = max(V::zero() - limit, min(limit, x)), square = near * near;
  const Logistic<V> s = logistic(near * fma(square, V::splat(C::kCubic), V::splat(C::kLinear)));
  const V inner = fma(square, V::splat(3 * C::kCubic), V::splat(C::kLinear));
  return fma(x * s.complement * s.value, inner, s.value);
}

// dx[i] = f(x[i], dy[i]); dx may be either.
template <class V, class F>
FC_INLINE void map_rows(const typename V::T* x, const typename V::T* dy, typename V::T* dx,
                        index_t n, F f) {
  index_t i = 0;
  for (; i + V::lanes <= n; i += V::lanes) f(V::load(x + i), V::load(dy + i)).store(dx + i);
  if (i < n) {
    const int tail = static_cast<int>(n - i);
    f(V::load_n(x + i, tail), V::load_n(dy + i, tail)).store_n(dx + i, tail);
  }
}

template <class V>
void activate_grad(Activation activation, const typename V::T* x, const typename V::T* dy,
                   typename V::T* dx, index_t n, typename V::T slope) noexcept {
  switch (activation) {
    case Activation::none:
      return map_rows<V>(x, dy, dx, n, [](V, V g) { return g; });
    case Activation::relu:
      return map_rows<V>(x, dy, dx, n, [](V v, V g) { return relu_grad(v, g); });
    case Activation::relu6:
      return map_rows<V>(x, dy, dx, n, [](V v, V g) { return relu6_grad(v, g); });
    case Activation::leaky_relu:
      return map_rows<V>(x, dy, dx, n, [s = V::splat(slope)](V v, V g) {
        return select(less(V::zero(), v), g, g * s);
      });
    case Activation::sigmoid:
      return map_rows<V>(x, dy, dx, n, [](V v, V g) {
        const Logistic<V> s = logistic(v);
        return g * (s.value * s.complement);
      });
    case Activation::tanh:
      return map_rows<V>(x, dy, dx, n, [](V v, V g) { return g * tanh_slope(v); });
    case Activation::silu:
      return map_rows<V>(x, dy, dx, n, [](V v, V g) { return g * silu_slope(v); });
    case Activation::gelu:
      return map_rows<V>(x, dy, dx, n, [](V v, V g) { return g * gelu_slope(v); });
    case Activation::gelu_tanh:
      return map_rows<V>(x, dy, dx, n, [](V v, V g) { return g * gelu_tanh_slope(v); });
  }
}

// The same from y = activation(x). It is the caller's error to ask for an activation whose
// derivative does not follow from y: that gives NaN.
template <class V>
void activate_grad_from_output(Activation activation, const typename V::T* y,
                               const typename V::T* dy, typename V::T* dx, index_t n,
                               typename V::T slope) noexcept {
  const V one = V::splat(1);
  switch (activation) {
    case Activation::none:
    case Activation::relu:  // of these, the derivative at y is the one at x
    case Activation::relu6:
    case Activation::leaky_relu:
      return activate_grad<V>(activation, y, dy, dx, n, slope);
    case Activation::sigmoid:
      return map_rows<V>(y, dy, dx, n, [one](V v, V g) { return g * (v * (one - v)); });
    case Activation::tanh:
      return map_rows<V>(y, dy, dx, n, [one](V v, V g) { return g * ((one - v) * (one + v)); });
    default:
      return map_rows<V>(y, dy, dx, n, [](V v, V) { return (v - v) / V::zero(); });
  }
}

}  // namespace fastconv::FC_ISA
