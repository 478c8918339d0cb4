"""Convolutions and transposed convolutions of dask arrays."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import dask.array as da
import numpy as np

import fastconv
from fastconv import _native
from fastconv._docs import completed_by
from fastconv.interfaces.dask._halo import (
    Array,
    Axis,
    Read,
    as_dask,
    borders,
    chunked_call,
    reads_of_windows,
    whole,
)

__all__ = ["conv1d", "conv2d", "conv_transpose1d", "conv_transpose2d"]

_PAD_WORDS = {
    "reflect": "reflect", "replicate": "edge", "circular": "wrap", "symmetric": "symmetric"
}  # fmt: skip


def conv2d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1, *, padding_mode: Any = "zeros", activation: Any = None,
    algorithm: str = "auto", threads: int = 1, data_format: str = "channels_first",
    precision: Any = None,
) -> Any:  # fmt: skip
    """Cross-correlate images in a dask array with a bank of filters: `fastconv.conv2d`, lazily.

    Each chunk of the result is one call on exactly what it reads, cut from neighbouring chunks. The
    result has a border between chunks where a chunk of the input ended, divided by the stride; all
    channels are one chunk. Nothing is computed before the result is. Every argument that is not
    explained here has the meaning of `fastconv.conv2d`.

    Parameters
    ----------
    input : dask array, (N, C_in, H, W) or (C_in, H, W), float32 or float64
        The images, in chunks of any size along any axis.
    weight : (C_out, C_in // groups, KH, KW) array, the dtype of input
        The filters, no dask array: they go to every task.
    bias : (C_out,) array, optional
        What is added to each output channel.
    threads : int, default 1
        Threads of each call. dask runs as many calls at a time as it has workers' threads.
    precision : {"high", "highest"}, optional
        By default what holds where this function is called. With "highest", integers that float
        holds exactly give the same bits as one call on the whole array; otherwise two calls may
        differ by the bounds of `fastconv.precision`, since each chooses its algorithm.

    Returns
    -------
    y : dask array, (N, C_out, H', W')

    Raises
    ------
    ValueError, TypeError
        As `fastconv.conv2d`, at once; also if chunks of the input have no known size.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from fastconv.interfaces import dask as fcd
    >>> x = da.ones((1, 1, 100, 100), chunks=(1, 1, 50, 50), dtype=np.float32)
    >>> y = fcd.conv2d(x, np.ones((4, 1, 3, 3), np.float32), stride=2, padding="same")
    >>> y.shape, y.chunks[2]
    ((1, 4, 50, 50), (25, 25))
    """
    options = {"activation": activation, "algorithm": algorithm}
    return _convolved(
        2, input, weight, bias, stride, padding, dilation, groups, padding_mode, threads,
        data_format, precision, options,
    )  # fmt: skip


@completed_by(conv2d)
def conv1d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
    dilation: Any = 1, groups: int = 1, *, padding_mode: Any = "zeros", activation: Any = None,
    algorithm: str = "auto", threads: int = 1, data_format: str = "channels_first",
    precision: Any = None,
) -> Any:  # fmt: skip
    """Cross-correlate signals in a dask array with filters: `fastconv.conv1d`, lazily.

    As `conv2d`, with one axis.

    Parameters
    ----------
    input : dask array, (N, C_in, W) or (C_in, W), float32 or float64
        The signals, in chunks of any size along any axis.
    weight : (C_out, C_in // groups, K) array, the dtype of input
        The filters.

    Returns
    -------
    y : dask array, (N, C_out, W')

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from fastconv.interfaces import dask as fcd
    >>> x = da.arange(10.0, chunks=4)[None]
    >>> fcd.conv1d(x, np.ones((1, 1, 3)), padding="causal").compute()
    array([[ 0.,  1.,  3.,  6.,  9., 12., 15., 18., 21., 24.]])
    """
    options = {"activation": activation, "algorithm": algorithm}
    return _convolved(
        1, input, weight, bias, stride, padding, dilation, groups, padding_mode, threads,
        data_format, precision, options,
    )  # fmt: skip


@completed_by(conv2d)
def conv_transpose2d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1, *, activation: Any = None,
    algorithm: str = "auto", threads: int = 1, data_format: str = "channels_first",
    precision: Any = None,
) -> Any:  # fmt: skip
    """Transposed convolution of images in a dask array: `fastconv.conv_transpose2d`, lazily.

    As `conv2d`; the result has a border between chunks where one of the input was, times the
    stride.

    Parameters
    ----------
    weight : (C_in, C_out // groups, KH, KW) array, the dtype of input
        The filters.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from fastconv.interfaces import dask as fcd
    >>> x = da.ones((1, 1, 8, 8), chunks=4, dtype=np.float32)
    >>> fcd.conv_transpose2d(x, np.ones((1, 1, 2, 2), np.float32), stride=2).chunks[2]
    (8, 8)
    """
    options = {"activation": activation, "algorithm": algorithm}
    return _transposed(
        2, input, weight, bias, stride, padding, output_padding, groups, dilation, threads,
        data_format, precision, options,
    )  # fmt: skip


@completed_by(conv1d)
def conv_transpose1d(
    input: Any, weight: Any, bias: Any = None, stride: Any = 1, padding: Any = 0,
    output_padding: Any = 0, groups: int = 1, dilation: Any = 1, *, activation: Any = None,
    algorithm: str = "auto", threads: int = 1, data_format: str = "channels_first",
    precision: Any = None,
) -> Any:  # fmt: skip
    """Transposed convolution of signals in a dask array: `fastconv.conv_transpose1d`, lazily.

    As `conv_transpose2d`, with one axis.

    Parameters
    ----------
    weight : (C_in, C_out // groups, K) array, the dtype of input
        The filters.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from fastconv.interfaces import dask as fcd
    >>> fcd.conv_transpose1d(da.ones((1, 6), chunks=3), np.ones((1, 1, 4)), stride=2).shape
    (1, 14)
    """
    options = {"activation": activation, "algorithm": algorithm}
    return _transposed(
        1, input, weight, bias, stride, padding, output_padding, groups, dilation, threads,
        data_format, precision, options,
    )  # fmt: skip


def per_axis(value: Any, n: int) -> tuple[int, ...]:
    """An int or a sequence for each axis, which a function of fastconv has accepted."""
    values = tuple(int(v) for v in np.atleast_1d(value))
    return values * n if len(values) == 1 else values


def spatial_axes(ndim: int, n: int, data_format: str) -> tuple[int, ...]:
    last = ndim - 1 if data_format == "channels_last" else ndim
    return tuple(range(last - n, last))


def first(shape: tuple[int, ...], n: int, data_format: str) -> tuple[int, ...]:
    """A shape with the channels before the spatial axes."""
    if data_format != "channels_last":
        return shape
    return (*shape[: -n - 1], shape[-1], *shape[-n - 1 : -1])


def _operands(n: int, input: Any, weight: Any, bias: Any, data_format: str) -> tuple[Any, ...]:
    x = as_dask(input)
    if data_format not in ("channels_first", "channels_last"):
        raise ValueError(
            "data_format must be 'channels_first' or 'channels_last', got " + repr(data_format)
        )
    if x.ndim not in (n + 1, n + 2):
        raise ValueError(f"input must have {n + 1} or {n + 2} axes, got shape {x.shape}")
    if x.dtype not in (np.float32, np.float64):
        raise TypeError(f"input must be float32 or float64, got {x.dtype}")
    arrays: list[Any] = []
    for name, value in (("weight", weight), ("bias", bias)):
        if isinstance(value, da.Array):
            raise TypeError(f"{name} must be an array that is there, got a dask array")
        arrays.append(None if value is None else np.asarray(value))
        if value is not None and arrays[-1].dtype != x.dtype:
            raise TypeError(
                f"{name} must have the dtype of input, {x.dtype}, got {arrays[-1].dtype}"
            )
    channels = x.ndim - 1 if data_format == "channels_last" else x.ndim - n - 1
    return x.rechunk({channels: -1}), channels, *arrays


def _in_force(precision: Any) -> Any:
    """The precision of this moment, for calls that come later and elsewhere."""
    if precision is not None:
        return precision
    return "highest" if _native.settings("highest") == _native.settings(None) else "high"


def _convolved(
    n: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, dilation: Any,
    groups: int, padding_mode: Any, threads: int, data_format: str, precision: Any,
    options: dict[str, Any],
) -> Any:  # fmt: skip
    x, channels, weight, bias = _operands(n, input, weight, bias, data_format)
    shape = first(x.shape, n, data_format)
    out = fastconv.conv_output_shape(shape, weight.shape, stride, padding, dilation, groups)
    strides, dilations = per_axis(stride, n), per_axis(dilation, n)
    spatial = spatial_axes(x.ndim, n, data_format)
    reach = [d * (k - 1) + 1 for d, k in zip(dilations, weight.shape[2:], strict=True)]
    paddings = resolved(padding, shape[-n:], weight.shape[2:], strides, dilations)
    given = [x.chunks[axis] for axis in spatial]
    if padding_mode != "zeros":
        x = _bordered(x, spatial, paddings, padding_mode)
    axes = [whole(sizes) for sizes in x.chunks]
    axes[channels] = Axis((out[-n - 1],), (Read(0, shape[-n - 1]),))
    for i, axis in enumerate(spatial):
        if padding_mode == "zeros":
            axes[axis] = reads_of_windows(given[i], out[i - n], reach[i], strides[i], paddings[i])
        else:
            axes[axis] = _shifted(given[i], out[i - n], reach[i], strides[i], paddings[i])
    function: Any = getattr(fastconv, f"conv{n}d")
    settled = {
        **options, "stride": strides, "dilation": dilations, "groups": groups, "threads": threads,
        "data_format": data_format, "precision": _in_force(precision),
    }  # fmt: skip
    call = _Conv(function, spatial, settled)
    return chunked_call(f"conv{n}d", x, axes, call, (weight, bias))


def resolved(
    padding: Any, lengths: Any, kernel: Any, strides: Any, dilations: Any
) -> list[tuple[int, int]]:
    """The padding on both sides of each axis, in numbers."""
    n = len(kernel)
    each: list[Any] = [padding] * n
    if not isinstance(padding, str | int | np.integer):
        values = list(padding)
        each = values * n if len(values) == 1 else values
        each = [((int(v),) * 2,) if np.ndim(v) == 0 else (tuple(v),) for v in each]
    return [
        fastconv.resolve_padding(p, *rest)
        for p, *rest in zip(each, lengths, kernel, strides, dilations, strict=True)
    ]


def _bordered(x: Any, spatial: tuple[int, ...], paddings: Any, padding_mode: Any) -> Any:
    """The input with its border around it."""
    widths = [(0, 0)] * x.ndim
    for axis, pair in zip(spatial, paddings, strict=True):
        widths[axis] = pair
        most = x.shape[axis] - (padding_mode == "reflect")
        if padding_mode in ("reflect", "circular", "symmetric") and max(pair) > most:
            raise ValueError(
                f"padding must be at most {most} with padding_mode={padding_mode!r}, got {pair}"
            )
    if isinstance(padding_mode, tuple):
        return da.pad(x, widths, "constant", constant_values=padding_mode[1])
    if padding_mode not in _PAD_WORDS:
        raise ValueError(
            f"padding_mode must be one of {['zeros', *_PAD_WORDS]}, got {padding_mode!r}"
        )
    return da.pad(x, widths, _PAD_WORDS[padding_mode])


def _shifted(
    chunks: tuple[int, ...], count: int, reach: int, stride: int, padding: tuple[int, int]
) -> Axis:
    """As `reads_of_windows`, of an input with its border around it."""
    edges = borders(chunks, count, lambda edge: -(-edge // stride))
    reads = [Read(a * stride, (b - 1) * stride + reach, (0, 0, False)) for a, b in pairwise(edges)]
    return Axis(tuple(b - a for a, b in pairwise(edges)), tuple(reads))


class _Conv:
    """One chunk of a convolution; what it is told is its padding."""

    def __init__(self, function: Any, spatial: tuple[int, ...], options: dict[str, Any]) -> None:
        self.function, self.spatial, self.options = function, spatial, options

    def __call__(self, x: Array, told: Any, weight: Array, bias: Array | None) -> Array:
        padding = tuple(told[axis][:2] for axis in self.spatial)
        y: Array = self.function(x, weight, bias, padding=padding, **self.options)
        return y


def _transposed(
    n: int, input: Any, weight: Any, bias: Any, stride: Any, padding: Any, output_padding: Any,
    groups: int, dilation: Any, threads: int, data_format: str, precision: Any,
    options: dict[str, Any],
) -> Any:  # fmt: skip
    x, channels, weight, bias = _operands(n, input, weight, bias, data_format)
    shape = first(x.shape, n, data_format)
    out = fastconv.conv_transpose_output_shape(
        shape, weight.shape, stride, padding, output_padding, groups, dilation
    )
    strides, dilations = per_axis(stride, n), per_axis(dilation, n)
    spatial = spatial_axes(x.ndim, n, data_format)
    # The words crop as the convolution pads that this one is the adjoint of.
    lengths = [m * s for m, s in zip(shape[-n:], strides, strict=True)]
    crops = resolved(padding, lengths, weight.shape[2:], strides, dilations)
    axes = [whole(sizes) for sizes in x.chunks]
    axes[channels] = Axis((out[-n - 1],), (Read(0, shape[-n - 1]),))
    for i, axis in enumerate(spatial):
        reach = dilations[i] * (weight.shape[2 + i] - 1) + 1
        most = max(strides[i], dilations[i]) - 1
        axes[axis] = _spread(x.chunks[axis], out[i - n], reach, strides[i], crops[i][0], most)
    function: Any = getattr(fastconv, f"conv_transpose{n}d")
    settled = {
        **options, "stride": strides, "dilation": dilations, "groups": groups, "threads": threads,
        "data_format": data_format, "precision": _in_force(precision),
    }  # fmt: skip
    call = _ConvTranspose(function, spatial, settled)
    return chunked_call(f"conv_transpose{n}d", x, axes, call, (weight, bias))


def _spread(
    chunks: tuple[int, ...], count: int, reach: int, stride: int, lo: int, most: int
) -> Axis:
    """An axis of which each element reaches `reach` outputs.

    Each chunk is told its crops, its output_padding (up to `most`) and how many zeros follow.
    """
    length = sum(chunks)
    edges = borders(chunks, count, lambda edge: edge * stride)
    reads = []
    for begin, end in pairwise(edges):
        low = min(-(-(begin + lo - reach + 1) // stride), (begin + lo) // stride)
        start = min(max(low, 0), length - 1)
        stop = min(max((end - 1 + lo) // stride + 1, start + 1), length)
        before = begin + lo - start * stride
        behind = (stop - start - 1) * stride + reach - before - (end - begin)
        zeros = 0
        if -behind > most:  # more than output_padding may add: zeros are read behind the input
            zeros = -(behind // stride)
            behind += zeros * stride
        reads.append(Read(start, stop, (before, max(behind, 0), max(-behind, 0), zeros)))
    return Axis(tuple(b - a for a, b in pairwise(edges)), tuple(reads))


class _ConvTranspose(_Conv):
    """One chunk of a transposed convolution; what it is told is what to crop and to add."""

    def __call__(self, x: Array, told: Any, weight: Array, bias: Array | None) -> Array:
        crop = tuple(told[axis][:2] for axis in self.spatial)
        more = tuple(told[axis][2] for axis in self.spatial)
        if any(told[axis][3] for axis in self.spatial):
            widths = [(0, told[a][3] if a in self.spatial else 0) for a in range(x.ndim)]
            x = np.pad(x, widths)
        y: Array = self.function(x, weight, bias, padding=crop, output_padding=more, **self.options)
        return y
