"""Layers forward: ``plans`` races plans against sessions of other libraries, in which weights are
constants prepared ahead; ``functions`` races functions, which keep nothing between calls.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import fastconv

from ..items import layers
from ..items.layer import Layer
from ..peers import FUNCTIONS, SESSIONS
from ..race.answers import truth
from ..race.contest import LAST, ONE, OURS, Row, Settings, contest, invite
from ..race.machine import Peak
from ..race.protocol import Calls

Array = np.ndarray


def choose(settings: Settings) -> list[Layer]:
    """The layers to measure."""
    return layers.choose(settings.set, settings.batch, settings.only)


def prepare(layer: Layer, settings: Settings) -> tuple[Array, ...]:
    """Input, weight and bias."""
    return layer.arrays(settings.dtype)


def our_calls(layer: Layer, arrays: tuple[Array, ...], settings: Settings) -> dict[str, Any]:
    """fastconv, on all threads, on channels_last arrays, and on one thread."""
    x, w, b = arrays
    last = np.ascontiguousarray(np.moveaxis(x, 1, -1))

    def call(x: Array, threads: int, **more: Any) -> Callable[[], Array]:
        options = {**layer.options(), **more, "threads": threads}
        if settings.mode == "functions":
            function = getattr(fastconv, layer.function)
            return lambda: function(x, w, b, **options)
        plan = getattr(fastconv, layer.plan)(x.shape, w, b, **options)
        return lambda: plan(x)

    calls = {OURS: call(x, settings.threads)}
    calls[LAST] = call(last, settings.threads, data_format="channels_last")
    if settings.threads > 1:
        calls[ONE] = call(x, 1)
    return calls


def measure(layer: Layer, settings: Settings, peak: Peak, limits: Calls | None = None) -> Row:
    """One row; raises AssertionError if one of our answers is wrong."""
    arrays = prepare(layer, settings)
    exact = truth(layer, arrays)

    def judge(name: str, call: Callable[[], Array]) -> tuple[float, float]:
        answer = np.moveaxis(call(), -1, 1) if name == LAST else call()
        excess = exact.excess(answer)
        return excess, exact.l2(answer) if np.isfinite(excess) else np.inf

    builders = FUNCTIONS if settings.mode == "functions" else SESSIONS
    theirs = invite(builders, layer, arrays, settings)
    found = contest(layer.name, our_calls(layer, arrays, settings), theirs, judge, settings, peak,
                    limits)  # fmt: skip
    return {**layer.facts(), "algorithm": algorithm(layer, arrays, settings), **found}


def algorithm(layer: Layer, arrays: tuple[Array, ...], settings: Settings) -> str:
    """What a plan of this layer runs."""
    x, w, b = arrays
    build = getattr(fastconv, layer.plan)
    name: str = build(x.shape, w, b, threads=settings.threads, **layer.options()).algorithm
    return name
