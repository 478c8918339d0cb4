"""Pools: forward, with indices, and gradients, beside a copy; the truth is windows in NumPy.

A copy of as many bytes as the pool reads and writes takes part in the race, on as many threads: no
pool of these bytes can be faster where they leave the caches.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import fastconv
from fastconv import grad

from ..items.pools import FORWARD, GRADIENT, PLACES, POOLS, Pool
from ..items.words import named
from ..peers.pools import BUILDERS
from ..race.answers import Truth
from ..race.contest import COPY, OURS, Row, Settings, contest, invite
from ..race.machine import Copy, Peak

Array = np.ndarray
Arrays = dict[str, Array]


def choose(settings: Settings) -> list[Pool]:
    """The pools that the words name, one image each unless told otherwise."""
    found = named(POOLS, settings.only)
    return [pool.batch(n) for n in settings.batch or (1,) for pool in found]


def prepare(pool: Pool, settings: Settings) -> Arrays:
    """Arguments by name: x; for a gradient dy, and the places of the maxima of a max pool."""
    rng = np.random.default_rng(1)
    arrays = {"x": rng.standard_normal(pool.shape, np.float32).astype(settings.dtype)}
    if pool.what == GRADIENT:
        dy = rng.standard_normal(pool.output_shape, np.float32)
        arrays["dy"] = dy.astype(settings.dtype)
        if pool.kind == "max":
            arrays["at"] = plain(pool, arrays["x"])[1]
    return arrays


def plain(pool: Pool, x: Array) -> tuple[Array, Array]:
    """Values in float64 and, of a max pool, places in the plane; by windows, in NumPy."""
    along = [pool.windows(axis) for axis in range(pool.rank)]
    rows, columns = along if pool.rank == 2 else ([range(1)], along[0])
    planes = x.reshape(*x.shape[:2], -1, x.shape[-1]).astype(np.float64)
    y = np.empty((*x.shape[:2], len(rows), len(columns)))
    at = np.empty(y.shape, np.int64)
    width = planes.shape[-1]
    for i, h in enumerate(rows):
        for j, w in enumerate(columns):
            window = planes[:, :, h.start : h.stop, w.start : w.stop].reshape(*x.shape[:2], -1)
            if pool.kind == "max":
                best = window.argmax(-1)
                y[:, :, i, j] = np.take_along_axis(window, best[..., None], -1)[..., 0]
                at[:, :, i, j] = (h.start + best // len(w)) * width + w.start + best % len(w)
            else:
                count = len(h) * len(w) if pool.adaptive else pool.kernel**pool.rank
                y[:, :, i, j] = window.sum(-1) / count
    return y.reshape(pool.output_shape), at.reshape(pool.output_shape)


def plain_gradient(pool: Pool, arrays: Arrays) -> Array:
    """The gradient in float64."""
    dx, dy = np.zeros(pool.shape), arrays["dy"]
    if pool.kind == "max":
        planes = pool.n * pool.channels
        each = np.arange(planes)[:, None]
        np.add.at(dx.reshape(planes, -1), (each, arrays["at"].reshape(planes, -1)),
                  dy.reshape(planes, -1))  # fmt: skip
        return dx
    for i, h in enumerate(pool.windows(0)):
        for j, w in enumerate(pool.windows(1)):
            count = len(h) * len(w) if pool.adaptive else pool.kernel**2
            dx[:, :, h.start : h.stop, w.start : w.stop] += dy[:, :, i, j, None, None] / count
    return dx


def truths(pool: Pool, arrays: Arrays) -> list[Truth]:
    """What the contestants must find: maxima and their places exactly, sums to rounding."""
    if pool.what == GRADIENT:
        found: tuple[Array, ...] = (plain_gradient(pool, arrays),)
    else:
        found = plain(pool, arrays["x"])[: 2 if pool.what == PLACES else 1]
    exact = pool.kind == "max" and pool.what != GRADIENT
    unit = 0 if exact else 100 * np.finfo(arrays["x"].dtype).eps
    least = np.finfo(np.float64).tiny  # so that an error of 0 is 0 times what is allowed
    return [Truth(value, np.maximum(unit * (1 + np.abs(value)), least)) for value in found]


def our_calls(pool: Pool, arrays: Arrays, settings: Settings) -> dict[str, Any]:
    """fastconv's function, on channels_last arrays where the row is of those."""
    n, adaptive = pool.rank, pool.adaptive
    options: dict[str, Any] = {"threads": settings.threads}
    given = arrays
    if pool.last:
        options["data_format"] = "channels_last"
        given = {name: np.ascontiguousarray(np.moveaxis(a, 1, -1)) for name, a in arrays.items()}
    x = given["x"]
    window = (pool.kernel, pool.stride, pool.pad)
    if pool.what == GRADIENT:
        dy = given["dy"]
        if pool.kind == "max":
            at = given["at"]
            return {OURS: lambda: grad.max_pool2d_input(dy, at, x.shape, **options)}
        if adaptive:
            return {OURS: lambda: grad.adaptive_avg_pool2d_input(dy, x.shape, **options)}
        return {OURS: lambda: grad.avg_pool2d_input(dy, x.shape, *window, **options)}
    if adaptive == 1:
        whole = getattr(fastconv, f"global_{pool.kind}_pool{n}d")
        return {OURS: lambda: whole(x, **options)}
    if adaptive:
        function = getattr(fastconv, f"adaptive_{pool.kind}_pool{n}d")
        return {OURS: lambda: function(x, adaptive, **options)}
    if pool.what == PLACES:
        options["return_indices"] = True
    function = getattr(fastconv, f"{pool.kind}_pool{n}d")
    return {OURS: lambda: function(x, *window, **options)}


def measure(pool: Pool, settings: Settings, peak: Peak) -> Row:
    """One row; raises AssertionError if our answer is wrong."""
    arrays = prepare(pool, settings)
    exact = truths(pool, arrays)

    def judge(name: str, call: Callable[[], Any]) -> tuple[float, float]:
        answer = call()
        parts = answer if isinstance(answer, tuple) else (answer,)
        if pool.last and name == OURS:
            parts = tuple(np.moveaxis(part, -1, 1) for part in parts)
        pairs = list(zip(exact, parts, strict=True))
        excess = max(right.excess(got) for right, got in pairs)
        return excess, exact[0].l2(parts[0]) if np.isfinite(excess) else np.inf

    size = moved(pool, arrays)
    ours = our_calls(pool, arrays, settings)
    theirs = invite(BUILDERS, pool, arrays, settings)
    found = contest(pool.name, ours, theirs, judge, settings, peak,
                    {COPY: Copy(size, settings.threads)})  # fmt: skip
    what = "" if pool.what == FORWARD else pool.what
    facts = {"family": pool.family, "layer": pool.name, "n": pool.n, "what": what}
    return facts | {"kind": f"pools, {pool.what}", "bytes": size} | found


def moved(pool: Pool, arrays: Arrays) -> int:
    """Bytes that must be read and written at least: dx is as large as x, which is not read."""
    size = sum(a.nbytes for a in arrays.values())
    if pool.what == GRADIENT:
        return size
    outputs = int(np.prod(pool.output_shape))
    places = np.dtype(np.int64).itemsize if pool.what == PLACES else 0
    return size + outputs * (arrays["x"].itemsize + places)
