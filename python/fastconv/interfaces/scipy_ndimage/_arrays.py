"""What calls are given: arrays, modes, origins; and what only SciPy takes or refuses."""

from __future__ import annotations

import numbers
import operator
from typing import Any, TypeAlias

import numpy as np

__all__ = ["BORDERS", "FAST", "REAL", "Array", "Elsewhere", "axes_of", "each", "result_for"]

Array: TypeAlias = np.ndarray[Any, np.dtype[Any]]


class Elsewhere(Exception):
    """Raised where SciPy is to compute, or to refuse, a call."""


# What the kernels read and write; other real numbers go through float64, as in SciPy.
FAST = {np.dtype(t): t for t in (np.uint8, np.int16, np.uint16, np.float32, np.float64)}
REAL = frozenset(
    np.dtype(t)
    for t in (
        np.bool_, np.int8, np.int16, np.int32, np.int64, np.uint8, np.uint16, np.uint32, np.uint64,
        np.float32, np.float64,
    )
)  # fmt: skip

# The numbers of PadMode in csrc/core/types.h.
BORDERS = {
    "reflect": 4,
    "grid-mirror": 4,
    "mirror": 1,
    "nearest": 2,
    "wrap": 3,
    "grid-wrap": 3,
    "constant": 0,
    "grid-constant": 0,
}


def source_of(input: Any) -> Array:
    """`input` as an array of real numbers that is not empty."""
    x = input if type(input) is np.ndarray else np.asarray(input)
    if x.dtype not in REAL or x.size == 0 or x.ndim == 0:
        raise Elsewhere
    return x


def result_for(output: Any, x: Array) -> Array:
    """Return the array that `output` says, new ones not written yet."""
    if output is None:
        return np.empty(x.shape, x.dtype)
    if isinstance(output, type | np.dtype):
        y = np.empty(x.shape, output)
    elif isinstance(output, np.ndarray) and output.shape == x.shape and output.flags.writeable:
        y = output if type(output) is np.ndarray else np.asarray(output)
    else:
        raise Elsewhere
    # A number that is cut to a bool is not what NumPy's conversion makes of it.
    if y.dtype not in REAL or y.dtype == np.bool_:
        raise Elsewhere
    return y


def each(value: Any, n: int) -> list[Any]:
    """One value for each of n axes."""
    if isinstance(value, str) or not np.iterable(value):
        return [value] * n
    values = list(value)
    if len(values) != n:
        raise Elsewhere
    return values


def axes_of(axes: Any, ndim: int) -> tuple[int, ...]:
    """The axes that are filtered, none of them negative."""
    if axes is None:
        return tuple(range(ndim))
    try:
        found = tuple(map(operator.index, axes if np.iterable(axes) else (axes,)))
    except TypeError:
        raise Elsewhere from None
    if any(not -ndim <= a < ndim for a in found):
        raise Elsewhere
    found = tuple(a % ndim for a in found)
    if len(set(found)) != len(found):
        raise Elsewhere
    return found


def axis_of(axis: Any, ndim: int) -> int:
    """`axis`, not negative."""
    return axes_of(axis, ndim)[0]


def border_of(mode: Any) -> int:
    """The number of a mode."""
    if not isinstance(mode, str) or mode not in BORDERS:
        raise Elsewhere
    return BORDERS[mode]


def constant_of(cval: Any) -> float:
    """`cval` as a float."""
    if isinstance(cval, numbers.Real):  # NumPy's floats and integers are, its bools are not
        return float(cval)
    raise Elsewhere


def before_of(size: int, origin: Any) -> int:
    """How many places of a filter lie before the one that is written."""
    if not hasattr(origin, "__index__"):
        raise Elsewhere
    before = size // 2 + operator.index(origin)
    if not 0 <= before < size:
        raise Elsewhere
    return before
