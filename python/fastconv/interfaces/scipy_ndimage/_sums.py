"""Weighted sums: along an axis, with a kernel of any shape, Gaussians and means."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

import numpy as np

from ._arrays import (
    Array,
    Elsewhere,
    axes_of,
    axis_of,
    before_of,
    border_of,
    constant_of,
    each,
    result_for,
    source_of,
)
from ._run import run, run_plane
from ._steps import Step, total, weigh
from ._theirs import ours_or_theirs

__all__ = [
    "convolve",
    "convolve1d",
    "correlate",
    "correlate1d",
    "gaussian_filter",
    "gaussian_filter1d",
    "uniform_filter",
    "uniform_filter1d",
]


def weights_of(weights: Any) -> Array:
    """Real weights as float64."""
    w = np.asarray(weights)
    if w.dtype.kind not in "biuf" or w.size == 0:
        raise Elsewhere
    return np.ascontiguousarray(w, np.float64)


def _correlated(
    input: Any, weights: Array, axis: Any, output: Any, mode: Any, cval: Any, origin: Any
) -> Array:
    x = source_of(input)
    if weights.ndim != 1:
        raise Elsewhere
    step = weigh(
        axis_of(axis, x.ndim), weights, before_of(len(weights), origin), border_of(mode)
    )  # fmt: skip
    return run(x, [step], result_for(output, x), constant_of(cval))


@ours_or_theirs
def correlate1d(
    input: Any, weights: Any, axis: int = -1, output: Any = None, mode: str = "reflect",
    cval: float = 0.0, origin: int = 0,
) -> Array:  # fmt: skip
    """Correlate along one axis."""
    return _correlated(input, weights_of(weights), axis, output, mode, cval, origin)


@ours_or_theirs
def convolve1d(
    input: Any, weights: Any, axis: int = -1, output: Any = None, mode: str = "reflect",
    cval: float = 0.0, origin: int = 0,
) -> Array:  # fmt: skip
    """Convolve along one axis."""
    w = weights_of(weights)[::-1].copy()
    return _correlated(
        input, w, axis, output, mode, cval, -origin - (1 if len(w) % 2 == 0 else 0)
    )  # fmt: skip


@lru_cache(maxsize=64)
def _gaussian(sigma: float, order: int, radius: int) -> Array:
    """Samples of a Gaussian that sum to 1, times the polynomial of its derivative.

    With phi' = -x / sigma**2 * phi the derivative of q * phi is (q' - x / sigma**2 * q) * phi.
    """
    variance = sigma * sigma
    x = np.arange(-radius, radius + 1)
    phi: Array = np.exp(-0.5 / variance * x**2)
    phi = phi / phi.sum()
    if order == 0:
        return phi
    powers = np.arange(order + 1)
    q = np.zeros(order + 1)
    q[0] = 1
    derive = np.diag(powers[1:], 1) + np.diag(np.ones(order) / -variance, -1)
    for _ in range(order):
        q = derive.dot(q)
    turned: Array = ((x[:, None] ** powers).dot(q) * phi)[::-1].copy()
    return turned


def gaussian_weights(sigma: Any, order: Any, truncate: Any, radius: Any) -> Array:
    """The weights along one axis."""
    if order not in range(32) or not float(sigma) > 0:
        raise Elsewhere
    reach = int(truncate * float(sigma) + 0.5) if radius is None else radius
    if not hasattr(reach, "__index__") or reach < 0:
        raise Elsewhere
    return _gaussian(float(sigma), int(order), reach.__index__())


@ours_or_theirs
def gaussian_filter1d(
    input: Any, sigma: float, axis: int = -1, order: int = 0, output: Any = None,
    mode: str = "reflect", cval: float = 0.0, truncate: float = 4.0, *, radius: int | None = None,
) -> Array:  # fmt: skip
    """Correlate along one axis with a Gaussian or a derivative of one."""
    weights = gaussian_weights(sigma, order, truncate, radius)
    return _correlated(input, weights, axis, output, mode, cval, 0)


@ours_or_theirs
def gaussian_filter(
    input: Any, sigma: Any, order: Any = 0, output: Any = None, mode: Any = "reflect",
    cval: float = 0.0, truncate: float = 4.0, *, radius: Any = None, axes: Any = None,
) -> Array:  # fmt: skip
    """Correlate along several axes with Gaussians or their derivatives, in one pass over pairs."""
    x = source_of(input)
    chosen = axes_of(axes, x.ndim)
    n = len(chosen)
    steps: list[Step] = []
    for axis, s, o, m, r in zip(
        chosen, each(sigma, n), each(order, n), each(mode, n), each(radius, n), strict=True
    ):
        if s > 1e-15:
            w = gaussian_weights(s, o, truncate, r)
            steps.append(weigh(axis, w, len(w) // 2, border_of(m)))
    return run(x, steps, result_for(output, x), constant_of(cval))


@ours_or_theirs
def uniform_filter1d(
    input: Any, size: int, axis: int = -1, output: Any = None, mode: str = "reflect",
    cval: float = 0.0, origin: int = 0,
) -> Array:  # fmt: skip
    """Take means along one axis."""
    x = source_of(input)
    if not hasattr(size, "__index__") or size < 1:
        raise Elsewhere
    step = total(axis_of(axis, x.ndim), int(size), before_of(size, origin), border_of(mode))
    return run(x, [step], result_for(output, x), constant_of(cval))


@ours_or_theirs
def uniform_filter(
    input: Any, size: Any = 3, output: Any = None, mode: Any = "reflect", cval: float = 0.0,
    origin: Any = 0, *, axes: Any = None,
) -> Array:  # fmt: skip
    """Take means over boxes, in one pass over pairs of axes."""
    x = source_of(input)
    chosen = axes_of(axes, x.ndim)
    n = len(chosen)
    steps: list[Step] = []
    for axis, k, m, o in zip(
        chosen, each(size, n), each(mode, n), each(origin, n), strict=True
    ):  # fmt: skip
        if not hasattr(k, "__index__"):
            raise Elsewhere
        if k > 1:
            steps.append(total(axis, int(k), before_of(k, o), border_of(m)))
    return run(x, steps, result_for(output, x), constant_of(cval))


def _with_kernel(
    input: Any, weights: Any, output: Any, mode: Any, cval: Any, origin: Any, axes: Any,
    turned: bool,
) -> Array:  # fmt: skip
    """Correlate, or convolve, with a kernel that has at most two neighbouring axes."""
    x = source_of(input)
    w = weights_of(weights)
    chosen = axes_of(axes, x.ndim)
    if w.ndim != len(chosen):
        raise Elsewhere
    if chosen != tuple(sorted(chosen)):
        raise Elsewhere
    befores = []
    for size, o in zip(w.shape, each(origin, w.ndim), strict=True):
        before = before_of(size, o)
        befores.append(size - 1 - before if turned else before)
    if turned:
        w = w[(slice(None, None, -1),) * w.ndim]
    long = [i for i in range(w.ndim) if w.shape[i] > 1] or [0]
    first = chosen[long[0]]
    if len(long) > 2 or chosen[long[-1]] - first > 1:
        raise Elsewhere
    out = result_for(output, x)
    border, constant = border_of(mode), constant_of(cval)
    if x.ndim == 1:
        run_plane(x[None], w[None], 0, (0, befores[0]), border, out[None], constant)
        return out
    # A kernel of one axis is one of two, of which the other has length 1.
    if len(long) == 2:
        kernel = w.reshape(w.shape[long[0]], w.shape[long[1]])
        ahead = befores[long[0]], befores[long[1]]
    elif first + 1 < x.ndim:
        kernel, ahead = w.reshape(-1, 1), (befores[long[0]], 0)
    else:
        kernel, ahead, first = w.reshape(1, -1), (0, befores[long[0]]), first - 1
    return run_plane(x, kernel, first, ahead, border, out, constant)


@ours_or_theirs
def correlate(
    input: Any, weights: Any, output: Any = None, mode: str = "reflect", cval: float = 0.0,
    origin: Any = 0, *, axes: Any = None,
) -> Array:  # fmt: skip
    """Correlate with a kernel."""
    return _with_kernel(input, weights, output, mode, cval, origin, axes, turned=False)


@ours_or_theirs
def convolve(
    input: Any, weights: Any, output: Any = None, mode: str = "reflect", cval: float = 0.0,
    origin: Any = 0, *, axes: Any = None,
) -> Array:  # fmt: skip
    """Convolve with a kernel."""
    return _with_kernel(input, weights, output, mode, cval, origin, axes, turned=True)
