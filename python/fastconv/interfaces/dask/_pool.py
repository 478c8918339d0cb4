"""Pools of dask arrays."""

from __future__ import annotations

from typing import Any

import numpy as np

import fastconv
from fastconv._docs import completed_by
from fastconv.interfaces.dask._conv import first, per_axis, resolved, spatial_axes
from fastconv.interfaces.dask._halo import Array, as_dask, chunked_call, reads_of_windows, whole

__all__ = [
    "avg_pool1d",
    "avg_pool2d",
    "lp_pool1d",
    "lp_pool2d",
    "max_pool1d",
    "max_pool2d",
    "min_pool1d",
    "min_pool2d",
    "sum_pool1d",
    "sum_pool2d",
]


def max_pool2d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, *, threads: int = 1, data_format: str = "channels_first",
) -> Any:  # fmt: skip
    """The largest element of each window of images in a dask array: `fastconv.max_pool2d`.

    Each chunk of the result is one call on exactly what it reads; the result has a border between
    chunks where one of the input was, divided by the stride. Nothing is computed before the result
    is. Every argument that is not explained here has the meaning of `fastconv.max_pool2d`.

    Parameters
    ----------
    input : dask array, (N, C, H, W) or (C, H, W)
        In chunks of any size along any axis, of a dtype that fastconv's pool of this name takes.
    threads : int, default 1
        Threads of each call. dask runs as many calls at a time as it has workers' threads.

    Returns
    -------
    y : dask array, (N, C, H', W')

    Raises
    ------
    ValueError, TypeError
        As fastconv's pool, at once; also if chunks of the input have no known size.

    Examples
    --------
    >>> import dask.array as da
    >>> from fastconv.interfaces import dask as fcd
    >>> fcd.max_pool2d(da.arange(16.0, chunks=8).reshape(1, 4, 4), 2).shape
    (1, 2, 2)
    """
    return _pooled(
        2, "max", input, kernel_size, stride, padding, ceil_mode, dilation, threads, data_format, {}
    )  # fmt: skip


@completed_by(max_pool2d)
def max_pool1d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, *, threads: int = 1, data_format: str = "channels_first",
) -> Any:  # fmt: skip
    """The largest element of each window of signals in a dask array: `fastconv.max_pool1d`.

    Examples
    --------
    >>> import dask.array as da
    >>> from fastconv.interfaces import dask as fcd
    >>> fcd.max_pool1d(da.arange(12.0, chunks=5)[None], 2).shape
    (1, 6)
    """
    return _pooled(
        1, "max", input, kernel_size, stride, padding, ceil_mode, dilation, threads, data_format, {}
    )  # fmt: skip


@completed_by(max_pool2d)
def min_pool2d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, *, threads: int = 1, data_format: str = "channels_first",
) -> Any:  # fmt: skip
    """The smallest element of each window of images in a dask array: `fastconv.min_pool2d`.

    Examples
    --------
    >>> import dask.array as da
    >>> from fastconv.interfaces import dask as fcd
    >>> fcd.min_pool2d(da.arange(16.0, chunks=8).reshape(1, 4, 4), 2).shape
    (1, 2, 2)
    """
    return _pooled(
        2, "min", input, kernel_size, stride, padding, ceil_mode, dilation, threads, data_format, {}
    )  # fmt: skip


@completed_by(max_pool2d)
def min_pool1d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, dilation: Any = 1,
    ceil_mode: bool = False, *, threads: int = 1, data_format: str = "channels_first",
) -> Any:  # fmt: skip
    """The smallest element of each window of signals in a dask array: `fastconv.min_pool1d`.

    Examples
    --------
    >>> import dask.array as da
    >>> from fastconv.interfaces import dask as fcd
    >>> fcd.min_pool1d(da.arange(12.0, chunks=5)[None], 2).shape
    (1, 6)
    """
    return _pooled(
        1, "min", input, kernel_size, stride, padding, ceil_mode, dilation, threads, data_format, {}
    )  # fmt: skip


@completed_by(max_pool2d)
def avg_pool2d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None, *, dilation: Any = 1,
    threads: int = 1, data_format: str = "channels_first",
) -> Any:  # fmt: skip
    """The average of each window of images in a dask array: `fastconv.avg_pool2d`.

    Examples
    --------
    >>> import dask.array as da
    >>> from fastconv.interfaces import dask as fcd
    >>> fcd.avg_pool2d(da.arange(16.0, chunks=8).reshape(1, 4, 4), 2).shape
    (1, 2, 2)
    """
    return _pooled(
        2, "avg", input, kernel_size, stride, padding, ceil_mode, dilation, threads, data_format,
        {"count_include_pad": count_include_pad, "divisor_override": divisor_override},
    )  # fmt: skip


@completed_by(max_pool2d)
def avg_pool1d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    count_include_pad: bool = True, divisor_override: int | None = None, *, dilation: Any = 1,
    threads: int = 1, data_format: str = "channels_first",
) -> Any:  # fmt: skip
    """The average of each window of signals in a dask array: `fastconv.avg_pool1d`.

    Examples
    --------
    >>> import dask.array as da
    >>> from fastconv.interfaces import dask as fcd
    >>> fcd.avg_pool1d(da.arange(12.0, chunks=5)[None], 2).shape
    (1, 6)
    """
    return _pooled(
        1, "avg", input, kernel_size, stride, padding, ceil_mode, dilation, threads, data_format,
        {"count_include_pad": count_include_pad, "divisor_override": divisor_override},
    )  # fmt: skip


@completed_by(max_pool2d)
def sum_pool2d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    *, dilation: Any = 1, threads: int = 1, data_format: str = "channels_first",
) -> Any:  # fmt: skip
    """The sum of each window of images in a dask array: `fastconv.sum_pool2d`.

    Examples
    --------
    >>> import dask.array as da
    >>> from fastconv.interfaces import dask as fcd
    >>> fcd.sum_pool2d(da.arange(16.0, chunks=8).reshape(1, 4, 4), 2).shape
    (1, 2, 2)
    """
    return _pooled(
        2, "sum", input, kernel_size, stride, padding, ceil_mode, dilation, threads, data_format, {}
    )  # fmt: skip


@completed_by(max_pool2d)
def sum_pool1d(
    input: Any, kernel_size: Any, stride: Any = None, padding: Any = 0, ceil_mode: bool = False,
    *, dilation: Any = 1, threads: int = 1, data_format: str = "channels_first",
) -> Any:  # fmt: skip
    """The sum of each window of signals in a dask array: `fastconv.sum_pool1d`.

    Examples
    --------
    >>> import dask.array as da
    >>> from fastconv.interfaces import dask as fcd
    >>> fcd.sum_pool1d(da.arange(12.0, chunks=5)[None], 2).shape
    (1, 6)
    """
    return _pooled(
        1, "sum", input, kernel_size, stride, padding, ceil_mode, dilation, threads, data_format, {}
    )  # fmt: skip


@completed_by(max_pool2d)
def lp_pool2d(
    input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False,
    *, padding: Any = 0, dilation: Any = 1, threads: int = 1,
    data_format: str = "channels_first",
) -> Any:  # fmt: skip
    """The p-norm of each window of images in a dask array: `fastconv.lp_pool2d`.

    Examples
    --------
    >>> import dask.array as da
    >>> from fastconv.interfaces import dask as fcd
    >>> fcd.lp_pool2d(da.arange(16.0, chunks=8).reshape(1, 4, 4), 2, 2).shape
    (1, 2, 2)
    """
    return _pooled(
        2, "lp", input, kernel_size, stride, padding, ceil_mode, dilation, threads, data_format,
        {"norm_type": norm_type},
    )  # fmt: skip


@completed_by(max_pool2d)
def lp_pool1d(
    input: Any, norm_type: float, kernel_size: Any, stride: Any = None, ceil_mode: bool = False,
    *, padding: Any = 0, dilation: Any = 1, threads: int = 1,
    data_format: str = "channels_first",
) -> Any:  # fmt: skip
    """The p-norm of each window of signals in a dask array: `fastconv.lp_pool1d`.

    Examples
    --------
    >>> import dask.array as da
    >>> from fastconv.interfaces import dask as fcd
    >>> fcd.lp_pool1d(da.arange(12.0, chunks=5)[None], 2, 2).shape
    (1, 6)
    """
    return _pooled(
        1, "lp", input, kernel_size, stride, padding, ceil_mode, dilation, threads, data_format,
        {"norm_type": norm_type},
    )  # fmt: skip


def _pooled(
    n: int, kind: str, input: Any, kernel_size: Any, stride: Any, padding: Any, ceil_mode: bool,
    dilation: Any, threads: int, data_format: str, options: dict[str, Any],
) -> Any:  # fmt: skip
    x = as_dask(input)
    if x.ndim not in (n + 1, n + 2):
        raise ValueError(f"input must have {n + 1} or {n + 2} axes, got shape {x.shape}")
    name = f"{kind}_pool{n}d"
    function: Any = getattr(fastconv, name)
    shape = first(x.shape, n, data_format)
    kernel, dilations = per_axis(kernel_size, n), per_axis(dilation, n)
    # With a kernel for each axis three lengths of images are not taken for those of signals.
    out = fastconv.pool_output_shape(shape, kernel, stride, padding, dilation, ceil_mode)
    strides = kernel if stride is None or np.size(stride) == 0 else per_axis(stride, n)
    spatial = spatial_axes(x.ndim, n, data_format)
    paddings = resolved(padding, shape[-n:], kernel, strides, dilations)
    axes = [whole(sizes) for sizes in x.chunks]
    for i, axis in enumerate(spatial):
        reach = dilations[i] * (kernel[i] - 1) + 1
        axes[axis] = reads_of_windows(x.chunks[axis], out[i - n], reach, strides[i], paddings[i])
    settled = {
        **options, "kernel_size": kernel, "stride": strides, "dilation": dilations,
        "threads": threads, "data_format": data_format,
    }  # fmt: skip
    call = _Pool(function, spatial, bool(ceil_mode), settled)
    result = call.dtype_of(x.dtype, n)
    return chunked_call(name, x, axes, call, (), result)


class _Pool:
    """One chunk of a pool; what it is told is its padding, and whether it is the last one."""

    def __init__(
        self, function: Any, spatial: tuple[int, ...], ceil_mode: bool, options: dict[str, Any]
    ) -> None:
        self.function, self.spatial = function, spatial
        self.ceil_mode, self.options = ceil_mode, options

    def __call__(self, x: Array, told: Any) -> Array:
        padding = tuple(told[axis][:2] for axis in self.spatial)
        y: Array = self.function(x, padding=padding, ceil_mode=self.ceil_mode, **self.options)
        return y

    def dtype_of(self, dtype: Any, n: int) -> Any:
        """The dtype of the result; raises what the function raises."""
        least = np.ones((1,) * (n + 1), dtype)
        options = {**self.options, "kernel_size": 1, "stride": 1}
        return self.function(least, **options).dtype
