"""Gradients of the activations, given the gradient of the output and the input."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .. import activations as forward
from .._layout import Array
from ..activations import Activation, named, normal_cdf, quietly, real, slopes_of


def relu(grad_output: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    """`grad_output`, but 0 where x <= 0."""
    return np.where(real(x) <= 0, 0, real(grad_output))


def relu6(grad_output: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    """`grad_output`, but 0 where x <= 0 or x >= 6."""
    return np.where((real(x) <= 0) | (real(x) >= 6), 0, real(grad_output))


@quietly
def leaky_relu(grad_output: npt.ArrayLike, x: npt.ArrayLike, negative_slope: float = 0.01) -> Array:
    """`grad_output`, times `negative_slope` where x is not positive."""
    return np.where(real(x) > 0, real(grad_output), negative_slope * real(grad_output))


@quietly
def sigmoid(grad_output: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    """`grad_output` times ``sigmoid(x) * sigmoid(-x)``."""
    return np.asarray(real(grad_output) * forward.sigmoid(x) * forward.sigmoid(-real(x)))


@quietly
def tanh(grad_output: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    """`grad_output` times ``1 - tanh(x)**2``."""
    return np.asarray(real(grad_output) * (1 - np.tanh(real(x)) ** 2))


@quietly
def silu(grad_output: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    """`grad_output` times ``sigmoid(x) * (1 + x * sigmoid(-x))``."""
    x = real(x)
    slope = forward.sigmoid(x) * (1 + x * forward.sigmoid(-x))
    return np.asarray(real(grad_output) * slope)


@quietly
def gelu(grad_output: npt.ArrayLike, x: npt.ArrayLike, approximate: str = "none") -> Array:
    """`grad_output` times ``cdf(x) + x * density(x)``, or the slope of the approximation."""
    x = real(x)
    if approximate == "tanh":
        t = np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))
        inner = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * x**2)
        return np.asarray(real(grad_output) * ((1 + t) / 2 + x / 2 * (1 - t**2) * inner))
    if approximate != "none":
        raise ValueError(f"approximate must be 'none' or 'tanh', got {approximate!r}")
    density = np.exp(-(x**2) / 2) / math.sqrt(2 * math.pi)
    return np.asarray(real(grad_output) * (normal_cdf(x) + x * density))


@quietly
def prelu(
    grad_output: npt.ArrayLike, x: npt.ArrayLike, weight: npt.ArrayLike, *,
    data_format: str = "channels_first",
) -> tuple[Array, Array]:  # fmt: skip
    """`grad_output`, times the slope where x is not positive; and what of it is the slope's.

    Examples
    --------
    >>> prelu([[1.0, 1.0], [2.0, 2.0]], [[-1.0, 5.0], [-3.0, -4.0]], [0.5, 0.25])
    (array([[0.5, 1. ],
           [1. , 0.5]]), array([-7., -8.]))
    """
    x, dy, slopes = real(x), real(grad_output), slopes_of(real(x), weight, data_format)
    share = np.where(x > 0, 0, dy * x)
    axes = tuple(i for i in range(x.ndim) if slopes.ndim < 2 or slopes.shape[i] == 1)
    one = np.size(weight) == 1
    d_weight = share.sum() if one else share.sum(axes)
    return np.where(x > 0, dy, slopes * dy), np.asarray(d_weight).reshape(np.shape(weight))


def hardsigmoid(grad_output: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    """A sixth of `grad_output` where -3 < x < 3, else 0."""
    return np.where((real(x) > -3) & (real(x) < 3), real(grad_output) / 6, 0)


@quietly
def hardswish(grad_output: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    """`grad_output` times ``x / 3 + 1 / 2``, but 0 up to x = -3 and `grad_output` from 3 on."""
    x, dy = real(x), real(grad_output)
    return np.where(x <= -3, 0, np.where(x >= 3, dy, dy * (x / 3 + 0.5)))


@quietly
def elu(grad_output: npt.ArrayLike, x: npt.ArrayLike, alpha: float = 1.0) -> Array:
    """`grad_output`, times ``alpha * exp(x)`` where x is not positive."""
    return np.where(real(x) > 0, 1, alpha * np.exp(real(x))) * real(grad_output)


@quietly
def softplus(grad_output: npt.ArrayLike, x: npt.ArrayLike) -> Array:
    """`grad_output` times ``sigmoid(x)``, and itself beyond x = 20."""
    return np.where(real(x) > 20, 1, forward.sigmoid(x)) * real(grad_output)


@quietly
def softmax(grad_output: npt.ArrayLike, x: npt.ArrayLike, axis: int = -1) -> Array:
    """``y * (grad_output - sum(grad_output * y))`` along `axis`, where y is ``softmax(x)``."""
    dy, y = real(grad_output), forward.softmax(x, axis)
    return np.asarray(y * (dy - (dy * y).sum(axis, keepdims=True)))


@quietly
def from_output(
    grad_output: npt.ArrayLike, output: npt.ArrayLike | None, activation: Activation,
    axis: int,
) -> Array:  # fmt: skip
    """Pass through a fused activation whose slope follows from what it gave out.

    Channels are the arrays' axis `axis`.
    """
    dy = real(grad_output)
    if activation is None:
        return dy
    name, arguments = named(activation)
    negative = name in ("leaky_relu", "prelu", "elu") and not (real(arguments or 1) >= 0).all()
    if name in ("silu", "gelu", "hardswish") or negative or output is None:
        raise ValueError(f"the gradient of {name!r} does not follow from output, got {output!r}")
    y = real(output)
    if name == "sigmoid":
        return np.asarray(dy * y * (1 - y))
    if name == "tanh":
        return np.asarray(dy * (1 - y**2))
    if name == "hardsigmoid":
        return np.where((y > 0) & (y < 1), dy / 6, 0)
    if name == "elu":
        return np.where(y > 0, dy, dy * (y + (arguments or (1,))[0]))
    if name == "softplus":
        return np.asarray(np.where(y > 20, dy, -dy * np.expm1(-y)))
    if name == "prelu":
        slopes = real(arguments[0]).reshape(-1, *(1,) * (-1 - axis))
        return np.where(y > 0, dy, slopes * dy)
    return {"relu": relu, "relu6": relu6, "leaky_relu": leaky_relu}[name](dy, y, *arguments)


NAMES: dict[str, Callable[..., Array]] = {
    f.__name__: f
    for f in (
        relu,
        relu6,
        leaky_relu,
        sigmoid,
        tanh,
        silu,
        gelu,
        hardsigmoid,
        hardswish,
        elu,
        softplus,
    )
}


def from_input(
    grad_output: npt.ArrayLike, x: npt.ArrayLike, activation: Activation, data_format: str
) -> Array:
    """Pass through an activation that was applied to `x`, whose axes are in `data_format`."""
    if activation is None:
        return real(grad_output)
    name, arguments = named(activation)
    if name == "prelu":
        return prelu(grad_output, x, *arguments, data_format=data_format)[0]
    return NAMES[name](grad_output, x, *arguments)
