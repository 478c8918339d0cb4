"""Filters of `scipy.signal` on dask arrays."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

import fastconv
from fastconv._docs import completed_by
from fastconv.interfaces import scipy_signal
from fastconv.interfaces.dask._halo import Array, Axis, Read, as_dask, borders, chunked_call, whole

__all__ = ["convolve", "correlate", "fftconvolve", "lfilter", "oaconvolve", "savgol_filter"]

_MODES = ("full", "valid", "same")


def convolve(
    in1: Any, in2: Any, mode: str = "full", method: str = "auto", *, threads: int = 1
) -> Any:
    """Convolve a dask array with a kernel: `fastconv.interfaces.scipy_signal.convolve`, lazily.

    Parameters
    ----------
    in1 : dask array
        The array, in chunks of any size along any axis.
    in2 : array
        The kernel, of as many axes and along none of them longer; no dask array.
    mode : {"full", "valid", "same"}, default "full"
        Which outputs.
    method : {"auto", "direct", "fft"}, default "auto"
        As in `scipy_signal.convolve`, for each chunk.
    threads : int, default 1
        Threads of each call.

    Returns
    -------
    y : dask array
        With borders between chunks where those of in1 are.

    Raises
    ------
    ValueError, TypeError
        If shapes or words do not fit.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from fastconv.interfaces import dask as fcd
    >>> fcd.convolve(da.arange(6.0, chunks=3), np.array([1.0, -1.0]), mode="valid").compute()
    array([1., 1., 1., 1., 1.])
    """
    return _linear("convolve", in1, in2, mode, {"method": method}, threads)


@completed_by(convolve)
def correlate(
    in1: Any, in2: Any, mode: str = "full", method: str = "auto", *, threads: int = 1
) -> Any:
    """Cross-correlate a dask array with a kernel: `scipy_signal.correlate`, lazily.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from fastconv.interfaces import dask as fcd
    >>> fcd.correlate(da.arange(6.0, chunks=3), np.array([-1.0, 1.0]), mode="valid").compute()
    array([1., 1., 1., 1., 1.])
    """
    kernel = np.asarray(in2)
    reversed_kernel = kernel[(slice(None, None, -1),) * kernel.ndim].conj()
    return _linear("convolve", in1, reversed_kernel, mode, {"method": method}, threads)


@completed_by(convolve)
def fftconvolve(in1: Any, in2: Any, mode: str = "full", *, threads: int = 1) -> Any:
    """Convolve a dask array with a kernel: `scipy_signal.fftconvolve`, lazily.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from fastconv.interfaces import dask as fcd
    >>> fcd.fftconvolve(da.ones(100, chunks=30), np.ones(5)).shape
    (104,)
    """
    return _linear("fftconvolve", in1, in2, mode, {}, threads)


@completed_by(convolve)
def oaconvolve(in1: Any, in2: Any, mode: str = "full", *, threads: int = 1) -> Any:
    """Convolve a dask array with a kernel: `scipy_signal.oaconvolve`, lazily.

    Examples
    --------
    >>> import dask.array as da
    >>> import numpy as np
    >>> from fastconv.interfaces import dask as fcd
    >>> fcd.oaconvolve(da.ones(100, chunks=30), np.ones(5), mode="same").chunks
    ((30, 30, 30, 10),)
    """
    return _linear("oaconvolve", in1, in2, mode, {}, threads)


def lfilter(b: Any, a: Any, x: Any, axis: int = -1, *, threads: int = 1) -> Any:
    """Filter a dask array without feedback: `scipy_signal.lfilter`, lazily.

    Parameters
    ----------
    b : (K,) array
        The taps.
    a : (1,) array
        What is divided by. Filters with feedback, whose every chunk waits for the one before, are
        refused.
    x : dask array
        The signals, in chunks of any size along any axis.
    axis : int, default -1
        Along which axis of x they run.
    threads : int, default 1
        Threads of each call.

    Returns
    -------
    y : dask array
        Of the shape and the chunks of x.

    Raises
    ------
    ValueError, TypeError
        If shapes do not fit.

    Examples
    --------
    >>> import dask.array as da
    >>> from fastconv.interfaces import dask as fcd
    >>> fcd.lfilter([0.5, 0.5], [1.0], da.arange(6.0, chunks=2)).compute()
    array([0. , 0.5, 1.5, 2.5, 3.5, 4.5])
    """
    x = as_dask(x, "x")
    taps, divisor = np.atleast_1d(b), np.atleast_1d(a)
    if taps.ndim != 1 or divisor.size != 1:
        raise ValueError(
            f"a must have one element and b one axis, got shapes {divisor.shape} and {taps.shape}"
        )
    axis = _axis(axis, x.ndim)
    axes = [whole(sizes) for sizes in x.chunks]
    edges = [0, *np.cumsum(x.chunks[axis]).tolist()]
    reads = [
        Read(max(first - taps.size + 1, 0), last, last - first) for first, last in pairwise(edges)
    ]
    axes[axis] = Axis(x.chunks[axis], tuple(reads))
    call = _Filter(axis, threads)
    dtype = call(np.ones((1,) * x.ndim, x.dtype), (1,) * x.ndim, taps, divisor).dtype
    return chunked_call("lfilter", x, axes, call, (taps, divisor), dtype)


def savgol_filter(
    x: Any, window_length: int, polyorder: int, deriv: int = 0, delta: float = 1.0,
    axis: int = -1, mode: str = "interp", cval: float = 0.0, *, threads: int = 1,
) -> Any:  # fmt: skip
    """Smooth a dask array by polynomials: `scipy_signal.savgol_filter`, lazily.

    Parameters
    ----------
    x : dask array
        The signals, in chunks of any size along any axis.
    window_length, polyorder, deriv, delta, cval
        As in `scipy_signal.savgol_filter`.
    axis : int, default -1
        Along which axis of x the signals run.
    mode : {"interp", "mirror", "constant", "nearest"}, default "interp"
        What is beyond the ends.
    threads : int, default 1
        Threads of each call.

    Returns
    -------
    y : dask array
        Of the shape and the chunks of x.

    Raises
    ------
    ValueError, TypeError
        If shapes or words do not fit.

    Examples
    --------
    >>> import dask.array as da
    >>> from fastconv.interfaces import dask as fcd
    >>> fcd.savgol_filter(da.arange(20.0, chunks=6), 5, 2).chunks
    ((6, 6, 6, 2),)
    """
    x = as_dask(x, "x")
    if mode not in ("interp", "mirror", "constant", "nearest"):
        raise ValueError(f"mode must be 'interp', 'mirror', 'constant' or 'nearest', got {mode!r}")
    axis = _axis(axis, x.ndim)
    n, margin = x.shape[axis], window_length
    if n < window_length:
        raise ValueError(f"window_length must be at most {n}, the length of x, got {window_length}")

    def read(first: int, last: int) -> Read:
        # Whole windows at the ends, and beyond the chunk what the window reads.
        start, stop = max(first - margin, 0), min(last + margin, n)
        return Read(start, stop, (first - start, last - start))

    edges = [0, *np.cumsum(x.chunks[axis]).tolist()]
    axes = [whole(sizes) for sizes in x.chunks]
    axes[axis] = Axis(x.chunks[axis], tuple(read(a, b) for a, b in pairwise(edges)))
    options = (window_length, polyorder, deriv, delta, axis, mode, cval)
    dtype = x.dtype if x.dtype in (np.float32, np.float64) else np.dtype(np.float64)
    return chunked_call("savgol_filter", x, axes, _Savgol(axis, options, threads), (), dtype)


def _axis(axis: int, ndim: int) -> int:
    if not -ndim <= axis < ndim:
        raise ValueError(f"axis must be from {-ndim} to {ndim - 1}, got {axis}")
    return axis % ndim


def _linear(name: str, in1: Any, in2: Any, mode: str, options: dict[str, Any], threads: int) -> Any:
    x, kernel = as_dask(in1, "in1"), np.asarray(in2)
    if mode not in _MODES:
        raise ValueError(f"mode must be 'full', 'valid' or 'same', got {mode!r}")
    if x.ndim != kernel.ndim or kernel.size == 0 or 0 in x.shape:
        raise ValueError(
            f"in1 and in2 must have as many axes and elements, got shapes {x.shape}, {kernel.shape}"
        )
    if any(n < k for n, k in zip(x.shape, kernel.shape, strict=True)):
        raise ValueError(
            f"in2 must be no longer than in1 along any axis, got shapes {x.shape}, {kernel.shape}"
        )
    axes = [_full_axis(sizes, k, mode) for sizes, k in zip(x.chunks, kernel.shape, strict=True)]
    call = _Linear(name, options, threads)
    told = (slice(None),) * x.ndim
    dtype = call(np.ones((1,) * x.ndim, x.dtype), told, kernel[(slice(1),) * x.ndim]).dtype
    return chunked_call(name, x, axes, call, (kernel,), dtype)


def _full_axis(chunks: tuple[int, ...], k: int, mode: str) -> Axis:
    """What chunks of a convolution read, and where they are in the full convolution of that."""
    n = sum(chunks)
    begin, count = {"full": (0, n + k - 1), "same": ((k - 1) // 2, n), "valid": (k - 1, n - k + 1)}[
        mode
    ]
    shift = 0 if mode == "full" else begin - (k - 1) // 2
    edges = borders(chunks, count, lambda edge: edge - shift)

    def read(first: int, last: int) -> Read:
        start, stop = max(begin + first - k + 1, 0), min(begin + last, n)
        return Read(start, stop, slice(begin + first - start, begin + last - start))

    return Axis(
        tuple(b - a for a, b in pairwise(edges)), tuple(read(a, b) for a, b in pairwise(edges))
    )


class _Linear:
    """A chunk of a convolution: what it is told is where its outputs are in the full one."""

    def __init__(self, name: str, options: dict[str, Any], threads: int) -> None:
        self.name, self.options, self.threads = name, options, threads

    def __call__(self, x: Array, told: Any, kernel: Array) -> Array:
        with fastconv.threads(self.threads):
            y: Array = getattr(scipy_signal, self.name)(x, kernel, **self.options)
        return np.ascontiguousarray(y[told])


class _Filter:
    """A chunk of a filter: what it is told is how many outputs, the last ones, are its own."""

    def __init__(self, axis: int, threads: int) -> None:
        self.axis, self.threads = axis, threads

    def __call__(self, x: Array, told: Any, taps: Array, divisor: Array) -> Array:
        with fastconv.threads(self.threads):
            y: Array = scipy_signal.lfilter(taps, divisor, x, axis=self.axis)
        own = [slice(None)] * x.ndim
        own[self.axis] = slice(x.shape[self.axis] - told[self.axis], None)
        return np.ascontiguousarray(y[tuple(own)])


class _Savgol:
    """A chunk of a smoothed signal: what it is told is where it is in what it reads."""

    def __init__(self, axis: int, options: tuple[Any, ...], threads: int) -> None:
        self.axis, self.options, self.threads = axis, options, threads

    def __call__(self, x: Array, told: Any) -> Array:
        with fastconv.threads(self.threads):
            y: Array = scipy_signal.savgol_filter(x, *self.options)
        own = [slice(None)] * x.ndim
        own[self.axis] = slice(*told[self.axis])
        return np.ascontiguousarray(y[tuple(own)])
