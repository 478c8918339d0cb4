"""Layers on many cores, on paper: how evenly their work is shared out, and what is done twice.

Kernels that count cycles (``csrc/simulator``) stand in for those of the active ISA, and each
task of a plan's loop nests goes to the thread that is free first. Memory and waking cost nothing:
no machine does better, and what is found here are mistakes of the loop nests.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import fastconv
from fastconv import _native

from ..items import layers
from ..items.layer import Layer
from ..race.contest import OURS, Row, Settings
from ..race.machine import Peak

CORES = (1, 2, 4, 8, 16, 32, 64)
HERTZ = 3e9
"""Cycles of the model become microseconds of a core of so many hertz."""
LONG = 100.0
"""Layers that take more microseconds than this on one core count in the mean."""


def choose(settings: Settings) -> list[Layer]:
    """The layers of a set."""
    return layers.choose(settings.set, settings.batch, settings.only)


def prepare(layer: Layer, settings: Settings) -> tuple[np.ndarray, ...]:
    """Zeros: nothing is computed."""
    shapes = (layer.n, layer.c_in, *layer.size), layer.weight_shape, (layer.c_out,)
    return tuple(np.zeros(shape, settings.dtype) for shape in shapes)


def our_calls(layer: Layer, arrays: tuple[np.ndarray, ...], settings: Settings) -> dict[str, Any]:
    """The simulation itself, on as many cores as the settings have threads."""
    return {OURS: lambda: cycles(layer, arrays, settings.threads)}


def cycles(layer: Layer, arrays: tuple[np.ndarray, ...], cores: int) -> tuple[float, float]:
    """Cycles of a plan's call until the slowest thread is done, and of all threads together."""
    x, w, b = arrays

    def make() -> Callable[[], Any]:
        plan = getattr(fastconv, layer.plan)(x.shape, w, b, **layer.options(), threads=cores)
        return lambda: plan(x)

    elapsed, busy = _native.testing.simulate(cores, make)
    return elapsed, busy


def measure(layer: Layer, settings: Settings, peak: Peak) -> Row:
    """One row: microseconds on each number of cores, and what part of the cores' time is work."""
    arrays = prepare(layer, settings)
    found = {cores: cycles(layer, arrays, cores) for cores in CORES}
    us = {cores: float(f"{1e6 * elapsed / HERTZ:.5g}") for cores, (elapsed, _) in found.items()}
    names = {cores: OURS if cores == 1 else f"{OURS} {cores} cores" for cores in CORES}
    work = found[1][0]
    return {
        "family": layer.family, "layer": layer.name, "n": layer.n, "dense": layer.dense,
        "transposed": layer.transposed, "kind": "layers on many cores, on paper",
        "us": {names[cores]: us[cores] for cores in CORES},
        "cores": {str(cores): round(work / (cores * found[cores][0]), 4) for cores in CORES[1:]},
        "again": {str(cores): round(found[cores][1] / work, 4) for cores in CORES[1:]},
        "limits": {}, "l2": {}, "outside": {}, "skipped": {},
    }  # fmt: skip
