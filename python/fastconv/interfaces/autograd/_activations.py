"""Activations: their derivatives are fastconv's; those of higher order are composed."""

from __future__ import annotations

from dataclasses import dataclass
from math import pi, sqrt
from typing import Any

import autograd.numpy as anp
from autograd.extend import defjvp, defvjp, primitive
from autograd.tracer import getval

import fastconv
from fastconv import grad
from fastconv.interfaces.autograd._tools import Function, like, named, refuse_out, traced

__all__ = [
    "activate",
    "elu",
    "gelu",
    "hardsigmoid",
    "hardswish",
    "leaky_relu",
    "prelu",
    "relu",
    "relu6",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "tanh",
]


@dataclass(frozen=True, eq=False)
class Kind:
    """An activation, what multiplies by its derivative, and its second derivative if any."""

    forward: Function
    times: Function
    second: Function | None


@primitive  # type: ignore[untyped-decorator]
def _act(x: Any, *, kind: Kind, rest: Any, options: Any) -> Any:
    return kind.forward(x, *rest, **options)


@primitive  # type: ignore[untyped-decorator]
def _times(g: Any, x: Any, *, kind: Kind, rest: Any, options: Any) -> Any:
    """``g`` times the derivative at ``x``."""
    return kind.times(g, x, *rest, **options)


def _twice(v: Any, g: Any, x: Any, *, kind: Kind, rest: Any, options: Any) -> Any:
    """``v * g`` times the second derivative at ``x``."""
    if kind.second is None:
        return v * 0
    parameters = {key: value for key, value in options.items() if key != "threads"}
    return v * g * kind.second(x, *rest, **parameters)


defvjp(_act, lambda _, x, **k: lambda g: _times(like(g, x), x, **k))
defjvp(_act, lambda v, _, x, **k: _times(v, x, **k))
defvjp(
    _times,
    lambda _, g, x, **k: lambda v: _times(like(v, x), x, **k),
    lambda _, g, x, **k: lambda v: _twice(like(v, x), g, x, **k),
)
defjvp(
    _times,
    lambda v, _, g, x, **k: _times(v, x, **k),
    lambda v, _, g, x, **k: _twice(v, g, x, **k),
)


def _activation(name: str, second: Function | None = None) -> Function:
    kind = Kind(getattr(fastconv, name), getattr(grad, name), second)

    def call(x: Any, *rest: Any, **options: Any) -> Any:
        refuse_out(options)
        return _act(x, kind=kind, rest=rest, options=options)

    return named(kind.forward, call)


def _sigmoid_2(x: Any) -> Any:
    s = sigmoid(x)
    return s * (1 - s) * (1 - 2 * s)


def _tanh_2(x: Any) -> Any:
    t = tanh(x)
    return -2 * t * (1 - t * t)


def _silu_2(x: Any) -> Any:
    s = sigmoid(x)
    return s * (1 - s) * (2 + x * (1 - 2 * s))


def _softplus_2(x: Any) -> Any:
    s = sigmoid(x)
    return s * (1 - s)


def _gelu_2(x: Any, approximate: str = "none") -> Any:
    if approximate == "none":
        return (2 - x * x) * anp.exp(-x * x / 2) / sqrt(2 * pi)
    # Of x/2 * (1 + t), t = tanh(u), u = sqrt(2/pi) * (x + 0.044715 * x**3).
    c, cubic = sqrt(2 / pi), 0.044715
    t = tanh(c * (x + cubic * x * x * x))
    u1, u2 = c * (1 + 3 * cubic * x * x), 6 * c * cubic * x
    return (1 - t * t) * (u1 + x / 2 * (u2 - 2 * t * u1 * u1))


def _elu_2(x: Any, alpha: float = 1.0) -> Any:
    return anp.where(x > 0, 0, alpha * anp.exp(anp.where(x > 0, 0, x)))


def _hardswish_2(x: Any) -> Any:
    return anp.where(anp.abs(x) < 3, 1 / 3, 0)


elu = _activation("elu", _elu_2)
gelu = _activation("gelu", _gelu_2)
hardsigmoid = _activation("hardsigmoid")
hardswish = _activation("hardswish", _hardswish_2)
leaky_relu = _activation("leaky_relu")
relu = _activation("relu")
relu6 = _activation("relu6")
sigmoid = _activation("sigmoid", _sigmoid_2)
silu = _activation("silu", _silu_2)
softplus = _activation("softplus", _softplus_2)
tanh = _activation("tanh", _tanh_2)


@primitive  # type: ignore[untyped-decorator]
def _softmax(x: Any, *, axis: int, threads: int | None) -> Any:
    return fastconv.softmax(x, axis, threads=threads)


def _softmax_times(g: Any, x: Any, y: Any, *, axis: int, threads: int | None) -> Any:
    """``g`` times the Jacobian, which is symmetric."""
    if not traced(g, x, y):
        return grad.softmax(g, x, axis, threads=threads)
    return y * (g - anp.sum(g * y, axis, keepdims=True))


defvjp(_softmax, lambda y, x, **k: lambda g: _softmax_times(like(g, x), x, y, **k))
defjvp(_softmax, lambda v, y, x, **k: _softmax_times(v, x, y, **k))


def _softmax_call(x: Any, axis: int = -1, *, threads: int | None = None) -> Any:
    return _softmax(x, axis=axis, threads=threads)


softmax = named(fastconv.softmax, _softmax_call)


@primitive  # type: ignore[untyped-decorator]
def _prelu(x: Any, weight: Any, *, threads: int | None, data_format: Any) -> Any:
    return fastconv.prelu(x, weight, threads=threads, data_format=data_format)


def _above(x: Any) -> Any:
    """1 where `x` is positive, else 0; gradients of autograd's ``where`` do not broadcast."""
    plain = getval(x)
    return (plain > 0).astype(plain.dtype)


def _by_element(weight: Any, x: Any, data_format: Any) -> Any:
    """The slopes in a shape that goes with `x`."""
    if weight.size > 1 and data_format == "channels_first":
        return anp.reshape(weight, (-1, *(1,) * (x.ndim - 2)))
    return weight


def _prelu_input(g: Any, x: Any, weight: Any, *, threads: int | None, data_format: Any) -> Any:
    if not traced(g, x, weight):
        return grad.prelu(g, x, weight, threads=threads, data_format=data_format)[0]
    above = _above(x)
    return g * (above + (1 - above) * _by_element(weight, x, data_format))


def _prelu_weight(g: Any, x: Any, weight: Any, *, threads: int | None, data_format: Any) -> Any:
    if not traced(g, x, weight):
        return grad.prelu(g, x, weight, threads=threads, data_format=data_format)[1]
    below = g * x * (1 - _above(x))
    if weight.size == 1:
        return anp.reshape(anp.sum(below), weight.shape)
    channel = 1 if data_format == "channels_first" else x.ndim - 1
    return anp.sum(below, tuple(i for i in range(x.ndim) if i != channel))


def _prelu_by_weight(v: Any, _: Any, x: Any, weight: Any, *, threads: Any, data_format: Any) -> Any:
    """The change of the result for a change ``v`` of the slopes."""
    return (1 - _above(x)) * x * _by_element(v, x, data_format)


defvjp(
    _prelu,
    lambda _, x, w, **k: lambda g: _prelu_input(like(g, x), x, w, **k),
    lambda _, x, w, **k: lambda g: _prelu_weight(like(g, x), x, w, **k),
)
defjvp(_prelu, lambda v, _, x, w, **k: _prelu_input(v, x, w, **k), _prelu_by_weight)


def _prelu_call(
    x: Any, weight: Any, *, threads: int | None = None, data_format: Any = "channels_first"
) -> Any:
    return _prelu(x, weight, threads=threads, data_format=data_format)


prelu = named(fastconv.prelu, _prelu_call)

_BY_NAME = {
    "relu": relu,
    "relu6": relu6,
    "leaky_relu": leaky_relu,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "silu": silu,
    "gelu": gelu,
    "hardswish": hardswish,
    "hardsigmoid": hardsigmoid,
    "elu": elu,
    "softplus": softplus,
}


def activate(y: Any, activation: Any, rank: int, data_format: str) -> Any:
    """Apply what a convolution of `rank` spatial axes has as `activation`."""
    if activation is None:
        return y
    pair: Any = (activation,) if isinstance(activation, str) else activation
    name, rest = pair[0], pair[1:]
    if name == "prelu":
        slopes = anp.reshape(rest[0], -1)
        if y.ndim == rank + 1:  # one sample: to prelu its first axis would be the batch
            return prelu(y[None], slopes, data_format=data_format)[0]
        return prelu(y, slopes, data_format=data_format)
    if name not in _BY_NAME:
        raise ValueError(f"activation must be one that fastconv.conv2d takes, got {activation!r}")
    return _BY_NAME[name](y, *rest)
