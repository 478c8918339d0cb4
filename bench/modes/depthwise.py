"""Depthwise layers and small groups: plans forward, and both gradients, beside a copy.

They are bound by memory. A copy of as many bytes as a row must read and write at least, pages warm,
takes part in its race.
"""

from __future__ import annotations

from dataclasses import replace
from math import prod
from typing import Any

import numpy as np

from ..items import layers
from ..items.gradient import Gradient
from ..items.layer import Layer
from ..race.contest import COPY, Row, Settings
from ..race.machine import Copy, Peak
from . import forward, gradients
from .gradients import prepare

WHAT = ("forward", "dX", "dW")
__all__ = ["choose", "measure", "our_calls", "prepare"]


def choose(settings: Settings) -> list[Gradient]:
    """What stands behind each such layer of the set, forward and backward."""
    found = layers.choose(settings.set, settings.batch, settings.only)
    if settings.set != "all":  # which has its own
        batch = settings.batch or layers.BATCHES[settings.set]
        found += layers.choose("light", batch, settings.only)
    return [Gradient(x, what) for x in found if not x.dense for what in WHAT]


def our_calls(item: Gradient, arrays: tuple[np.ndarray, ...], settings: Settings) -> dict[str, Any]:
    """fastconv's contestants."""
    if item.what == "forward":
        return forward.our_calls(item.layer, forward.prepare(item.layer, settings), settings)
    return gradients.our_calls(item, arrays, settings)


def measure(item: Gradient, settings: Settings, peak: Peak) -> Row:
    """One row; raises AssertionError if one of our answers is wrong."""
    size = touched(item.layer) * np.dtype(settings.dtype).itemsize
    beside = {COPY: Copy(size, settings.threads)}
    if item.what == "forward":
        row = forward.measure(item.layer, replace(settings, mode="plans"), peak, beside)
    else:
        row = gradients.measure(item, settings, peak, beside)
    return row | {"what": item.what, "bytes": size}


def touched(layer: Layer) -> int:
    """Numbers in the input, the weight and the output: each is read or written once at least."""
    shapes = ((layer.n, layer.c_in, *layer.size), layer.weight_shape, layer.output_shape)
    return sum(prod(shape) for shape in shapes)
