"""Long kernels by Fourier transforms: functions or plans, and gradients beside the forward call.

The truth is fastconv's own answer in float64 by transforms, since plain sums would take minutes; it
is checked at random places against sums written out, and gradients by the adjoint identity.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

import fastconv

from ..items.gradient import Gradient
from ..items.signals import FORWARD as AHEAD
from ..items.signals import SIGNALS, Signal
from ..items.words import named
from ..peers.signals import BUILDERS
from ..race.answers import Truth, truth
from ..race.contest import FORWARD, OURS, PLAN, Row, Settings, contest, invite
from ..race.machine import Peak
from . import gradients

Array = np.ndarray
Arrays = tuple[Array, ...]


def choose(settings: Settings) -> list[Signal]:
    """The rows that the words name, one signal each."""
    return named(SIGNALS, settings.only)


def prepare(item: Signal, settings: Settings) -> Arrays:
    """Input, weight and a bias of zeros, or the gradient behind the layer in its place."""
    if item.what != AHEAD:
        return gradients.prepare(_gradient(item), settings)
    x, w, b = item.layer.arrays(settings.dtype)
    return x, w, np.zeros_like(b)


def our_calls(item: Signal, arrays: Arrays, settings: Settings) -> dict[str, Any]:
    """fastconv's function, and its plan; the one that the row is about bears the plain name."""
    layer, threads = item.layer, settings.threads
    if item.what != AHEAD:
        gradient = _gradient(item)
        return {OURS: lambda: gradients.compute(gradient, arrays, threads=threads)[0]}
    x, w, b = arrays
    options = {**layer.options(), "threads": threads}
    plan = getattr(fastconv, layer.plan)(x.shape, w, b, **options)
    if item.prepared:
        return {OURS: lambda: plan(x)}
    function = getattr(fastconv, layer.function)
    return {OURS: lambda: function(x, w, b, **options), PLAN: lambda: plan(x)}


def right(item: Signal, arrays: Arrays) -> Truth:
    """What the contestants must find."""
    if item.what == AHEAD:
        return truth(item.layer, arrays, precision="high")
    return gradients.truths(_gradient(item), arrays, precision="high")[0]


def measure(item: Signal, settings: Settings, peak: Peak) -> Row:
    """One row; raises AssertionError if one of our answers is wrong."""
    settings = replace(settings, threads=min(settings.threads, item.threads))
    layer, arrays = item.layer, prepare(item, settings)
    exact = right(item, arrays)

    def judge(_: str, call: Callable[[], Any]) -> tuple[float, float]:
        answer = call()
        answer = answer[0] if isinstance(answer, tuple) else answer
        excess = exact.excess(answer)
        return excess, exact.l2(answer) if np.isfinite(excess) else np.inf

    beside = {}
    if item.what != AHEAD:
        function, (x, w, _) = getattr(fastconv, layer.function), arrays
        beside[FORWARD] = lambda: function(x, w, **layer.options(), threads=settings.threads)
    theirs = invite(BUILDERS, item, arrays, settings)
    found = contest(item.name, our_calls(item, arrays, settings), theirs, judge, settings, peak,
                    beside)  # fmt: skip
    kind = "long kernels" if item.what == AHEAD else f"long kernels, {item.what}"
    what = "" if item.what == AHEAD else item.what
    facts = layer.facts() | {"what": what, "kind": kind, "goal": item.goal}
    return facts | {"threads": settings.threads} | found


def _gradient(item: Signal) -> Gradient:
    return Gradient(item.layer, item.what)
