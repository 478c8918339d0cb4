"""Gradients of the pools over windows, and of max_unpool."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .._geometry import Padding, PerAxis, Windows
from .._layout import Array, Layout, both
from ..activations import quietly
from ..pool import divisors, pool_windows


def add_at(dy: Array, index: Array, lengths: Sequence[int]) -> Array:
    """Planes of zeros, each `dy` added at its index."""
    batch, channels = dy.shape[:2]
    height, width = lengths
    if index.size and not 0 <= index.min() <= index.max() < height * width:
        raise IndexError(
            f"indices must be in [0, {height * width}), got {index.min()} to {index.max()}"
        )
    dx = np.zeros((batch, channels, height * width))
    n, c = np.ogrid[:batch, :channels]
    np.add.at(dx, (n[..., None, None], c[..., None, None], index), dy)
    return dx.reshape(batch, channels, height, width)


def _max_pool_nd_input(
    n: int, grad_output: npt.ArrayLike, indices: npt.ArrayLike, input_size: Sequence[int], *,
    data_format: str = "channels_first",
) -> Array:  # fmt: skip
    """Gradient of `max_pool`: each output's goes to the element at its index.

    Examples
    --------
    >>> max_pool1d_input([[1, 2, 4]], [[1, 2, 2]], (1, 4))
    array([[0., 1., 6., 0.]])
    """
    layout = Layout(n, len(input_size), data_format)
    dy, index = layout.planes(grad_output), layout.planes(indices, keep_integers=True)
    return layout.back(add_at(dy, index, layout.shape(tuple(input_size))[2:]))


def _min_pool_nd_input(
    n: int, grad_output: npt.ArrayLike, indices: npt.ArrayLike, input_size: Sequence[int], *,
    data_format: str = "channels_first",
) -> Array:  # fmt: skip
    """Gradient of `min_pool`: each output's goes to the element at its index."""
    return _max_pool_nd_input(n, grad_output, indices, input_size, data_format=data_format)


def _max_unpool_nd_input(
    n: int, grad_output: npt.ArrayLike, indices: npt.ArrayLike, *,
    data_format: str = "channels_first",
) -> Array:  # fmt: skip
    """Gradient of `max_unpool`: each element's is the one at its index, for duplicates too."""
    layout = Layout(n, np.ndim(grad_output), data_format)
    dy, index = layout.planes(grad_output), layout.planes(indices, keep_integers=True)
    rows = (*index.shape[:2], -1) if index.size else (*index.shape[:2], 0)
    dx = np.take_along_axis(
        dy.reshape(*dy.shape[:2], dy.shape[2] * dy.shape[3]), index.reshape(rows), -1
    )
    return layout.back(dx.reshape(index.shape))


def spread(dy: Array, at: Windows) -> Array:
    """Adjoint of the sum over windows: each output's gradient to all that its window holds."""
    frame = at.empty_frame(*dy.shape[:2])
    for _, _, tap in at.taps():
        frame[tap] += dy
    return at.unframe(frame)


@quietly
def _avg_pool_nd_input(
    n: int, grad_output: npt.ArrayLike, input_size: Sequence[int], kernel_size: PerAxis,
    stride: PerAxis | None = None, padding: Padding = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None, *,
    dilation: PerAxis = 1, data_format: str = "channels_first",
) -> Array:  # fmt: skip
    """Gradient of `avg_pool`: each output's, over its divisor, to all that its window holds.

    Examples
    --------
    >>> avg_pool1d_input([[2, 4]], (1, 3), 2, ceil_mode=True)
    array([[1., 1., 4.]])
    """
    layout = Layout(n, len(input_size), data_format)
    lengths = layout.shape(tuple(input_size))[2:]
    at = pool_windows(n, lengths, kernel_size, stride, padding, dilation, ceil_mode)
    divisor = divisors(at, count_include_pad, divisor_override)
    return layout.back(spread(layout.planes(grad_output) / divisor, at))


def _sum_pool_nd_input(
    n: int, grad_output: npt.ArrayLike, input_size: Sequence[int], kernel_size: PerAxis,
    stride: PerAxis | None = None, padding: Padding = 0, ceil_mode: bool = False, *,
    dilation: PerAxis = 1, data_format: str = "channels_first",
) -> Array:  # fmt: skip
    """Gradient of `sum_pool`: each output's to all that its window holds."""
    layout = Layout(n, len(input_size), data_format)
    lengths = layout.shape(tuple(input_size))[2:]
    at = pool_windows(n, lengths, kernel_size, stride, padding, dilation, ceil_mode)
    return layout.back(spread(layout.planes(grad_output), at))


@quietly
def _lp_pool_nd_input(
    n: int, grad_output: npt.ArrayLike, input: npt.ArrayLike, output: npt.ArrayLike,
    norm_type: float, kernel_size: PerAxis, stride: PerAxis | None = None,
    ceil_mode: bool = False, *, padding: Padding = 0, dilation: PerAxis = 1,
    data_format: str = "channels_first",
) -> Array:  # fmt: skip
    """Gradient of `lp_pool`: each output y's times ``sign(x) * (abs(x)/y)**(p-1)``; 0 where x is 0.

    Of p = inf it goes to the first of the largest, as in `max_pool`.
    """
    layout = Layout(n, np.ndim(input), data_format)
    x, y, dy = layout.planes(input), layout.planes(output), layout.planes(grad_output)
    at = pool_windows(n, x.shape[2:], kernel_size, stride, padding, dilation, ceil_mode)
    frame, dx, untaken = at.frame(x), at.empty_frame(*x.shape[:2]), np.ones(y.shape, bool)
    for _, _, tap in at.taps():
        size = np.abs(frame[tap])
        largest = untaken & (size == y)
        untaken &= ~largest
        slope = largest if norm_type == np.inf else (size / y) ** (norm_type - 1)
        dx[tap] += np.where((size == 0) | (y == 0), 0, dy * np.sign(frame[tap]) * slope)
    return layout.back(at.unframe(dx))


max_pool1d_input, max_pool2d_input = both(_max_pool_nd_input)
min_pool1d_input, min_pool2d_input = both(_min_pool_nd_input)
max_unpool1d_input, max_unpool2d_input = both(_max_unpool_nd_input)
avg_pool1d_input, avg_pool2d_input = both(_avg_pool_nd_input)
sum_pool1d_input, sum_pool2d_input = both(_sum_pool_nd_input)
lp_pool1d_input, lp_pool2d_input = both(_lp_pool_nd_input)
