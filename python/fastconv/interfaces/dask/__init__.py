"""fastconv on dask arrays: convolutions, transposed convolutions, pools, filters of signals.

The functions have the names and arguments of `fastconv`, and of `scipy.signal`; they return dask
arrays and compute nothing. Each chunk of a result is one call of fastconv on exactly the slices of
the input that it reads, on one thread unless told otherwise, since dask has threads or processes of
its own. `fastconv.nn.predict` applies models to dask arrays.
"""

from __future__ import annotations

try:
    import dask.array
except ImportError as error:
    raise ImportError(
        "fastconv.interfaces.dask needs dask 2024.8 or later: pip install 'fastconv[dask]'"
    ) from error

del dask

# ruff: noqa: E402
from fastconv.interfaces.dask._conv import conv1d, conv2d, conv_transpose1d, conv_transpose2d
from fastconv.interfaces.dask._pool import (
    avg_pool1d,
    avg_pool2d,
    lp_pool1d,
    lp_pool2d,
    max_pool1d,
    max_pool2d,
    min_pool1d,
    min_pool2d,
    sum_pool1d,
    sum_pool2d,
)
from fastconv.interfaces.dask._signal import (
    convolve,
    correlate,
    fftconvolve,
    lfilter,
    oaconvolve,
    savgol_filter,
)

__all__ = [
    "avg_pool1d",
    "avg_pool2d",
    "conv1d",
    "conv2d",
    "conv_transpose1d",
    "conv_transpose2d",
    "convolve",
    "correlate",
    "fftconvolve",
    "lfilter",
    "lp_pool1d",
    "lp_pool2d",
    "max_pool1d",
    "max_pool2d",
    "min_pool1d",
    "min_pool2d",
    "oaconvolve",
    "savgol_filter",
    "sum_pool1d",
    "sum_pool2d",
]
