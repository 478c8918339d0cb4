"""Pools that divide a plane into a given number of windows, or none: adaptive and global ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, SupportsIndex

import numpy as np
import numpy.typing as npt

from ._geometry import Pair, per_axis
from ._layout import Array, Layout, both
from .activations import quietly

OutputSize = SupportsIndex | Sequence[SupportsIndex | None] | None


def adaptive_count(n: int, output_size: OutputSize, lengths: Sequence[int]) -> Pair:
    """How many windows along each axis; None is one for each element."""
    sizes: list[Any] = list(output_size) if isinstance(output_size, Sequence) else [output_size]
    sizes = [None] * (2 - n) + sizes * (n // len(sizes))
    return per_axis(
        [length if o is None else o for o, length in zip(sizes, lengths, strict=True)], 2
    )


def cells(lengths: Sequence[int], count: Pair) -> Iterator[tuple[int, int, tuple[Any, ...]]]:
    """Yield each window i, j and what it holds: from ``floor(i*n/o)`` to ``ceil((i+1)*n/o)``."""
    for i, j in np.ndindex(count):
        rows, columns = (
            slice(c * length // o, -(-(c + 1) * length // o))
            for c, length, o in zip((i, j), lengths, count, strict=True)
        )
        yield i, j, (..., rows, columns)


def winner(values: Array) -> Array:
    """Index of the largest on the last axis, the first of equals; else of the last NaN."""
    nan = np.isnan(values)
    last = values.shape[-1] - 1 - np.argmax(nan[..., ::-1], axis=-1)
    return np.asarray(np.where(nan.any(-1), last, np.argmax(values, axis=-1)))


@quietly
def _adaptive_avg_pool_nd(
    n: int, input: npt.ArrayLike, output_size: OutputSize, *, data_format: str = "channels_first"
) -> Array:
    """Return the mean of each of `output_size` windows, which overlap where they must.

    Examples
    --------
    >>> adaptive_avg_pool1d([[1, 2, 3, 4, 5]], 2)
    array([[2., 4.]])
    """
    layout = Layout(n, np.ndim(input), data_format)
    x = layout.planes(input)
    count = adaptive_count(n, output_size, x.shape[2:])
    y = np.empty((*x.shape[:2], *count))
    for i, j, cell in cells(x.shape[2:], count):
        y[..., i, j] = x[cell].mean((2, 3))
    return layout.back(y)


def _adaptive_max_pool_nd(
    n: int, input: npt.ArrayLike, output_size: OutputSize, return_indices: bool = False, *,
    data_format: str = "channels_first",
) -> Any:  # fmt: skip
    """Return the largest of each of `output_size` windows, and its index as `max_pool` does."""
    layout = Layout(n, np.ndim(input), data_format)
    x = layout.planes(input, keep_integers=True)
    batch, channels, *lengths = x.shape
    count = adaptive_count(n, output_size, lengths)
    place = np.arange(np.prod(lengths)).reshape(lengths)
    y, index = (
        np.empty((batch, channels, *count), x.dtype),
        np.empty((batch, channels, *count), int),
    )
    for i, j, cell in cells(lengths, count):
        here, values = place[cell].ravel(), x[cell].reshape(batch, channels, place[cell].size)
        best = winner(values)
        index[..., i, j] = here[best]
        y[..., i, j] = np.take_along_axis(values, best[..., None], -1)[..., 0]
    return (layout.back(y), layout.back(index)) if return_indices else layout.back(y)


def _global_avg_pool_nd(
    n: int, input: npt.ArrayLike, *, data_format: str = "channels_first"
) -> Array:
    """Return the mean over the spatial axes, which stay, of length 1."""
    layout = Layout(n, np.ndim(input), data_format)
    return layout.back(layout.planes(input).mean((2, 3), keepdims=True))


def _global_max_pool_nd(
    n: int, input: npt.ArrayLike, *, data_format: str = "channels_first"
) -> Array:
    """Return the largest over the spatial axes, which stay, of length 1."""
    layout = Layout(n, np.ndim(input), data_format)
    return layout.back(layout.planes(input, keep_integers=True).max((2, 3), keepdims=True))


def _global_sum_pool_nd(
    n: int, input: npt.ArrayLike, *, data_format: str = "channels_first"
) -> Array:
    """Return the sum over the spatial axes, which stay, of length 1; integers wrap."""
    layout = Layout(n, np.ndim(input), data_format)
    x = layout.planes(input, keep_integers=True)
    return layout.back(x.sum((2, 3), keepdims=True, dtype=x.dtype))


adaptive_avg_pool1d, adaptive_avg_pool2d = both(_adaptive_avg_pool_nd)
adaptive_max_pool1d, adaptive_max_pool2d = both(_adaptive_max_pool_nd)
global_avg_pool1d, global_avg_pool2d = both(_global_avg_pool_nd)
global_max_pool1d, global_max_pool2d = both(_global_max_pool_nd)
global_sum_pool1d, global_sum_pool2d = both(_global_sum_pool_nd)
