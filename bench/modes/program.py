"""Calls as programs make them: each library in a process of its own, by turns.

In a loop a library's threads are awake and its data is where it was; in a program neither holds.
"""

from __future__ import annotations

from functools import lru_cache, reduce
from typing import Any

import numpy as np

import fastconv

from ..items.layer import Layer
from ..items.program import CASES, Case
from ..items.words import named
from ..peers import program
from ..race.answers import truth
from ..race.contest import ONE, OURS, Row, Settings
from ..race.machine import Peak
from ..race.processes import Call, Child

ALLOWED = 1e-5
"""The relative error of an answer in the L2 norm: above what six layers leave in float32 (2e-6)."""


def choose(settings: Settings) -> list[Case]:
    """All that the words name, in float32 and for one image."""
    return named(CASES, settings.only) if settings.dtype == "float32" else []


def prepare(case: Case, settings: Settings) -> tuple[np.ndarray, ...]:
    """The input of the first layer."""
    return case.layers[0].arrays()[:1]


def ours(layers: tuple[Layer, ...], threads: int) -> Call:
    """A plan for each layer, called with what the one before returned."""
    arrays = [layer.arrays() for layer in layers]
    plans = [
        fastconv.Conv2dPlan(x.shape, w, b, **layer.options(), threads=threads)
        for layer, (x, w, b) in zip(layers, arrays, strict=True)
    ]
    return lambda: reduce(lambda x, plan: plan(x), plans, arrays[0][0])


def our_calls(case: Case, arrays: tuple[np.ndarray, ...], settings: Settings) -> dict[str, Any]:
    """fastconv's call in this process; `measure` has one for each number of threads."""
    return {OURS: ours(case.layers, settings.threads)}


def measure(case: Case, settings: Settings, peak: Peak) -> Row:
    """One row; raises AssertionError if our answer is wrong."""
    team, skipped = _team(settings.threads, settings.peers)
    right = exact(case.layers)
    l2: dict[str, float] = {}
    outside: dict[str, float] = {}
    for name, child in team.items():
        error = float(np.linalg.norm(child.answer(case) - right) / np.linalg.norm(right))
        l2[name] = float(f"{error:.2g}")
        if not error <= ALLOWED:
            if name.startswith(OURS):
                raise AssertionError(f"{case.name}: {name} errs by {error:.2g}")
            outside[name] = float(f"{error / ALLOWED:.3g}")
    seconds: dict[str, list[float]] = {name: [] for name in team}
    for _ in range(settings.turns):
        for name, child in team.items():
            seconds[name] += child.times(case)
    us = {name: float(f"{1e6 * np.median(values):.5g}") for name, values in seconds.items()}
    return {
        "family": case.family, "layer": case.name, "n": case.n, "kind": "calls of programs",
        "us": us, "limits": {}, "l2": l2, "outside": outside, "skipped": skipped,
    }  # fmt: skip


def exact(layers: tuple[Layer, ...]) -> np.ndarray:
    """The plain sums in float64, layer by layer, each spot-checked."""
    value = layers[0].arrays(np.float64)[0]
    for layer in layers:
        value = truth(layer, (value, *layer.arrays(np.float64)[1:])).value
    return value


@lru_cache(maxsize=1)
def _team(threads: int, wanted: tuple[str, ...] | None) -> tuple[dict[str, Child], dict[str, str]]:
    """A child for each contestant, kept for all rows, and why others are not there."""
    team = {OURS: Child(ours, threads)}
    if threads > 1:
        team[ONE] = Child(ours, 1)
    skipped: dict[str, str] = {}
    for peer, (name, build) in program.BUILDERS.items():
        if wanted is not None and peer not in wanted:
            continue
        child = Child(build, threads)
        try:
            child.answer(CASES[0])
            team[name] = child
        except ImportError:
            child.end()
            skipped[peer] = "not installed"
    return team, skipped
