"""`savgol_filter`: polynomials fitted to windows."""

from __future__ import annotations

from functools import lru_cache
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np

from fastconv.interfaces.scipy_signal._arrays import FLOATS, Array, plain
from fastconv.interfaces.scipy_signal._borders import extended
from fastconv.interfaces.scipy_signal._linear import along
from fastconv.interfaces.scipy_signal._theirs import look_alike

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["savgol_filter"]

# SciPy's words here, and those of upfirdn.
_BORDERS = {"mirror": "reflect", "constant": "constant", "nearest": "edge", "wrap": "wrap"}


@look_alike
def savgol_filter(
    x: ArrayLike, window_length: int, polyorder: int, deriv: int = 0, delta: float = 1.0,
    axis: int = -1, mode: str = "interp", cval: float = 0.0,
) -> Any:  # fmt: skip
    """Smooth or differentiate by polynomials: `scipy.signal.savgol_filter` on our kernels.

    Parameters
    ----------
    x : array_like
        The signals; float32 and float64 stay what they are, all else becomes float64.
    window_length : int
        Samples that a polynomial is fitted to; with ``mode="interp"`` at most as many as the signal
        has.
    polyorder : int
        The degree of the polynomial, below `window_length`.
    deriv : int, default 0
        Which derivative of it is the result.
    delta : float, default 1.0
        From one sample to the next, for derivatives.
    axis : int, default -1
        Along which axis of x the signals run.
    mode : {"interp", "mirror", "constant", "nearest", "wrap"}, default "interp"
        Beyond the ends: the polynomials of the first and the last window, or the signal mirrored,
        `cval`, its last sample, or its other end.
    cval : float, default 0.0
        For ``mode="constant"``.

    Returns
    -------
    y : ndarray
        Of the shape of x. float32 is summed in float32, where SciPy sums in float64.

    Raises
    ------
    ValueError
        SciPy's own.
    ImportError
        Where SciPy would compute and is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.interfaces import scipy_signal
    >>> parabola = np.arange(9.0) ** 2
    >>> np.allclose(scipy_signal.savgol_filter(parabola, 5, 2), parabola)
    True
    """
    arrays = plain(x)
    if arrays is None or arrays[0].ndim == 0 or arrays[0].size == 0:
        return None
    (signals,) = arrays
    try:
        length, order, deriv = index(window_length), index(polyorder), index(deriv)
    except TypeError:
        return None
    if signals.dtype.kind not in "biuf" or signals.dtype.char == "g":
        return None
    if not 0 <= order < length or deriv < 0 or not -signals.ndim <= axis < signals.ndim:
        return None
    if mode not in (*_BORDERS, "interp") or (mode == "interp" and length > signals.shape[axis]):
        return None
    if signals.dtype not in FLOATS:
        signals = signals.astype(np.float64)
    axis %= signals.ndim
    taps, ends = _fitted(length, order, deriv, float(delta))
    return _smoothed(signals, axis, taps.astype(signals.dtype), ends, mode, cval)


def _smoothed(signals: Array, axis: int, taps: Array, ends: Array, mode: str, cval: Any) -> Array:
    n, length = signals.shape[axis], taps.size
    half = length // 2
    if mode != "interp":
        lines = np.moveaxis(signals, axis, -1)
        lines = extended(lines, length - 1 - half, half, _BORDERS[mode], cval)
        return along(np.moveaxis(lines, -1, axis), taps, axis, length - 1, n)
    y = along(signals, taps, axis, half, n)
    ahead = (slice(None),) * axis
    for fit, window, place in (
        (ends[:half], slice(length), slice(half)),
        (ends[length - half :], slice(n - length, n), slice(n - half, n)),
    ):
        values = np.tensordot(fit, signals[(*ahead, window)], axes=(1, axis))
        y[(*ahead, place)] = np.moveaxis(values, 0, axis)
    return y


@lru_cache(maxsize=32)
def _fitted(length: int, order: int, deriv: int, delta: float) -> tuple[Array, Array]:
    """Taps of the convolution, and a matrix from a window to the fit at each of its samples.

    Savitzky and Golay, "Smoothing and Differentiation of Data by Simplified Least Squares
    Procedures", Analytical Chemistry 36 (1964). Positions are scaled to [-1, 1], in which the least
    squares are well conditioned.
    """
    half = (length - 1) / 2
    scale = half or 1.0
    positions = (np.arange(length) - half) / scale
    fit = np.linalg.pinv(np.polynomial.legendre.legvander(positions, order))
    basis = np.eye(order + 1)
    derived = [np.polynomial.legendre.legder(row, deriv) for row in basis]
    at = np.append(positions, 0.0)  # of an even window half a sample before its output, as SciPy's
    values = np.stack([np.polynomial.legendre.legval(at, row) for row in derived], axis=1)
    matrix = values @ fit / (scale * delta) ** deriv
    for array in (taps := matrix[-1][::-1].copy(), ends := matrix[:-1]):
        array.setflags(write=False)
    return taps, ends
