"""Gradients of the adaptive and the global pools, and of unfold and fold."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from .._geometry import Padding, PerAxis
from .._layout import Array, Layout, both
from ..adaptive import OutputSize, cells, winner
from ..columns import fold, unfold
from .pool import _max_pool_nd_input, add_at


def _adaptive_avg_pool_nd_input(
    n: int, grad_output: npt.ArrayLike, input_size: Sequence[int],
    output_size: OutputSize = None, *, data_format: str = "channels_first",
) -> Array:  # fmt: skip
    """Gradient of `adaptive_avg_pool`, whose `output_size` is that of `grad_output`.

    Examples
    --------
    >>> adaptive_avg_pool1d_input([[3, 6]], (1, 5))
    array([[1., 1., 3., 2., 2.]])
    """
    layout = Layout(n, len(input_size), data_format)
    dy, dx = layout.planes(grad_output), np.zeros(layout.shape(tuple(input_size)))
    for i, j, cell in cells(dx.shape[2:], (dy.shape[2], dy.shape[3])):
        dx[cell] += dy[:, :, i : i + 1, j : j + 1] / dx[cell][0, 0].size
    return layout.back(dx)


def _adaptive_max_pool_nd_input(
    n: int, grad_output: npt.ArrayLike, indices: npt.ArrayLike, input_size: Sequence[int], *,
    data_format: str = "channels_first",
) -> Array:  # fmt: skip
    """Gradient of `adaptive_max_pool`: each output's goes to the element at its index."""
    return _max_pool_nd_input(n, grad_output, indices, input_size, data_format=data_format)


def _global_sum_pool_nd_input(
    n: int, grad_output: npt.ArrayLike, input_size: Sequence[int], *,
    data_format: str = "channels_first",
) -> Array:  # fmt: skip
    """Gradient of `global_sum_pool`: the output's, everywhere."""
    layout = Layout(n, len(input_size), data_format)
    dx = np.zeros(layout.shape(tuple(input_size)))
    return layout.back(dx + layout.planes(grad_output))


def _global_avg_pool_nd_input(
    n: int, grad_output: npt.ArrayLike, input_size: Sequence[int], *,
    data_format: str = "channels_first",
) -> Array:  # fmt: skip
    """Gradient of `global_avg_pool`: the output's, over the number of elements, everywhere."""
    _, _, height, width = Layout(n, len(input_size), data_format).shape(tuple(input_size))
    dx = _global_sum_pool_nd_input(n, grad_output, input_size, data_format=data_format)
    return dx / (height * width)


def _global_max_pool_nd_input(
    n: int, grad_output: npt.ArrayLike, input: npt.ArrayLike, *,
    data_format: str = "channels_first",
) -> Array:  # fmt: skip
    """Gradient of `global_max_pool`: the output's to the element that `max_pool` would choose."""
    layout = Layout(n, np.ndim(input), data_format)
    x, dy = layout.planes(input), layout.planes(grad_output)
    index = winner(x.reshape(*x.shape[:2], x.shape[2] * x.shape[3]))
    return layout.back(add_at(dy, index[..., None, None], x.shape[2:]))


def unfold_input(
    grad_output: npt.ArrayLike, input_size: Sequence[int], kernel_size: PerAxis,
    dilation: PerAxis = 1, padding: Padding = 0, stride: PerAxis = 1, *,
    data_format: str = "channels_first",
) -> Array:  # fmt: skip
    """Gradient of `unfold`: `fold`."""
    lengths = Layout(2, len(input_size), data_format).shape(tuple(input_size))[2:]
    return fold(
        grad_output, lengths, kernel_size, dilation, padding, stride, data_format=data_format
    )


def fold_input(
    grad_output: npt.ArrayLike, kernel_size: PerAxis, dilation: PerAxis = 1,
    padding: Padding = 0, stride: PerAxis = 1, *, data_format: str = "channels_first",
) -> Array:  # fmt: skip
    """Gradient of `fold`: `unfold`."""
    return unfold(grad_output, kernel_size, dilation, padding, stride, data_format=data_format)


adaptive_avg_pool1d_input, adaptive_avg_pool2d_input = both(_adaptive_avg_pool_nd_input)
adaptive_max_pool1d_input, adaptive_max_pool2d_input = both(_adaptive_max_pool_nd_input)
global_sum_pool1d_input, global_sum_pool2d_input = both(_global_sum_pool_nd_input)
global_avg_pool1d_input, global_avg_pool2d_input = both(_global_avg_pool_nd_input)
global_max_pool1d_input, global_max_pool2d_input = both(_global_max_pool_nd_input)
