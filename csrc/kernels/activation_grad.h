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

// 0 up to -3, dy from 3 on, and between them dy (x / 3 + 1 / 2). PyTorch's scalar code, which runs
// for a few last elements, has dy where x is NaN; here it is NaN, as in its vector code.
template <class V>
FC_INLINE V hardswish_grad(V x, V dy) {
  using T = typename V::T;
  const V third = V::splat(static_cast<T>(0x1.5555555555555p-2)), half = V::splat(T(0.5));
  // The number before 3: what exceeds it is 3 or more.
  const V below = V::splat(sizeof(T) == 4 ? T(0x1.7ffffep+1) : T(0x1.7ffffffffffffp+1));
  const V inner = select(less(x, V::zero() - below), V::zero(), dy * fma(x, third, half));
  return select(less(below, x), dy, inner);
}

// dy / 6 between the kinks, 0 at them, beyond them and, as in PyTorch, where x is NaN.
template <class V>
FC_INLINE V hardsigmoid_grad(V x, V dy, V low, V high) {
  const V sixth = V::splat(static_cast<typename V::T>(0x1.5555555555555p-3));
  return select(less(low, x), select(less(x, high), dy * sixth, V::zero()), V::zero());
}

template <class V>
FC_INLINE V elu_grad(V x, V dy, V alpha) {
  const V slope = alpha * exp_nonpositive(min(V::zero(), x));
  return select(less(V::zero(), x), dy, dy * slope);
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
    case Activation::hardswish:
      return map_rows<V>(x, dy, dx, n, [](V v, V g) { return hardswish_grad(v, g); });
    case Activation::hardsigmoid:
      return map_rows<V>(x, dy, dx, n, [kink = V::splat(3)](V v, V g) {
        return hardsigmoid_grad(v, g, V::zero() - kink, kink);
      });
    case Activation::elu:
      return map_rows<V>(x, dy, dx, n,
                         [a = V::splat(slope)](V v, V g) { return elu_grad(v, g, a); });
    case Activation::softplus:
      return map_rows<V>(x, dy, dx, n, [](V v, V g) {
        return select(less(V::splat(20), v), g, g * logistic(v).value);
      });
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
    case Activation::hardsigmoid:
      return map_rows<V>(y, dy, dx, n,
                         [one](V v, V g) { return hardsigmoid_grad(v, g, V::zero(), one); });
    case Activation::elu:  // alpha e^x = y + alpha
      return map_rows<V>(y, dy, dx, n, [a = V::splat(slope)](V v, V g) {
        return select(less(V::zero(), v), g, g * (v + a));
      });
    case Activation::softplus:  // 1 - e^-y
      return map_rows<V>(y, dy, dx, n, [](V v, V g) {
        const V rest = expm1_nonpositive(V::zero() - v);
        return select(less(V::splat(20), v), g, g * (V::zero() - rest));
      });
    default:
      return map_rows<V>(y, dy, dx, n, [](V v, V) { return (v - v) / V::zero(); });
  }
}

}  // namespace fastconv::FC_ISA
