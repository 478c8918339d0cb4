"""Filters of images and signals by SciPy's names, against SciPy, scikit-image and OpenCV.

The truth is SciPy's own result, in float64 where the run's dtype is a float; of images of bytes
ours must be SciPy's bit for bit, and OpenCV's, which rounds and saturates, near the sum in float64.
The mode needs SciPy, and for templates scikit-image.
"""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np

import fastconv

from ..items.filters import FILTERS, Filter
from ..items.words import named
from ..peers.filters import BUILDERS, HOMES, arguments
from ..race.answers import Truth, bound
from ..race.contest import OURS, Row, Settings, contest, invite
from ..race.machine import Peak

Array = np.ndarray
OUR_HOMES = {"ndimage": "scipy_ndimage", "signal": "scipy_signal", "template": "skimage_feature"}
COEFFICIENT = 1e-4
"""How far a coefficient of a template may be off: OpenCV's are in float32."""
GAINS = {"sobel": 8.0}
"""The sum of the magnitudes of weights that are not drawn, where it is not 1."""
SEPARABLE = 64
"""Terms of a window of filters along both axes, at most."""
BYTE = 2.0
"""How far OpenCV's bytes may be from the sum: they are rounded, in fixed point, and saturate."""


def choose(settings: Settings) -> list[Filter]:
    """All of them that the words name."""
    return named(FILTERS, settings.only)


def prepare(item: Filter, settings: Settings) -> tuple[Array, ...]:
    """The array, and the weights, the taps or the template beside it."""
    rng = np.random.default_rng(7)
    dtype = item.dtype or settings.dtype
    if dtype == "uint8":
        x = rng.integers(0, 256, item.shape).astype(dtype)
    else:
        x = rng.standard_normal(item.shape, np.float32).astype(dtype)
    if not item.weights:
        return (x,)
    if item.home == "template":
        return x, x[300:, 400:][: item.weights[0], : item.weights[1]].copy()
    drawn = np.ones(item.weights) if item.even else rng.random(item.weights)
    return x, (drawn / drawn.sum()).astype(np.float32 if dtype == "uint8" else dtype)


def our_calls(item: Filter, arrays: tuple[Array, ...], _settings: Settings) -> dict[str, Any]:
    """fastconv's function, on the threads that are set when it is called."""
    home = import_module(f"fastconv.interfaces.{OUR_HOMES[item.home]}")
    function, given = getattr(home, item.what), arguments(item, arrays)
    return {OURS: lambda: function(*given)}


def truths(item: Filter, arrays: tuple[Array, ...]) -> dict[str, Truth]:
    """What contestants must find; those that have no key of their own, what "" has."""
    theirs = getattr(import_module(HOMES[item.home]), item.what)
    exact = theirs(*arguments(item, tuple(a.astype(np.float64) for a in arrays)))
    if item.home == "template":
        return {"": Truth(exact, np.full(exact.shape, COEFFICIENT))}
    nothing = np.finfo(np.float64).tiny
    if item.dtype:
        whole = theirs(*arguments(item, arrays)).astype(np.float64)
        near = Truth(np.clip(exact, 0, 255), np.full(exact.shape, BYTE))
        return {"": Truth(whole, np.full(whole.shape, nothing)), "opencv": near}
    if item.what == "maximum_filter":
        return {"": Truth(exact, np.full(exact.shape, nothing))}
    x, *weights = arrays
    gain = float(np.abs(weights[0]).sum()) if weights else GAINS.get(item.what, 1.0)
    terms = weights[0].size if weights else SEPARABLE
    size = np.full(exact.shape, gain * float(np.abs(x).max()))
    return {"": Truth(exact, bound(terms, x.dtype, size))}


def measure(item: Filter, settings: Settings, peak: Peak) -> Row:
    """One row; raises AssertionError if our answer is wrong."""
    arrays = prepare(item, settings)
    exact = truths(item, arrays)

    def judge(who: str, call: Callable[[], Any]) -> tuple[float, float]:
        answer = np.asarray(call(), np.float64)
        right = exact.get(who, exact[""])
        excess = right.excess(answer)
        return excess, right.l2(answer) if np.isfinite(excess) else np.inf

    with fastconv.threads(settings.threads):
        ours = our_calls(item, arrays, settings)
        theirs = invite(BUILDERS, item, arrays, settings)
        found = contest(item.name, ours, theirs, judge, settings, peak)
    facts: Row = {"family": item.family, "layer": item.name, "n": item.n}
    kind = f"{item.family}, uint8" if item.dtype else item.family
    return facts | {"kind": kind} | found
