"""Minima and maxima over boxes, and the morphology of grey images that is made of them."""

from __future__ import annotations

import warnings
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
from ._run import run
from ._steps import LARGER, SMALLER, Step, extreme
from ._theirs import ours_or_theirs

__all__ = [
    "grey_closing",
    "grey_dilation",
    "grey_erosion",
    "grey_opening",
    "maximum_filter",
    "maximum_filter1d",
    "minimum_filter",
    "minimum_filter1d",
]


def _line(
    kind: int, input: Any, size: Any, axis: Any, output: Any, mode: Any, cval: Any, origin: Any
) -> Array:
    x = source_of(input)
    if not hasattr(size, "__index__") or size < 1:
        raise Elsewhere
    step = extreme(axis_of(axis, x.ndim), kind, int(size), before_of(size, origin), border_of(mode))
    return run(x, [step], result_for(output, x), constant_of(cval))


@ours_or_theirs
def minimum_filter1d(
    input: Any, size: int, axis: int = -1, output: Any = None, mode: str = "reflect",
    cval: float = 0.0, origin: int = 0,
) -> Array:  # fmt: skip
    """Take minima along one axis."""
    return _line(SMALLER, input, size, axis, output, mode, cval, origin)


@ours_or_theirs
def maximum_filter1d(
    input: Any, size: int, axis: int = -1, output: Any = None, mode: str = "reflect",
    cval: float = 0.0, origin: int = 0,
) -> Array:  # fmt: skip
    """Take maxima along one axis."""
    return _line(LARGER, input, size, axis, output, mode, cval, origin)


def box_of(size: Any, footprint: Any, structure: Any, n: int) -> list[int]:
    """The lengths of a flat box; any other shape is SciPy's."""
    if structure is not None:
        raise Elsewhere
    if footprint is None:
        if size is None:
            raise Elsewhere
        sizes = each(size, n)
    else:
        flat = np.asarray(footprint, bool)
        if size is not None or flat.ndim != n or not flat.all() or flat.size == 0:
            raise Elsewhere
        sizes = list(flat.shape)
    if not all(hasattr(s, "__index__") for s in sizes):
        raise Elsewhere
    return [int(s) for s in sizes]


def _box(
    kind: int, input: Any, size: Any, footprint: Any, structure: Any, output: Any, mode: Any,
    cval: Any, origin: Any, axes: Any, turned: bool = False,
) -> Array:  # fmt: skip
    x = source_of(input)
    chosen = axes_of(axes, x.ndim)
    n = len(chosen)
    sizes = box_of(size, footprint, structure, n)
    steps: list[Step] = []
    for axis, k, m, o in zip(chosen, sizes, each(mode, n), each(origin, n), strict=True):
        if turned:
            o = -o - (1 if k % 2 == 0 else 0)
        if k > 1:
            steps.append(extreme(axis, kind, k, before_of(k, o), border_of(m)))
    return run(x, steps, result_for(output, x), constant_of(cval))


@ours_or_theirs
def minimum_filter(
    input: Any, size: Any = None, footprint: Any = None, output: Any = None, mode: Any = "reflect",
    cval: float = 0.0, origin: Any = 0, *, axes: Any = None,
) -> Array:  # fmt: skip
    """Take minima over boxes."""
    return _box(SMALLER, input, size, footprint, None, output, mode, cval, origin, axes)


@ours_or_theirs
def maximum_filter(
    input: Any, size: Any = None, footprint: Any = None, output: Any = None, mode: Any = "reflect",
    cval: float = 0.0, origin: Any = 0, *, axes: Any = None,
) -> Array:  # fmt: skip
    """Take maxima over boxes."""
    return _box(LARGER, input, size, footprint, None, output, mode, cval, origin, axes)


@ours_or_theirs
def grey_erosion(
    input: Any, size: Any = None, footprint: Any = None, structure: Any = None, output: Any = None,
    mode: Any = "reflect", cval: float = 0.0, origin: Any = 0, *, axes: Any = None,
) -> Array:  # fmt: skip
    """Take minima over boxes."""
    return _box(SMALLER, input, size, footprint, structure, output, mode, cval, origin, axes)


@ours_or_theirs
def grey_dilation(
    input: Any, size: Any = None, footprint: Any = None, structure: Any = None, output: Any = None,
    mode: Any = "reflect", cval: float = 0.0, origin: Any = 0, *, axes: Any = None,
) -> Array:  # fmt: skip
    """Take maxima over boxes, mirrored as morphology wants it."""
    return _box(
        LARGER, input, size, footprint, structure, output, mode, cval, origin, axes, turned=True
    )  # fmt: skip


def _twice(first: Any, second: Any, input: Any, size: Any, footprint: Any, structure: Any,
           output: Any, mode: Any, cval: Any, origin: Any, axes: Any) -> Any:  # fmt: skip
    if size is not None and footprint is not None:
        warnings.warn("ignoring size because footprint is set", UserWarning, stacklevel=4)
        size = None
    between = first(input, size, footprint, structure, None, mode, cval, origin, axes=axes)
    return second(between, size, footprint, structure, output, mode, cval, origin, axes=axes)


def grey_opening(
    input: Any, size: Any = None, footprint: Any = None, structure: Any = None, output: Any = None,
    mode: Any = "reflect", cval: float = 0.0, origin: Any = 0, *, axes: Any = None,
) -> Any:  # fmt: skip
    """Take minima, then maxima of these.

    The arguments are those of ``scipy.ndimage.grey_opening``.
    """
    return _twice(
        grey_erosion, grey_dilation, input, size, footprint, structure, output, mode, cval, origin,
        axes,
    )  # fmt: skip


def grey_closing(
    input: Any, size: Any = None, footprint: Any = None, structure: Any = None, output: Any = None,
    mode: Any = "reflect", cval: float = 0.0, origin: Any = 0, *, axes: Any = None,
) -> Any:  # fmt: skip
    """Take maxima, then minima of these.

    The arguments are those of ``scipy.ndimage.grey_closing``.
    """
    return _twice(
        grey_dilation, grey_erosion, input, size, footprint, structure, output, mode, cval, origin,
        axes,
    )  # fmt: skip
