"""Gradients of layers: of the input (dX), of the weight (dW), and all three in one call.

Functions against PyTorch's ``convolution_backward``; nothing is kept between calls. Beside dX runs
our own forward call where the stride is 1: the same work.
"""

from __future__ import annotations

from collections.abc import Callable
from math import prod
from typing import Any

import numpy as np

import fastconv
from fastconv import grad

from ..items import layers
from ..items.gradient import Gradient
from ..items.layer import Layer
from ..peers import GRADIENTS
from ..race.answers import Truth, bound, truth
from ..race.contest import FORWARD, ONE, OURS, THREE, Row, Settings, contest, invite
from ..race.machine import Peak
from ..race.protocol import Calls

WHAT = ("dX", "dW", "all")
BATCHES = {"quick": (1,), "core": (1, 16, 32), "all": (1,)}
MOST = 2**27
"""Numbers in the input and the output together: beyond, the truth alone would take gigabytes."""
Array = np.ndarray
Arrays = tuple[Array, ...]


def choose(settings: Settings) -> list[Gradient]:
    """Each gradient of each layer."""
    found = layers.choose(settings.set, settings.batch or BATCHES[settings.set], settings.only)
    return [Gradient(x, what) for x in found if numbers(x) <= MOST for what in WHAT]


def numbers(layer: Layer) -> int:
    """In the input and the output."""
    return layer.n * layer.c_in * prod(layer.size) + prod(layer.output_shape)


def prepare(item: Gradient, settings: Settings) -> Arrays:
    """Input, weight, and the gradient behind the layer."""
    x, w, _ = item.layer.arrays(settings.dtype)
    dy = np.random.default_rng(3).standard_normal(item.layer.output_shape, np.float32)
    return x, w, dy.astype(settings.dtype)


def compute(item: Gradient, arrays: Arrays, **more: Any) -> Arrays:
    """fastconv's gradients, as many as the item has."""
    x, w, dy = arrays
    name, options = item.layer.function, {**item.layer.options(), **more}
    options.pop("output_padding", None)  # it follows from the shapes
    if item.what == "dX":
        return (getattr(grad, f"{name}_input")(x.shape, w, dy, **options),)
    if item.what == "dW":
        return (getattr(grad, f"{name}_weight")(x, w.shape, dy, **options),)
    found: Arrays = getattr(grad, name)(x, w, dy, **options)
    return found


def our_calls(item: Gradient, arrays: Arrays, settings: Settings) -> dict[str, Any]:
    """fastconv on all threads and on one; beside the call for all, one for each."""
    threads = settings.threads
    calls: dict[str, Any] = {OURS: lambda: compute(item, arrays, threads=threads)}
    if threads > 1:
        calls[ONE] = lambda: compute(item, arrays, threads=1)
    if item.what == "all":
        alone = [Gradient(item.layer, what) for what in ("dX", "dW")]
        bias = getattr(grad, f"{item.layer.function}_bias")
        calls[THREE] = lambda: (
            *(compute(part, arrays, threads=threads)[0] for part in alone),
            bias(arrays[2], threads=threads),
        )
    return calls


def truths(item: Gradient, arrays: Arrays, precision: str = "highest") -> list[Truth]:
    """What the contestants must find.

    fastconv's sums in float64, plain ones unless told otherwise, held against the adjoint identity,
    <conv(x), dy> = <x, dX> and likewise for dW. The forward result in it is checked against sums
    written out.
    """
    layer, (x, w, dy) = item.layer, arrays
    values = compute(item, tuple(a.astype(np.float64) for a in arrays), precision=precision)
    sizes = compute(item, tuple(np.abs(a) for a in arrays), precision=precision)
    forward = truth(layer, (x, w, np.zeros(layer.c_out, x.dtype)), precision).value
    product = np.vdot(forward, dy)
    for at, value, size in zip((w,) if item.what == "dW" else (x, w), values, sizes, strict=False):
        error = abs(np.vdot(at.astype(np.float64), value) - product)
        scale = np.vdot(np.abs(at).astype(np.float64), size)
        assert error <= 1e-12 * (layer.depth + 2) * scale, (item.name, error)
    axes = (0, *range(2, dy.ndim))
    if item.what == "all":
        values = (*values[:2], dy.sum(axes, np.float64))
        sizes = (*sizes[:2], np.abs(dy).sum(axes, np.float64))
    pixels = layer.n * prod(layer.size if layer.transposed else layer.output_shape[2:])
    inputs = layer.c_out // layer.groups * prod(layer.kernel)
    terms = {"dX": (inputs,), "dW": (pixels,)}.get(
        item.what, (inputs, pixels, layer.n * prod(layer.output_shape[2:]))
    )
    return [
        Truth(value, bound(n, x.dtype, size))
        for value, size, n in zip(values, sizes, terms, strict=True)
    ]


def measure(item: Gradient, settings: Settings, peak: Peak, limits: Calls | None = None) -> Row:
    """One row; raises AssertionError if one of our answers is wrong."""
    layer, arrays = item.layer, prepare(item, settings)
    exact = truths(item, arrays)

    def judge(_: str, call: Callable[[], Arrays]) -> tuple[float, float]:
        pairs = list(zip(exact, call(), strict=True))
        excess = max(right.excess(got) for right, got in pairs)
        return excess, max(right.l2(got) for right, got in pairs) if np.isfinite(excess) else np.inf

    beside = dict(limits or {})
    if item.what == "dX" and layer.stride == 1:
        function, (x, w, _) = getattr(fastconv, layer.function), arrays
        beside[FORWARD] = lambda: function(x, w, **layer.options(), threads=settings.threads)
    theirs = invite(GRADIENTS, item, arrays, settings)
    found = contest(item.name, our_calls(item, arrays, settings), theirs, judge, settings, peak,
                    beside)  # fmt: skip
    facts = layer.facts() | {"what": item.what}
    facts["flops"] *= 2 if item.what == "all" else 1
    return facts | found
