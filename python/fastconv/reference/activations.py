"""Activations, element by element, and softmax."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from ._layout import Array

# Infinities are ordinary arguments here, and what they lead to is no accident.
quietly = np.errstate(all="ignore")
Activation = str | tuple[str, npt.ArrayLike] | None


def real(x: npt.ArrayLike) -> Array:
    """`x` in float64."""
    return np.asarray(x, np.float64)


def normal_cdf(x: Array) -> Array:
    """The distribution function of the standard normal distribution."""
    return np.asarray(np.vectorize(math.erfc, otypes=[float])(-x / math.sqrt(2)) / 2)


def relu(x: npt.ArrayLike, /) -> Array:
    """Return ``max(x, 0)``; NaN stays NaN."""
    return np.asarray(np.maximum(real(x), 0))


def relu6(x: npt.ArrayLike, /) -> Array:
    """Return ``min(max(x, 0), 6)``; NaN stays NaN."""
    return np.asarray(np.clip(real(x), 0, 6))


@quietly
def leaky_relu(x: npt.ArrayLike, /, negative_slope: float = 0.01) -> Array:
    """Return x where it is positive, else ``negative_slope * x``."""
    return np.where(real(x) > 0, real(x), negative_slope * real(x))


@quietly
def sigmoid(x: npt.ArrayLike, /) -> Array:
    """Return ``1 / (1 + exp(-x))``."""
    return np.asarray(np.exp(-np.logaddexp(0, -real(x))))


def tanh(x: npt.ArrayLike, /) -> Array:
    """Return the hyperbolic tangent."""
    return np.asarray(np.tanh(real(x)))


@quietly
def silu(x: npt.ArrayLike, /) -> Array:
    """Return ``x * sigmoid(x)``."""
    return np.asarray(real(x) * sigmoid(x))


@quietly
def gelu(x: npt.ArrayLike, /, approximate: str = "none") -> Array:
    """Return ``x * cdf(x)`` of the standard normal distribution, or its "tanh" approximation.

    Hendrycks and Gimpel, "Gaussian error linear units", 2016.

    Examples
    --------
    >>> float(gelu(1.0).round(6)), float(gelu(1.0, approximate="tanh").round(6))
    (0.841345, 0.841192)
    """
    x = real(x)
    if approximate == "tanh":
        return np.asarray(x / 2 * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))))
    if approximate != "none":
        raise ValueError(f"approximate must be 'none' or 'tanh', got {approximate!r}")
    return np.asarray(x * normal_cdf(x))


def slopes_of(x: Array, weight: npt.ArrayLike, data_format: str) -> Array:
    """The slopes of `prelu` in a shape that broadcasts with x: channels are axis 1 or the last."""
    slopes = real(weight)
    if slopes.size == 1 or x.ndim < 2:
        return slopes.reshape(-1)[:1] if x.ndim else slopes.reshape(())
    shape = [1] * x.ndim
    shape[1 if data_format == "channels_first" else -1] = slopes.size
    return slopes.reshape(shape)


@quietly
def prelu(
    x: npt.ArrayLike, /, weight: npt.ArrayLike, *, data_format: str = "channels_first"
) -> Array:
    """Return x where it is positive, else x times the slope of its channel.

    He et al., "Delving deep into rectifiers", 2015.

    Examples
    --------
    >>> prelu([[-2.0, -2.0]], [0.5, 0.25])
    array([[-1. , -0.5]])
    """
    x = real(x)
    return np.where(x > 0, x, slopes_of(x, weight, data_format) * x)


def hardsigmoid(x: npt.ArrayLike, /) -> Array:
    """Return ``min(max(x + 3, 0), 6) / 6``; NaN stays NaN."""
    return np.asarray(np.clip(real(x) + 3, 0, 6) / 6)


@quietly
def hardswish(x: npt.ArrayLike, /) -> Array:
    """Return ``x * hardsigmoid(x)``."""
    return np.asarray(real(x) * hardsigmoid(x))


@quietly
def elu(x: npt.ArrayLike, /, alpha: float = 1.0) -> Array:
    """Return x where it is positive, else ``alpha * (exp(x) - 1)``."""
    return np.where(real(x) > 0, real(x), alpha * np.expm1(real(x)))


@quietly
def softplus(x: npt.ArrayLike, /) -> Array:
    """Return ``log(1 + exp(x))``, and x itself beyond 20."""
    return np.where(real(x) > 20, real(x), np.logaddexp(0, real(x)))


@quietly
def softmax(x: npt.ArrayLike, /, axis: int = -1) -> Array:
    """Return ``exp(x) / sum(exp(x))`` along `axis`, shifted by the maximum so as not to overflow.

    Examples
    --------
    >>> softmax([1000.0, 1000.0])
    array([0.5, 0.5])
    """
    x = real(x)
    e = np.exp(x - x.max(axis, keepdims=True, initial=-np.inf))
    return np.asarray(e / e.sum(axis, keepdims=True))


NAMES: dict[str, Callable[..., Array]] = {
    f.__name__: f
    for f in (
        relu, relu6, leaky_relu, prelu, sigmoid, tanh, silu, gelu, hardsigmoid, hardswish, elu,
        softplus,
    )
}  # fmt: skip


def named(activation: str | tuple[str, npt.ArrayLike]) -> tuple[str, tuple[Any, ...]]:
    """An activation's name and its arguments."""
    name, *arguments = (activation,) if isinstance(activation, str) else activation
    if name not in NAMES:
        raise ValueError(f"activation must be None or one of {', '.join(NAMES)}, got {name!r}")
    return str(name), tuple(arguments)


def activate(y: Array, activation: Activation, data_format: str = "channels_first") -> Array:
    """Apply an activation given as the convolutions take it: None, a name, or with a parameter."""
    if activation is None:
        return y
    name, arguments = named(activation)
    if name == "prelu":
        return prelu(y, *arguments, data_format=data_format)
    return NAMES[name](y, *arguments)
