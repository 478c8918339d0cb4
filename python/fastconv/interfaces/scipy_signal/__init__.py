"""`scipy.signal`'s convolutions and filters without feedback, on our kernels.

Names, signatures, shapes, modes and dtypes are SciPy's. What our kernels do not compute goes to
SciPy, which says what is wrong with a call, too; `counts` tells how often. SciPy is imported when
it is needed first. Inside of ``with enabled():`` the functions of ``scipy.signal`` are these.
"""

from __future__ import annotations

from fastconv.interfaces.scipy_signal._convolve import convolve, correlate, fftconvolve, oaconvolve
from fastconv.interfaces.scipy_signal._filter import lfilter
from fastconv.interfaces.scipy_signal._method import choose_conv_method, correlation_lags
from fastconv.interfaces.scipy_signal._mode import enabled
from fastconv.interfaces.scipy_signal._planes import convolve2d, correlate2d
from fastconv.interfaces.scipy_signal._resample import decimate, resample_poly, upfirdn
from fastconv.interfaces.scipy_signal._savgol import savgol_filter
from fastconv.interfaces.scipy_signal._theirs import counts

__all__ = [
    "choose_conv_method",
    "convolve",
    "convolve2d",
    "correlate",
    "correlate2d",
    "correlation_lags",
    "counts",
    "decimate",
    "enabled",
    "fftconvolve",
    "lfilter",
    "oaconvolve",
    "resample_poly",
    "savgol_filter",
    "upfirdn",
]
