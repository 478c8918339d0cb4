"""A filter along one axis, as kernels take it, and what has to be known to choose them."""

from __future__ import annotations

from functools import lru_cache
from typing import Any, NamedTuple

import numpy as np

from ._arrays import Array

__all__ = ["LARGER", "NONE", "SMALLER", "TOTAL", "WEIGH", "Step", "extreme", "total", "weigh"]

# The numbers of Kind in csrc/algorithms/filter/problem.h.
NONE, WEIGH, TOTAL, LARGER, SMALLER = range(5)

_EPSILON = float(np.finfo(np.float64).eps)


class Step(NamedTuple):
    """The filter of one axis."""

    axis: int
    native: tuple[int, Any, int, int, int]  # kind, weights or size, before, places, border
    kind: int
    gain: float  # of a sum: the largest magnitude for inputs of at most 1; 0 if it has no bound
    integral: bool  # whether a sum of integers is one


class _Weights(NamedTuple):
    weights: Array
    places: int
    gain: float
    integral: bool


def _judge(weights: Array) -> _Weights:
    """What SciPy makes of symmetric weights, and how large sums become."""
    size, half = len(weights), len(weights) // 2
    places = 0
    if size % 2:
        left, right = weights[:half][::-1], weights[half + 1 :]
        if bool(np.all(np.abs(right - left) <= _EPSILON)):
            places = 1
        elif bool(np.all(np.abs(right + left) <= _EPSILON)):
            places = 2
    gain = float(np.abs(weights).sum())
    return _Weights(weights, places, gain, bool(np.all(weights == np.rint(weights))))


@lru_cache(maxsize=256)
def _remembered(data: bytes) -> _Weights:
    return _judge(np.frombuffer(data))


def weigh(axis: int, weights: Array, before: int, border: int) -> Step:
    """A weighted sum; `weights` are float64, one axis, not empty."""
    w = _remembered(weights.tobytes()) if len(weights) <= 64 else _judge(weights)
    native = (WEIGH, w.weights, before, w.places, border)
    return Step(axis, native, WEIGH, w.gain, w.integral)


def total(axis: int, size: int, before: int, border: int) -> Step:
    """The mean over `size` places."""
    return Step(axis, (TOTAL, size, before, 0, border), TOTAL, size, True)


def extreme(axis: int, kind: int, size: int, before: int, border: int) -> Step:
    """The largest or smallest of `size` places."""
    return Step(axis, (kind, size, before, 0, border), kind, 1, True)
