"""Models on dask arrays: each chunk of the result from what it depends on."""

from __future__ import annotations

from itertools import pairwise
from math import ceil, floor
from typing import TYPE_CHECKING, Any

import numpy as np

import fastconv
from fastconv.interfaces.dask._conv import _in_force, spatial_axes
from fastconv.interfaces.dask._halo import Array, Axis, Read, as_dask, borders, chunked_call, whole
from fastconv.nn._reach import Geometry, Reach, geometry_of

if TYPE_CHECKING:
    from fastconv.nn import Layer

__all__ = ["predict_chunks"]


def predict_chunks(model: Layer, x: Any, threads: int = 1) -> Any:
    """``model(x)`` for a model in evaluation mode, as a dask array of as many axes or fewer."""
    x = as_dask(x, "array")
    if x.ndim == 0 or 0 in x.shape:
        raise ValueError(f"array must have a first axis, and no length of 0, got shape {x.shape}")
    out = tuple(model.output_shape(x.shape))
    dtype = _dtype_of(model, x)
    geometry = geometry_of(model, x.shape)
    if geometry is not None and len(out) == x.ndim:
        x, axes = _by_space(x, out, geometry)
        call = _Model(threads, _in_force(None), True)
        return chunked_call("predict", x, axes, call, (model,), dtype)
    x = x.rechunk(dict.fromkeys(range(1, x.ndim), -1))
    axes = [whole(sizes) for sizes in x.chunks]
    call = _Model(threads, _in_force(None), False)
    return chunked_call("predict", x, axes, call, (model,), dtype, out[1:])


def _dtype_of(model: Layer, x: Any) -> Any:
    """The dtype that the model takes and gives; a TypeError if it is another one."""
    for values, _ in model.parameters():
        if values.dtype != x.dtype:
            raise TypeError(f"array must be {values.dtype}, the dtype of the model, got {x.dtype}")
        return values.dtype
    return x.dtype


def _by_space(x: Any, out: tuple[int, ...], geometry: Geometry) -> tuple[Any, list[Axis]]:
    n = len(geometry.reach)
    spatial = spatial_axes(x.ndim, n, geometry.data_format)
    channels = x.ndim - 1 if geometry.data_format == "channels_last" else x.ndim - n - 1
    x = x.rechunk({channels: -1})
    axes = [whole(sizes) for sizes in x.chunks]
    axes[channels] = Axis((out[channels],), (Read(0, x.shape[channels]),))
    for axis, reach in zip(spatial, geometry.reach, strict=True):
        axes[axis] = _dependent(x.chunks[axis], out[axis], reach)
    return x, axes


def _dependent(chunks: tuple[int, ...], count: int, reach: Reach) -> Axis:
    """What each chunk of the result depends on, and where it is in the result of that."""
    n, period = sum(chunks), reach.period
    edges = borders(chunks, count, lambda edge: ceil(edge / reach.jump))

    def read(first: int, last: int) -> Read:
        low = floor(first * reach.jump + reach.offset)
        high = ceil((last - 1) * reach.jump + reach.offset + reach.size)
        start = max(low, 0) // period * period
        start = min(start, (n - 1) // period * period)
        stop = n - max(n - max(high, start + 1), 0) // period * period
        skipped = int(start / reach.jump)
        return Read(start, stop, slice(first - skipped, last - skipped))

    return Axis(
        tuple(b - a for a, b in pairwise(edges)), tuple(read(a, b) for a, b in pairwise(edges))
    )


class _Model:
    """One chunk: what it is told is where its outputs are in those of what it reads."""

    def __init__(self, threads: int, precision: Any, crops: bool) -> None:
        self.threads, self.precision, self.crops = threads, precision, crops

    def __call__(self, x: Array, told: Any, model: Layer) -> Array:
        with fastconv.threads(self.threads), fastconv.precision(self.precision):
            y = model(x)
        if not self.crops:
            return y
        return np.ascontiguousarray(y[tuple(place or slice(None) for place in told)])
