"""Between planes and columns or single elements: unfold, fold, and max_unpool."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ._geometry import (
    Padding,
    PerAxis,
    direct_windows,
    or_kernel,
    per_axis,
    spatial,
    transposed_lengths,
)
from ._layout import Array, Layout, both


def unfold(
    input: npt.ArrayLike, kernel_size: PerAxis, dilation: PerAxis = 1, padding: Padding = 0,
    stride: PerAxis = 1, *, data_format: str = "channels_first",
) -> Array:  # fmt: skip
    """Copy each window into a column (im2col): ``(N, C, H, W)`` to ``(N, C*kh*kw, L)``.

    With channels last it is ``(N, H, W, C)`` to ``(N, L, C*kh*kw)``, the columns the same.

    Examples
    --------
    >>> unfold([[[1, 2, 3], [4, 5, 6]]], 2)
    array([[1., 2.],
           [2., 3.],
           [4., 5.],
           [5., 6.]])
    """
    planes, columns = (Layout(n, np.ndim(input) - 2 + n, data_format) for n in (2, 1))
    x = planes.planes(input)
    at = direct_windows(2, x.shape[2:], kernel_size, stride, padding, dilation)
    y = at.view(at.frame(x)).transpose(0, 1, 4, 5, 2, 3)
    rows = x.shape[1] * at.kernel[0] * at.kernel[1]
    return columns.back(y.reshape(len(x), rows, 1, at.count[0] * at.count[1]))


def fold(
    input: npt.ArrayLike, output_size: PerAxis, kernel_size: PerAxis, dilation: PerAxis = 1,
    padding: Padding = 0, stride: PerAxis = 1, *, data_format: str = "channels_first",
) -> Array:  # fmt: skip
    """Add the columns to where `unfold` had them from (col2im): the adjoint of `unfold`.

    Examples
    --------
    >>> fold([[1, 2], [2, 3], [4, 5], [5, 6]], (2, 3), 2)
    array([[[ 1.,  4.,  3.],
            [ 4., 10.,  6.]]])
    """
    columns, planes = (Layout(n, np.ndim(input) - 1 + n, data_format) for n in (1, 2))
    y = columns.planes(input)
    at = direct_windows(2, per_axis(output_size, 2), kernel_size, stride, padding, dilation)
    channels = y.shape[1] // (at.kernel[0] * at.kernel[1])
    y = y.reshape(len(y), channels, *at.kernel, *at.count)
    frame = at.empty_frame(len(y), channels)
    for p, q, tap in at.taps():
        frame[tap] += y[:, :, p, q]
    return planes.back(at.unframe(frame))


def _max_unpool_nd(
    n: int, input: npt.ArrayLike, indices: npt.ArrayLike, kernel_size: PerAxis,
    stride: PerAxis | None = None, padding: Padding = 0, output_size: PerAxis | None = None, *,
    data_format: str = "channels_first",
) -> Array:  # fmt: skip
    """Put each element where `max_pool` had it from, zeros elsewhere; the last of duplicates wins.

    Examples
    --------
    >>> max_unpool1d([[3, 5]], [[1, 2]], 2)
    array([[0., 3., 5., 0.]])
    """
    layout = Layout(n, np.ndim(input), data_format)
    x, index = layout.planes(input), layout.planes(indices, keep_integers=True)
    k, s = per_axis(kernel_size, n), per_axis(or_kernel(stride, kernel_size), n)
    h, w = transposed_lengths(n, (x.shape[2], x.shape[3]), k, s, padding, (1, 1))
    if output_size is not None:
        h, w = spatial(n, output_size, data_format)
    if index.size and not 0 <= index.min() <= index.max() < h * w:
        raise IndexError(f"indices must be in [0, {h * w}), got {index.min()} to {index.max()}")
    y = np.zeros((*x.shape[:2], h * w))
    np.put_along_axis(y, index.reshape(*x.shape[:2], -1), x.reshape(*x.shape[:2], -1), -1)
    return layout.back(y.reshape(*x.shape[:2], h, w))


max_unpool1d, max_unpool2d = both(_max_unpool_nd)
