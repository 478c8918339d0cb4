"""Small calls: microseconds from Python to the result, where overhead outweighs arithmetic."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import fastconv
from fastconv import reference

from ..items.small import CASES, PLAN, Small
from ..items.words import named
from ..peers import FUNCTIONS, SESSIONS, small
from ..race.answers import Truth, truth
from ..race.contest import OURS, Row, Settings, contest, invite
from ..race.machine import Peak


def choose(settings: Settings) -> list[Small]:
    """All of them that the words name, one image each."""
    return named(CASES, settings.only)


def prepare(item: Small, settings: Settings) -> tuple[np.ndarray, ...]:
    """The arrays of the call."""
    if item.layer:
        return item.layer.arrays(settings.dtype)
    x = np.random.default_rng(6).standard_normal(item.shape, np.float32)
    return (x.astype(settings.dtype),)


def our_calls(item: Small, arrays: tuple[np.ndarray, ...], settings: Settings) -> dict[str, Any]:
    """fastconv's call, as short as a user would write it."""
    x, *rest = arrays
    threads = settings.threads
    if item.layer is None:
        function = getattr(fastconv, item.what)
        if item.window:
            k, stride, pad = item.window
            return {OURS: lambda: function(x, k, stride, pad, threads=threads)}
        if item.what == "softmax":
            return {OURS: lambda: function(x, 1, threads=threads)}
        return {OURS: lambda: function(x, threads=threads)}
    options = {**item.layer.options(), "threads": threads}
    if item.what == PLAN:
        plan = getattr(fastconv, item.layer.plan)(x.shape, *rest, **options)
        y = np.empty(item.layer.output_shape, x.dtype)
        return {OURS: lambda: plan(x, out=y)}
    function = getattr(fastconv, item.layer.function)
    return {OURS: lambda: function(x, *rest, **options)}


def right(item: Small, arrays: tuple[np.ndarray, ...]) -> Truth:
    """What the contestants must find."""
    if item.layer:
        return truth(item.layer, arrays)
    more: tuple[int, ...] = item.window or ((1,) if item.what == "softmax" else ())
    value = getattr(reference, item.what)(arrays[0].astype(np.float64), *more)
    return Truth(value, 16 * np.finfo(arrays[0].dtype).eps * np.maximum(np.abs(value), 1))


def measure(item: Small, settings: Settings, peak: Peak) -> Row:
    """One row; raises AssertionError if our answer is wrong."""
    arrays = prepare(item, settings)
    exact = right(item, arrays)

    def judge(_: str, call: Callable[[], np.ndarray]) -> tuple[float, float]:
        answer = call()
        excess = exact.excess(answer)
        return excess, exact.l2(answer) if np.isfinite(excess) else np.inf

    if item.layer:
        builders = FUNCTIONS if item.what == "function" else SESSIONS
        theirs = invite(builders, item.layer, arrays, settings)
    else:
        theirs = invite(small.BUILDERS, item, arrays, settings)
    found = contest(item.name, our_calls(item, arrays, settings), theirs, judge, settings, peak)
    facts: Row = {"family": item.family, "layer": item.name, "n": item.n}
    if item.layer:
        facts |= {"layer": item.layer.name, "what": item.what}
    return facts | {"kind": _kind(item)} | found


def _kind(item: Small) -> str:
    if item.layer:
        return f"small, {item.what}"
    return "small, pools" if item.window else "small, activations"
