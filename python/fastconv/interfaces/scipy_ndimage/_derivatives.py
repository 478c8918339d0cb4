"""Derivatives, which are sums along the axes one after the other."""

from __future__ import annotations

from typing import Any

import numpy as np

from ._arrays import (
    Array,
    axes_of,
    axis_of,
    border_of,
    constant_of,
    each,
    result_for,
    source_of,
)
from ._run import run
from ._steps import Step, weigh
from ._sums import gaussian_weights
from ._theirs import ours_or_theirs

__all__ = ["gaussian_gradient_magnitude", "gaussian_laplace", "laplace", "prewitt", "sobel"]

_DIFFERENCE = np.array([-1.0, 0.0, 1.0])
_MEAN, _SMOOTH, _SECOND = np.ones(3), np.array([1.0, 2.0, 1.0]), np.array([1.0, -2.0, 1.0])


def _gradient(
    input: Any, axis: Any, output: Any, mode: Any, cval: Any, across: Array
) -> Array:  # fmt: skip
    x = source_of(input)
    along = axis_of(axis, x.ndim)
    modes = [border_of(m) for m in each(mode, x.ndim)]
    steps = [weigh(along, _DIFFERENCE, 1, modes[along])]
    steps += [weigh(i, across, 1, modes[i]) for i in range(x.ndim) if i != along]
    return run(x, steps, result_for(output, x), constant_of(cval))


@ours_or_theirs
def sobel(
    input: Any, axis: int = -1, output: Any = None, mode: Any = "reflect", cval: float = 0.0
) -> Array:
    """Take a difference along one axis, smoothed by 1, 2, 1 along the others."""
    return _gradient(input, axis, output, mode, cval, _SMOOTH)


@ours_or_theirs
def prewitt(
    input: Any, axis: int = -1, output: Any = None, mode: Any = "reflect", cval: float = 0.0
) -> Array:
    """Take a difference along one axis, added up over three places along the others."""
    return _gradient(input, axis, output, mode, cval, _MEAN)


def _summed(
    x: Array, output: Any, cval: Any, parts: list[list[Step]], squared: bool = False
) -> Array:
    """Add what several filters give, as SciPy does: in the dtype of the output."""
    out = result_for(output, x)
    constant = constant_of(cval)
    if not parts:
        np.copyto(out, x, casting="unsafe")
        return out
    # The input may be the output, and is read by each.
    first = np.empty(x.shape, out.dtype) if np.may_share_memory(x, out) else out
    run(x, parts[0], first, constant)
    if squared:
        np.multiply(first, first, first)
    for steps in parts[1:]:
        part = run(x, steps, np.empty(x.shape, out.dtype), constant)
        if squared:
            np.multiply(part, part, part)
        first += part
    if squared:
        np.sqrt(first, first, casting="unsafe")
    if first is not out:
        out[...] = first
    return out


@ours_or_theirs
def laplace(
    input: Any, output: Any = None, mode: Any = "reflect", cval: float = 0.0, *, axes: Any = None
) -> Array:
    """Add second differences along the axes."""
    x = source_of(input)
    chosen = axes_of(axes, x.ndim)
    parts = [
        [weigh(a, _SECOND, 1, border_of(m))]
        for a, m in zip(chosen, each(mode, len(chosen)), strict=True)
    ]
    return _summed(x, output, cval, parts)


def _gaussians(
    x: Array, sigma: Any, mode: Any, axes: Any, order: int, truncate: Any = 4.0, radius: Any = None
) -> list[list[Step]]:
    """For each axis the filters of all axes, of which this one's is a derivative."""
    chosen = axes_of(axes, x.ndim)
    n = len(chosen)
    sigmas = [0.0] * x.ndim
    for a, s in zip(chosen, each(sigma, n), strict=True):
        sigmas[a] = s
    radii = each(radius, x.ndim)
    parts = []
    for at, m in zip(chosen, each(mode, n), strict=True):
        border, steps = border_of(m), []
        for a in range(x.ndim):
            if sigmas[a] > 1e-15:
                w = gaussian_weights(sigmas[a], order if a == at else 0, truncate, radii[a])
                steps.append(weigh(a, w, len(w) // 2, border))
        parts.append(steps)
    return parts


@ours_or_theirs
def gaussian_laplace(
    input: Any, sigma: Any, output: Any = None, mode: Any = "reflect", cval: float = 0.0, *,
    axes: Any = None, **kwargs: Any,
) -> Array:  # fmt: skip
    """Add second derivatives of Gaussians along the axes."""
    x = source_of(input)
    return _summed(x, output, cval, _gaussians(x, sigma, mode, axes, 2, **kwargs))


@ours_or_theirs
def gaussian_gradient_magnitude(
    input: Any, sigma: Any, output: Any = None, mode: Any = "reflect", cval: float = 0.0, *,
    axes: Any = None, **kwargs: Any,
) -> Array:  # fmt: skip
    """Take the length of the gradient that derivatives of Gaussians give."""
    x = source_of(input)
    if axes is not None and len(axes_of(axes, x.ndim)) != x.ndim:
        raise TypeError("SciPy gives the other axes the same sigma")
    parts = _gaussians(x, sigma, mode, axes, 1, **kwargs)
    return _summed(x, output, cval, parts, squared=True)
