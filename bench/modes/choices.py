"""What a plan chooses against what else looked cheap: does the cost model hold on this machine?

No other library takes part. The layers are those of the mode cliffs, forward and transposed, and
the peers of a plan are plans of the other entries that `explain()` predicts to be cheapest. A row
below 1 is one where the model is wrong; where many rows of an entry are, a constant of its cost is.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

import fastconv

from ..items import cliffs
from ..items.cliffs import Drawn
from ..items.words import named
from ..peers import Peers
from ..race.answers import truth
from ..race.contest import OURS, Row, Settings, contest
from ..race.machine import Peak
from .cliffs import SECONDS, TURNS

ROWS = 5000
OTHERS = 4
"""Entries beside the chosen one."""
FARTHER = 4.0
"""An entry that is predicted to take so many times as long does not take part."""
PREDICTED = re.compile(r"^  (.+): predicted (\d+) thousand cycles", re.MULTILINE)
Arrays = tuple[np.ndarray, ...]


def choose(settings: Settings) -> list[Drawn]:
    """The layers that the mode cliffs draws, each once."""
    drawn = [item for item in cliffs.drawn(settings.seed, ROWS) if item.what == "forward"]
    return named(drawn, settings.only)


def prepare(item: Drawn, settings: Settings) -> Arrays:
    """Input, weight and bias."""
    return item.layer.arrays(settings.dtype)


def plan_of(item: Drawn, arrays: Arrays, settings: Settings, **more: str) -> Any:
    """A plan of the layer."""
    x, w, b = arrays
    options = item.layer.options() | {"threads": settings.threads} | more
    return getattr(fastconv, item.layer.plan)(x.shape, w, b, **options)


def our_calls(item: Drawn, arrays: Arrays, settings: Settings) -> dict[str, Any]:
    """The plan as it chooses."""
    plan = plan_of(item, arrays, settings)
    return {OURS: lambda: plan(arrays[0])}


def others(item: Drawn, arrays: Arrays, settings: Settings) -> dict[str, Callable[[], Any]]:
    """Plans of the entries that look cheapest, but for the chosen one, by their names."""
    text = plan_of(item, arrays, settings).explain()
    offers = sorted((float(cycles), name) for name, cycles in PREDICTED.findall(text))
    calls = {}
    for cycles, name in offers[1 : 1 + OTHERS]:
        if cycles <= FARTHER * offers[0][0]:
            plan = plan_of(item, arrays, settings, algorithm=name)
            calls[name] = lambda plan=plan: plan(arrays[0])
    return calls


def measure(item: Drawn, settings: Settings, peak: Peak) -> Row:
    """One row; raises AssertionError if our answer is wrong."""
    arrays = prepare(item, settings)
    exact = truth(item.layer, arrays)

    def judge(name: str, call: Callable[[], Any]) -> tuple[float, float]:
        return exact.excess(call()), 0.0  # results of padding alone have no norm

    theirs = Peers(calls=others(item, arrays, settings))
    short = replace(settings, seconds=SECONDS, turns=TURNS)
    ours = our_calls(item, arrays, settings)
    found = contest(item.name, ours, theirs, judge, short, peak)
    return {"family": item.family, "layer": item.name, "n": item.n, "kind": "choices"} | found
