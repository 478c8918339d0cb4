"""Random shapes against the better of PyTorch's two layouts: where is a cliff?

Convolutions, transposed ones, their gradients, and pools, as `items/cliffs.py` and
`items/random_pools.py` draw them from ``--seed``, after those that people reported. The run ends
when ``--seconds`` are over. On one thread unless told otherwise.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

import fastconv

from ..items import cliffs, random_pools
from ..items.cliffs import Drawn
from ..items.random_pools import DrawnPool
from ..items.words import named
from ..peers import FUNCTIONS, GRADIENTS
from ..peers.random_pools import BUILDERS
from ..race.answers import Truth, truth
from ..race.contest import OURS, Row, Settings, contest, invite
from ..race.machine import Peak
from . import gradients

SECONDS, TURNS = 0.006, 3
"""Of a burst, and how many bursts: many rows say more than exact ones."""
ROWS = 5000
"""Of convolutions and gradients, and a third as many pools among them."""
LAST = {"data_format": "channels_last"}
Item = Drawn | DrawnPool
Arrays = tuple[np.ndarray, ...]


def choose(settings: Settings) -> list[Item]:
    """Those that were reported, then drawn ones: three convolutions to a pool."""
    convolutions = cliffs.drawn(settings.seed, ROWS)
    pools = random_pools.drawn(settings.seed, -(-ROWS // 3))
    mixed: list[Item] = [*cliffs.REPORTED, *random_pools.REPORTED]
    for i, pool in enumerate(pools):
        mixed += [*convolutions[3 * i : 3 * i + 3], pool]
    return named(mixed, settings.only)


def prepare(item: Item, settings: Settings) -> Arrays:
    """Input, weight and bias; for a gradient what is behind the layer; of a pool the input."""
    if isinstance(item, DrawnPool):
        x = np.random.default_rng(1).standard_normal(item.shape, np.float32)
        return ((np.abs(x) if item.kind == "lp" else x).astype(settings.dtype),)
    if item.what == "forward":
        return item.layer.arrays(settings.dtype)
    return gradients.prepare(item, settings)


def our_calls(item: Item, arrays: Arrays, settings: Settings) -> dict[str, Any]:
    """fastconv's function."""
    threads = settings.threads
    if isinstance(item, DrawnPool):
        x, options = arrays[0], {"threads": threads}
        if item.last:
            x, options = np.ascontiguousarray(np.moveaxis(x, 1, -1)), options | LAST
        pool, given = getattr(fastconv, item.function), item.arguments()
        return {OURS: lambda: pool(x, *given, **options)}
    if item.what == "forward":
        function, options = getattr(fastconv, item.layer.function), item.layer.options()
        return {OURS: lambda: function(*arrays, **options, threads=threads)}
    return {OURS: lambda: gradients.compute(item, arrays, threads=threads)}


def truths(item: Item, arrays: Arrays) -> list[Truth]:
    """What the contestants must find, checked at random places against sums written out."""
    if isinstance(item, DrawnPool):
        return pool_truths(item, arrays[0])
    return [truth(item.layer, arrays)] if item.what == "forward" else gradients.truths(item, arrays)


def pool_truths(pool: DrawnPool, x: np.ndarray, places: int = 16) -> list[Truth]:
    """fastconv's answer in float64, some windows of it written out; maxima and places exactly."""
    settings = Settings(threads=1)
    plain = replace(pool, last=False)
    answer = our_calls(plain, (x.astype(np.float64),), settings)[OURS]()
    found = answer if isinstance(answer, tuple) else (answer,)
    value = found[0]
    assert value.shape == (*pool.shape[:2], *pool.output_size), (pool.name, value.shape)
    rng = np.random.default_rng(2)
    for _ in range(places):
        n, c, *at = (int(rng.integers(length)) for length in value.shape)
        windows = [pool.window(axis, i) for axis, i in enumerate(at)]
        elements = x[(n, c)][np.ix_(*(places for places, _ in windows))].astype(np.float64)
        right = _of_window(pool, elements, int(np.prod([count for _, count in windows])))
        error = abs(right - value[(n, c, *at)])
        assert error <= 1e-12 * (1 + abs(right)) * elements.size, (pool.name, at, error)
        if len(found) > 1:
            place = np.unravel_index(found[1][(n, c, *at)], pool.size)
            assert x[(n, c, *place)] == right, (pool.name, at, place)
    exact = pool.kind in ("max", "indices", "adaptive max")
    unit = 0 if exact else 100 * np.finfo(x.dtype).eps
    least = np.finfo(np.float64).tiny  # so that an error of 0 is 0 times what is allowed
    return [Truth(part, np.maximum(unit * (1 + np.abs(part)), least)) for part in found]


def _of_window(pool: DrawnPool, elements: np.ndarray, padded: int) -> float:
    if pool.kind == "lp":
        return float((elements**pool.power).sum() ** (1 / pool.power))
    if "avg" in pool.kind:
        return float(elements.sum() / (padded if pool.include else elements.size))
    return float(elements.max())


def measure(item: Item, settings: Settings, peak: Peak) -> Row:
    """One row; raises AssertionError if our answer is wrong, ImportError without PyTorch."""
    arrays = prepare(item, settings)
    exact = truths(item, arrays)
    pool = isinstance(item, DrawnPool)

    def judge(name: str, call: Callable[[], Any]) -> tuple[float, float]:
        answer = call()
        parts = answer if isinstance(answer, tuple) else (answer,)
        if isinstance(item, DrawnPool) and item.last and name == OURS:
            parts = tuple(np.moveaxis(part, -1, 1) for part in parts)
        excess = max(right.excess(got) for right, got in zip(exact, parts, strict=True))
        return excess, 0.0  # results of padding alone have no norm

    builders = BUILDERS if pool else FUNCTIONS if item.what == "forward" else GRADIENTS
    given = item.layer if not pool and item.what == "forward" else item
    theirs = invite(builders, given, arrays, settings)
    if settings.peers is None and theirs.skipped:
        raise ImportError("it compares with PyTorch, which is not installed: pip install torch")
    short = replace(settings, seconds=SECONDS, turns=TURNS)
    ours = our_calls(item, arrays, settings)
    found = contest(item.name, ours, theirs, judge, short, peak)
    return {"family": item.family, "layer": item.name, "n": item.n, "kind": kind(item)} | found


def kind(item: Item) -> str:
    """Which rows a mean is taken of."""
    return f"drawn, {'pools' if isinstance(item, DrawnPool) else item.what}"
