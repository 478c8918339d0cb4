"""Steps become passes over images, each in the type that its results need.

Results are those of SciPy, which computes in float64 and keeps what lies between two axes in the
dtype of the output. Integers are equal to SciPy's. float32 is computed in float32.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from ._arrays import FAST, Array, Elsewhere
from ._recipes import pass_over
from ._steps import LARGER, NONE, SMALLER, TOTAL, Step

__all__ = ["run", "run_plane"]

_IDLE = (NONE, 1, 0, 0, 0)
# How to compute, as csrc/bindings/bind_filter.cpp has it.
_FLOAT32, _FLOAT64, _NATIVE, _EXACTLY = range(4)
_EXACT_IN_FLOAT32 = 2.0**24
# A pixel of more neighbouring elements is not filtered along with its row.
_DEEPEST = 64

Shape4 = tuple[int, int, int, int]


def _most(dtype: np.dtype[Any]) -> float:
    return float(np.iinfo(dtype).max) + 1


def _how(steps: Sequence[Step], source: np.dtype[Any], target: np.dtype[Any], cval: float) -> int:
    """What a pass over the kernels' dtypes computes in."""
    kinds = {s.kind for s in steps}
    if target.kind == "f":
        if 8 not in (source.itemsize, target.itemsize):
            return _FLOAT32
        return _FLOAT64 if TOTAL in kinds else _EXACTLY
    if source.kind == "f":
        if TOTAL in kinds:
            raise Elsewhere  # SciPy's sums are moved from place to place, and rounded on the way
        return _EXACTLY
    if all(s.integral for s in steps) and cval == int(cval):
        most = max(_most(source), _most(target), abs(cval))
        if all(s.gain * most < _EXACT_IN_FLOAT32 for s in steps):
            return _FLOAT32
    return _FLOAT64 if kinds == {TOTAL} else _EXACTLY


def _swaps(first: Step, second: Step, target: np.dtype[Any], cval: float) -> bool:
    """Whether the order of two sums changes nothing but roundings."""
    if cval != 0 and 0 in (first.native[4], second.native[4]):
        return False
    return target.kind == "f" or (TOTAL not in (first.kind, second.kind)
                                  and first.integral and second.integral)  # fmt: skip


def _one(shape: tuple[int, ...], step: Step) -> tuple[Shape4, Any, Any]:
    """A pass along one axis."""
    before, behind = math.prod(shape[: step.axis]), math.prod(shape[step.axis + 1 :])
    n = shape[step.axis]
    if behind == 1:
        return (1, before, n, 1), _IDLE, step.native
    if behind <= 8:  # few elements: vectors reach over the pixels of a row
        return (1, before, n, behind), _IDLE, step.native
    return (before, n, behind, 1), step.native, _IDLE


def _passes(
    shape: tuple[int, ...], steps: Sequence[Step], target: np.dtype[Any], cval: float
) -> list[tuple[Shape4, Any, Any, Sequence[Step]]]:
    """Group steps: neighbouring axes are one pass, if the later one comes later or may do so."""
    passes: list[tuple[Shape4, Any, Any, Sequence[Step]]] = []
    i = 0
    while i < len(steps):
        pair = steps[i : i + 2]
        i += 1
        if len(pair) == 2:
            column, row = sorted(pair, key=lambda s: s.axis)
            depth = math.prod(shape[row.axis + 1 :])
            together = row.axis == column.axis + 1 and depth <= _DEEPEST
            if together and (column is pair[0] or _swaps(column, row, target, cval)):
                sizes = math.prod(shape[: column.axis]), shape[column.axis], shape[row.axis], depth
                passes.append((sizes, column.native, row.native, pair))
                i += 1
                continue
        passes.append((*_one(shape, pair[0]), pair[:1]))
    return passes


def _plain(x: Array) -> Array:
    """`x` without gaps, aligned, native: itself if it is all that."""
    flags = x.flags
    if flags.c_contiguous and flags.aligned and x.dtype.isnative:
        return x
    return np.require(x, x.dtype.newbyteorder("="), ["C", "A"])


def _usable(out: Array, x: Array) -> bool:
    flags = out.flags
    return bool(
        flags.c_contiguous and flags.aligned and out.dtype.isnative
        and not np.may_share_memory(out, x)
    )  # fmt: skip


def _compute(
    x: Array, steps: Sequence[Step], target: np.dtype[Any], cval: float, out: Array | None
) -> Array:
    """Run all passes over dtypes of the kernels; the last one writes to `out` if it can."""
    passes = _passes(x.shape, steps, target, cval)
    for k, (sizes, column, row, used) in enumerate(passes):
        last = k == len(passes) - 1
        y = out if last and out is not None and _usable(out, x) else np.empty(x.shape, target)
        how = _how(used, x.dtype, target, cval)
        pass_over(x, y, sizes, column, row, None, cval, how)
        x = y
    return x


def _extremes(x: Array, steps: Sequence[Step], cval: float, out: Array) -> Array:
    """Run all passes in the dtype of `x`, the last one to `out` if it can."""
    passes = _passes(x.shape, steps, np.dtype("f8"), cval)
    for k, (sizes, column, row, _) in enumerate(passes):
        direct = k == len(passes) - 1 and out.dtype == x.dtype and _usable(out, x)
        y = out if direct else np.empty(x.shape, x.dtype)
        pass_over(x, y, sizes, column, row, None, cval, _NATIVE)
        x = y
    return x


def _fits(cval: float, dtype: np.dtype[Any]) -> bool:
    """Whether a constant is an element of the dtype."""
    if dtype.kind == "f":
        return True
    info = np.iinfo(dtype)
    return cval == cval and info.min <= cval <= info.max and cval == int(cval)


def _cast(x: Array, out: Array) -> None:
    """Convert as C does: what is out of an integer's range wraps, as far as an int64 has it."""
    with np.errstate(invalid="ignore", over="ignore"):
        if x.dtype.kind != "f" or out.dtype.kind == "f":
            np.copyto(out, x, casting="unsafe")
        elif out.dtype == np.uint64:
            np.copyto(out, x, casting="unsafe", where=x >= 0)
            np.copyto(out, x.astype(np.int64), casting="unsafe", where=x < 0)
        else:
            np.copyto(out, x.astype(np.int64), casting="unsafe")


def _wide(x: Array, steps: Sequence[Step], out: Array, cval: float) -> None:
    """One axis after the other in float64, each result cast to the dtype of the output."""
    for step in steps:
        wide = np.require(x, np.float64, ["C", "A"])
        sizes, column, row = _one(x.shape, step)
        y = np.empty(x.shape)
        how = _NATIVE if step.kind in (LARGER, SMALLER) else _EXACTLY
        if step.kind == TOTAL and x.dtype.kind == "f" and out.dtype.kind != "f":
            raise Elsewhere
        pass_over(wide, y, sizes, column, row, None, cval, how)
        if out.dtype.kind == "f" or step is steps[-1]:
            x = y
        else:
            x = np.empty(x.shape, out.dtype)
            _cast(y, x)
    _cast(x, out)


def run(x: Array, steps: Sequence[Step], out: Array, cval: float) -> Array:
    """Filter `x` along the axes of `steps`, one after the other, into `out`."""
    if not steps:
        _cast(x, out)
        return out
    if x.dtype not in FAST or out.dtype not in FAST:
        _wide(x, steps, out, cval)
        return out
    if steps[0].kind in (LARGER, SMALLER):
        outside = any(s.native[4] == 0 for s in steps) and not _fits(cval, x.dtype)
        if outside or not np.can_cast(x.dtype, out.dtype):
            _wide(x, steps, out, cval)
            return out
        y = _extremes(_plain(x), steps, cval, out)
    else:
        y = _compute(_plain(x), steps, out.dtype, cval, out)
    if y is not out:
        _cast(y, out)
    return out


def run_plane(
    x: Array, weights: Array, axis: int, before: tuple[int, int], border: int, out: Array,
    cval: float,
) -> Array:  # fmt: skip
    """Correlate along axis and axis + 1 with a kernel of two axes."""
    h, w = weights.shape
    shape = x.shape
    sizes = math.prod(shape[:axis]), shape[axis], shape[axis + 1], math.prod(shape[axis + 2 :])
    flat = np.ascontiguousarray(weights).reshape(-1)
    gain = float(np.abs(flat).sum())
    integral = bool(np.all(flat == np.rint(flat)))
    as_step = (Step(axis, _IDLE, 1, gain, integral),)
    source, target = x, out
    if x.dtype not in FAST or out.dtype not in FAST:
        source, target = x.astype(np.float64), np.empty(shape)
        how = _EXACTLY
    else:
        source = _plain(x)
        how = _how(as_step, x.dtype, out.dtype, cval)
    if not _usable(target, source):
        target = np.empty(shape, target.dtype)
    column, row = (NONE, h, before[0], 0, border), (NONE, w, before[1], 0, border)
    pass_over(source, target, sizes, column, row, flat, cval, how)
    if target is not out:
        _cast(target, out)
    return out
