"""The way back from max pools: every element to the place that it came from."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastconv import _native
from fastconv._docs import completed_by
from fastconv.max_pool import max_pool1d, max_pool2d

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fastconv.typing import DataFormat, Number, Padding, PerAxis

__all__ = ["max_unpool1d", "max_unpool2d"]


@completed_by(max_pool2d, "threads", "out", "data_format")
def max_unpool2d(
    input: NDArray[Number], indices: NDArray[np.int64], kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0, output_size: PerAxis | None = None, *, threads: int | None = None,
    out: NDArray[Number] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Number]:  # fmt: skip
    """Put each element where `max_pool2d` had it from, with zeros elsewhere.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W), float32, float64 or an integer dtype
        What the pool returned, or anything in its place.
    indices : the shape of input, int64
        The place ``h * W' + w`` of each element in its plane of the result; the last of duplicates
        wins.
    kernel_size : int or (int, int)
        Lengths of the pool's windows. From them, `stride` and `padding` follow those of the result.
    stride : int or (int, int), optional
        That of the pool. None or an empty sequence: the kernel size.
    padding : int, (int, int), ((lo, hi), (lo, hi)) or a word, default 0
        That of the pool.
    output_size : (int, int), or the full shape of the result, optional
        The lengths of the result where the pool left a remainder: each less than one stride from
        the default ``(n - 1)*stride + kernel_size - lo - hi``.

    Returns
    -------
    y : (N, C, H', W'), the dtype of input

    Raises
    ------
    IndexError
        If an index is outside the result; the message says which.
    TypeError
        If indices are not int64, or another argument has the wrong type.
    ValueError
        If the sizes do not fit together.

    References
    ----------
    .. [1] Zeiler, Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.max_unpool2d(np.array([[[4.0]]]), np.array([[[3]]]), 2)
    array([[[0., 0.],
            [0., 4.]]])
    """
    return _native.max_unpool(
        2, input, indices, kernel_size, stride, padding, output_size, threads, out, data_format
    )


@completed_by(max_unpool2d)
@completed_by(max_pool1d, "threads", "out", "data_format")
def max_unpool1d(
    input: NDArray[Number], indices: NDArray[np.int64], kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0, output_size: PerAxis | None = None, *, threads: int | None = None,
    out: NDArray[Number] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Number]:  # fmt: skip
    """Put each element where `max_pool1d` had it from: as `max_unpool2d`, with one axis.

    Parameters
    ----------
    input : (N, C, W) or (C, W), float32, float64 or an integer dtype
        What the pool returned, or anything in its place.
    indices : the shape of input, int64
        Where each element goes; the last of duplicates wins.
    kernel_size : int
        Elements of the pool's windows.
    stride : int, optional
        That of the pool. None or an empty sequence: the kernel size.
    padding : int, a (lo, hi) pair nested as ``((lo, hi),)``, or a word, default 0
        That of the pool.
    output_size : int, or the full shape of the result, optional
        The length, where the pool left a remainder.

    Returns
    -------
    y : (N, C, W'), the dtype of input

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.max_unpool1d(np.array([[3.0, 5.0]]), np.array([[1, 2]]), 2)
    array([[0., 3., 5., 0.]])
    """
    return _native.max_unpool(
        1, input, indices, kernel_size, stride, padding, output_size, threads, out, data_format
    )
