"""Gradients of the activations, given the gradient of the output and the input."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from .. import activations as forward
from .._layout import Array
from ..activations import Activation, named, normal_cdf, quietly, real


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
def softmax(grad_output: npt.ArrayLike, x: npt.ArrayLike, axis: int = -1) -> Array:
    """``y * (grad_output - sum(grad_output * y))`` along `axis`, where y is ``softmax(x)``."""
    dy, y = real(grad_output), forward.softmax(x, axis)
    return np.asarray(y * (dy - (dy * y).sum(axis, keepdims=True)))


@quietly
def from_output(
    grad_output: npt.ArrayLike, output: npt.ArrayLike | None, activation: Activation
) -> Array:
    """Pass through a fused activation whose slope follows from what it gave out."""
    dy = real(grad_output)
    if activation is None:
        return dy
    name, arguments = named(activation)
    if name in ("silu", "gelu") or output is None:
        raise ValueError(f"the gradient of {name!r} does not follow from output, got {output!r}")
    y = real(output)
    if name == "sigmoid":
        return np.asarray(dy * y * (1 - y))
    if name == "tanh":
        return np.asarray(dy * (1 - y**2))
    return {"relu": relu, "relu6": relu6, "leaky_relu": leaky_relu}[name](dy, y, *arguments)


NAMES: dict[str, Callable[..., Array]] = {
    f.__name__: f for f in (relu, relu6, leaky_relu, sigmoid, tanh, silu, gelu)
}


def from_input(grad_output: npt.ArrayLike, x: npt.ArrayLike, activation: Activation) -> Array:
    """Pass through an activation that was applied to `x`."""
    if activation is None:
        return real(grad_output)
    name, arguments = named(activation)
    return NAMES[name](grad_output, x, *arguments)
