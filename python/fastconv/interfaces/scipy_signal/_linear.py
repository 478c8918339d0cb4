"""Linear convolution of arrays of any rank along at most two of their axes, by our kernels."""

from __future__ import annotations

from math import prod
from typing import TYPE_CHECKING, Any

import numpy as np

import fastconv
from fastconv.interfaces.scipy_signal._arrays import Array

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fastconv.typing import Precision

__all__ = ["along", "linear", "window", "windowed"]

Range = tuple[int, int]

# Kernels of so many taps run down the columns of an array as it lies; for longer ones, which are
# convolved by Fourier transforms along rows, it pays to turn the array. 256 columns of 4,096 in
# float32: 5 taps 204 us against 366 and the turning, 33 1,388 against 1,298, 101 5,005 against
# 2,659.
_TAPS_DOWN = 48


def window(n: int, k: int, mode: str) -> Range:
    """Where the outputs of `mode` begin and end in the full convolution of lengths n and k."""
    if mode == "full":
        return 0, n + k - 1
    if mode == "same":
        return (k - 1) // 2, (k - 1) // 2 + n
    return min(n, k) - 1, max(n, k)


def windowed(n: int, k: int, first: int, last: int) -> tuple[slice, tuple[int, int]]:
    """What outputs from `first` to `last` of a full convolution read: a slice, and the padding."""
    low, high = first - k + 1, last + 1
    part = slice(max(low, 0), max(min(high, n), 0))
    return part, (max(-low, 0), max(high - n, 0))


def along(
    x: Array, h: Array, axis: int, first: int, count: int, down: int = 1,
    precision: Precision | None = None,
) -> Array:  # fmt: skip
    """Outputs ``first``, ``first + down``, ... of the full convolution with h along an axis."""
    axis %= x.ndim
    shape = x.shape
    n, k = shape[axis], h.size
    part, padding = windowed(n, k, first, first + (count - 1) * down)
    if x.ndim == 1 and count > 0 and part.start < part.stop:  # with little around the call
        z: Array = fastconv.conv1d(
            x[None, part], h[None, None, ::-1], stride=down, padding=(padding,), precision=precision
        )[0]
        return z
    before, after = prod(shape[:axis]), prod(shape[axis + 1 :])
    if count <= 0 or part.start >= part.stop or 0 in shape:
        return np.zeros((*shape[:axis], max(count, 0), *shape[axis + 1 :]), x.dtype)
    if after == 1 or k > _TAPS_DOWN:
        lines = x if axis == x.ndim - 1 else np.moveaxis(x, axis, -1)
        rows = lines.reshape(-1, 1, n)[:, :, part]
        y = fastconv.conv1d(
            rows, h[None, None, ::-1], stride=down, padding=(padding,), precision=precision
        )
        y = y.reshape(*lines.shape[:-1], count)
        return y if axis == x.ndim - 1 else np.ascontiguousarray(np.moveaxis(y, -1, axis))
    planes = x.reshape(before, 1, n, after)[:, :, part]
    y = fastconv.conv2d(
        planes, h[None, None, ::-1, None], stride=(down, 1), padding=(padding, (0, 0)),
        precision=precision,
    )  # fmt: skip
    return y.reshape(*shape[:axis], count, *shape[axis + 1 :])


def linear(
    x: Array, h: Array, ranges: Sequence[Range | None], precision: Precision | None = None
) -> Array | None:
    """The outputs `ranges` of the full convolution of two arrays of as many axes.

    Where a range is None, lengths are equal or one of them is 1, and each output has its own pair.
    None if more than two axes are convolved.
    """
    axes = [
        a for a, r in enumerate(ranges) if r is not None and x.shape[a] != 1 and h.shape[a] != 1
    ]
    if len(axes) > 2:
        return None
    if prod(h.shape[a] for a in axes) > prod(x.shape[a] for a in axes):
        x, h = h, x
    # Along the other axes each output is one product: what is longer there is cut.
    cuts = [slice(None) if r is None or a in axes else slice(*r) for a, r in enumerate(ranges)]
    x = x[tuple(c if n > 1 else slice(None) for c, n in zip(cuts, x.shape, strict=True))]
    h = h[tuple(c if n > 1 else slice(None) for c, n in zip(cuts, h.shape, strict=True))]
    if not axes:
        return x * h
    firsts = [ranges[a][0] for a in axes]  # type: ignore[index]
    counts = [ranges[a][1] - ranges[a][0] for a in axes]  # type: ignore[index]
    if len(axes) == 1 and h.size == h.shape[axes[0]]:
        return along(x, h.reshape(-1), axes[0], firsts[0], counts[0], 1, precision)
    rest = [a for a in range(x.ndim) if a not in axes]
    order = [*rest, *axes]
    x, h = x.transpose(order), h.transpose(order)
    y = _batched(x, h, len(axes), firsts, counts, precision)
    return y.transpose(np.argsort(order)) if rest else y


def _batched(
    x: Array, h: Array, rank: int, firsts: list[int], counts: list[int],
    precision: Precision | None,
) -> Array:  # fmt: skip
    """The same with the axes that are convolved last, and all others before them."""
    parts, padding = zip(
        *(
            windowed(n, k, first, first + count - 1)
            for n, k, first, count in zip(
                x.shape[-rank:], h.shape[-rank:], firsts, counts, strict=True
            )
        ),
        strict=True,
    )
    outer = np.broadcast_shapes(x.shape[:-rank], h.shape[:-rank])
    backwards: Any = (..., *([slice(None, None, -1)] * rank))
    places: Any = (..., *parts)
    x, h = x[places], h[backwards]
    groups = 1
    if prod(h.shape[:-rank]) == 1:  # one kernel for a batch
        x, h = x.reshape(-1, 1, *x.shape[-rank:]), h.reshape(1, 1, *h.shape[-rank:])
    elif prod(x.shape[:-rank]) == 1:  # several kernels for one image
        x, h = x.reshape(1, 1, *x.shape[-rank:]), h.reshape(-1, 1, *h.shape[-rank:])
    else:  # pairs
        x = np.broadcast_to(x, (*outer, *x.shape[-rank:])).reshape(1, -1, *x.shape[-rank:])
        h = np.broadcast_to(h, (*outer, *h.shape[-rank:])).reshape(-1, 1, *h.shape[-rank:])
        groups = h.shape[0]
    conv: Any = fastconv.conv1d if rank == 1 else fastconv.conv2d
    y: Array = conv(x, h, padding=padding, groups=groups, precision=precision)
    return y.reshape(*outer, *counts)
