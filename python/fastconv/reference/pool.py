"""Pools over windows: the largest, the smallest, the mean, the sum, the p-norm."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ._geometry import Padding, PerAxis, Windows, direct_windows, or_kernel
from ._layout import Array, Layout, both
from .activations import quietly


def pool_windows(
    n: int, lengths: Sequence[int], kernel: PerAxis, stride: PerAxis | None, padding: Padding,
    dilation: PerAxis, ceil_mode: bool,
) -> Windows:  # fmt: skip
    """Windows of a pool, whose stride is its kernel unless said otherwise."""
    if isinstance(padding, str) and padding in ("causal", "full"):
        raise ValueError(f"padding {padding!r} is for convolutions")
    stride = or_kernel(stride, kernel)
    return direct_windows(n, lengths, kernel, stride, padding, dilation, ceil_mode=ceil_mode)


def extremes(x: Array, at: Windows, better: Callable[..., Array]) -> tuple[Array, Array]:
    """The best value in each window and its position, counted from 1; 0 where there is none."""
    lowest, highest = (
        (np.iinfo(x.dtype).min, np.iinfo(x.dtype).max)
        if np.issubdtype(x.dtype, np.integer)
        else (-np.inf, np.inf)
    )
    nothing = lowest if better is np.greater else highest
    frame, place = at.frame(x), at.frame(1 + np.arange(np.prod(at.lengths)).reshape(at.lengths))
    best = np.full((*x.shape[:2], *at.count), nothing, x.dtype)
    position = np.zeros(best.shape, np.int64)
    for _, _, tap in at.taps():
        value, here = frame[tap], place[tap]
        wins = (here > 0) & ((position == 0) | better(value, best) | np.isnan(value))
        best, position = np.where(wins, value, best), np.where(wins, here, position)
    return best, position


def extreme_pool(
    better: Callable[..., Array], n: int, input: npt.ArrayLike, kernel_size: PerAxis,
    stride: PerAxis | None, padding: Padding, dilation: PerAxis, ceil_mode: bool,
    return_indices: bool, data_format: str,
) -> Any:  # fmt: skip
    """The largest or smallest of each window, on request with its index in the unpadded plane."""
    layout = Layout(n, np.ndim(input), data_format)
    x = layout.planes(input, keep_integers=True)
    at = pool_windows(n, x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    best, position = extremes(x, at, better)
    if not return_indices:
        return layout.back(best)
    if (position == 0).any():
        raise ValueError("return_indices: a window lies wholly in the padding")
    return layout.back(best), layout.back(position - 1)


def _max_pool_nd(
    n: int, input: npt.ArrayLike, kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0, dilation: PerAxis = 1, ceil_mode: bool = False,
    return_indices: bool = False, *, data_format: str = "channels_first",
) -> Any:  # fmt: skip
    """Return the largest element of each window, with `return_indices` also its index.

    The first of equals wins, but NaN wins over all and then the last one does. Padding never wins:
    a window with nothing else gives -Inf or the lowest integer. Integers stay what they are.

    Examples
    --------
    >>> max_pool1d([[1, 3, 3, 2, 5]], 2, ceil_mode=True, return_indices=True)
    (array([[3, 3, 5]]), array([[1, 2, 4]]))
    """
    return extreme_pool(
        np.greater, n, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices,
        data_format,
    )  # fmt: skip


def _min_pool_nd(
    n: int, input: npt.ArrayLike, kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0, dilation: PerAxis = 1, ceil_mode: bool = False,
    return_indices: bool = False, *, data_format: str = "channels_first",
) -> Any:  # fmt: skip
    """Return the smallest element of each window: `max_pool` with the order reversed."""
    return extreme_pool(
        np.less, n, input, kernel_size, stride, padding, dilation, ceil_mode, return_indices,
        data_format,
    )  # fmt: skip


@quietly
def sums(x: Array, at: Windows) -> Array:
    """The sum of each window, in the dtype of `x`."""
    frame = at.frame(x)
    total = np.zeros((*x.shape[:2], *at.count), x.dtype)
    for _, _, tap in at.taps():
        total += frame[tap]
    return total


def divisors(at: Windows, count_include_pad: bool, divisor_override: int | None) -> Array:
    """By what the sum of each window is divided; never by what hangs over with ceil_mode."""
    if divisor_override is not None:
        return np.full(at.count, float(divisor_override))
    counted = at.frame(np.ones(at.lengths), value=float(count_include_pad), beyond=0)
    total = np.zeros(at.count)
    for _, _, tap in at.taps():
        total += counted[tap]
    return total


@quietly
def _avg_pool_nd(
    n: int, input: npt.ArrayLike, kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0, ceil_mode: bool = False, count_include_pad: bool = True,
    divisor_override: int | None = None, *, dilation: PerAxis = 1,
    data_format: str = "channels_first",
) -> Array:  # fmt: skip
    """Return the sum of each window over the number of its elements.

    That number counts padding if `count_include_pad` says so, or is `divisor_override`.

    Examples
    --------
    >>> avg_pool1d([[3, 6, 9]], 2, 2, padding=1)
    array([[1.5, 7.5]])
    >>> avg_pool1d([[3, 6, 9]], 2, 2, padding=1, count_include_pad=False)
    array([[3. , 7.5]])
    """
    layout = Layout(n, np.ndim(input), data_format)
    x = layout.planes(input)
    at = pool_windows(n, x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    return layout.back(sums(x, at) / divisors(at, count_include_pad, divisor_override))


def _sum_pool_nd(
    n: int, input: npt.ArrayLike, kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0, ceil_mode: bool = False, *, dilation: PerAxis = 1,
    data_format: str = "channels_first",
) -> Array:  # fmt: skip
    """Return the sum of each window; integers stay what they are and wrap."""
    layout = Layout(n, np.ndim(input), data_format)
    x = layout.planes(input, keep_integers=True)
    at = pool_windows(n, x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    return layout.back(sums(x, at))


@quietly
def _lp_pool_nd(
    n: int, input: npt.ArrayLike, norm_type: float, kernel_size: PerAxis,
    stride: PerAxis | None = None, ceil_mode: bool = False, *, padding: Padding = 0,
    dilation: PerAxis = 1, data_format: str = "channels_first",
) -> Array:  # fmt: skip
    """Return the p-norm ``sum(abs(x)**p)**(1/p)`` of each window; of p = inf the largest abs(x).

    Examples
    --------
    >>> lp_pool1d([[3, -4, 0, 5]], 2, 2)
    array([[5., 5.]])
    """
    if not norm_type > 0:
        raise ValueError(f"norm_type must be positive, got {norm_type}")
    layout = Layout(n, np.ndim(input), data_format)
    x = np.abs(layout.planes(input))
    at = pool_windows(n, x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    if norm_type == np.inf:
        return layout.back(np.maximum(extremes(x, at, np.greater)[0], 0))
    return layout.back(sums(x**norm_type, at) ** (1 / norm_type))


max_pool1d, max_pool2d = both(_max_pool_nd)
min_pool1d, min_pool2d = both(_min_pool_nd)
avg_pool1d, avg_pool2d = both(_avg_pool_nd)
sum_pool1d, sum_pool2d = both(_sum_pool_nd)
lp_pool1d, lp_pool2d = both(_lp_pool_nd)
