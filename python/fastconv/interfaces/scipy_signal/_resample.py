"""`upfirdn`, `resample_poly` and `decimate`."""

from __future__ import annotations

from functools import lru_cache
from math import gcd
from operator import index
from typing import TYPE_CHECKING, Any

import numpy as np

from fastconv.interfaces.scipy_signal._arrays import (
    COMPLEX,
    FLOATS,
    Array,
    computed,
    plain,
)
from fastconv.interfaces.scipy_signal._borders import MODES
from fastconv.interfaces.scipy_signal._polyphase import polyphase
from fastconv.interfaces.scipy_signal._theirs import look_alike, scipy_signal

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import ArrayLike

    from fastconv.typing import Precision

__all__ = ["decimate", "resample_poly", "upfirdn"]

_BACKGROUNDS: dict[str, Callable[..., Any]] = {
    "mean": np.mean, "median": np.median, "minimum": np.min, "maximum": np.max
}  # fmt: skip


@look_alike
def upfirdn(
    h: ArrayLike, x: ArrayLike, up: int = 1, down: int = 1, axis: int = -1,
    mode: str = "constant", cval: float = 0,
) -> Any:  # fmt: skip
    """Upsample, filter, downsample: `scipy.signal.upfirdn` on our kernels.

    Parameters
    ----------
    h : (K,) array_like
        The taps of the filter.
    x : array_like
        The signals.
    up : int, default 1
        ``up - 1`` zeros come after each sample before it is filtered.
    down : int, default 1
        Of what is filtered every `down`-th sample is computed.
    axis : int, default -1
        Along which axis of x the signals run.
    mode : str, default "constant"
        What is beyond the ends: ``"constant"`` (`cval`), ``"edge"``, ``"wrap"``, ``"reflect"``,
        ``"symmetric"``, ``"antireflect"``, ``"antisymmetric"``, ``"smooth"`` (the slope of the last
        two samples), ``"line"`` (that of the first and the last).
    cval : float, default 0
        For ``mode="constant"``.

    Returns
    -------
    y : ndarray
        ``((n - 1)*up + K - 1)//down + 1`` samples along `axis`; float32 or float64, complex64 or
        complex128, by NumPy's promotion of h, x and float32.

    Raises
    ------
    ValueError
        SciPy's own.
    ImportError
        Where SciPy would compute and is not installed.

    Examples
    --------
    >>> from fastconv.interfaces import scipy_signal
    >>> scipy_signal.upfirdn([0.5, 1, 0.5], [1.0, 1.0, 1.0], 2)
    array([0.5, 1. , 1. , 1. , 1. , 1. , 0.5])
    """
    arrays = plain(h, x)
    if arrays is None:
        return None
    taps, signals = arrays
    if taps.ndim != 1 or taps.size == 0 or signals.ndim == 0 or signals.size == 0:
        return None
    try:
        up, down, axis = int(up), int(down), index(axis)
    except (TypeError, ValueError):
        return None
    if up < 1 or down < 1 or not -signals.ndim <= axis < signals.ndim:
        return None
    count = ((signals.shape[axis] - 1) * up + taps.size - 1) // down + 1
    return _outputs(taps, signals, up, down, axis, 0, count, mode, cval)


def _outputs(
    taps: Array, signals: Array, up: int, down: int, axis: int, first: int, count: int,
    mode: Any, cval: Any,
) -> Array | None:  # fmt: skip
    """Outputs `first` and every `down`-th after it, in SciPy's dtype."""
    result = np.result_type(taps, signals, np.float32)
    if result not in FLOATS and result not in COMPLEX:
        return None
    if not isinstance(mode, str) or (mode := mode.lower()) not in MODES:
        return None
    if mode == "constant" and (np.ndim(cval) or (cval != 0 and result in COMPLEX)):
        return None
    axis = axis % signals.ndim - signals.ndim

    def real(x: Array, h: Array, precision: Precision | None = None) -> Array:
        return polyphase(x, h, up, down, axis, first, count, mode, cval, precision)

    return computed(signals, taps, result, real)


@look_alike
def resample_poly(
    x: ArrayLike, up: int, down: int, axis: int = 0, window: Any = ("kaiser", 5.0),
    padtype: str = "constant", cval: float | None = None,
) -> Any:  # fmt: skip
    """Resample by a rational factor: `scipy.signal.resample_poly` on our kernels.

    Only the outputs that are kept are computed. SciPy designs the filter, and must be installed for
    it, unless `window` is an array.

    Parameters
    ----------
    x : array_like
        The signals.
    up, down : int
        The new rate is ``up / down`` times the old one.
    axis : int, default 0
        Along which axis of x the signals run.
    window : str, tuple or array_like, default ("kaiser", 5.0)
        The window of a low-pass filter, as `scipy.signal.firwin` takes it, or the taps themselves.
    padtype : str, default "constant"
        A `mode` of `upfirdn`, or ``"mean"``, ``"median"``, ``"minimum"`` or ``"maximum"``, which is
        subtracted before and added afterwards.
    cval : float, optional
        For ``padtype="constant"``; by default 0.

    Returns
    -------
    y : ndarray
        ``ceil(n * up / down)`` samples along `axis`.

    Raises
    ------
    ValueError
        SciPy's own.
    ImportError
        Where SciPy would compute, or design, and is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.interfaces import scipy_signal
    >>> scipy_signal.resample_poly(np.ones(4), 3, 2, window=[0.5, 1.0, 0.5]).shape
    (6,)
    """
    arrays = plain(x)
    if arrays is None or arrays[0].ndim == 0 or arrays[0].size == 0:
        return None
    (signals,) = arrays
    whole = _factors(up, down)
    if whole is None or (cval is not None and padtype != "constant"):
        return None
    up, down = whole
    if not -signals.ndim <= axis < signals.ndim or not isinstance(padtype, str):
        return None
    if up == down == 1:
        return signals.copy()
    taps = _taps(window, up, down, signals.dtype)
    if taps is None:
        return None
    count = -(-signals.shape[axis] * up // down)
    middle = (taps.size - 1) // 2
    if padtype not in _BACKGROUNDS:
        cval = 0 if cval is None else cval
        return _outputs(taps, signals, up, down, axis, middle, count, padtype, cval)
    background = _BACKGROUNDS[padtype](signals, axis=axis, keepdims=True)
    y = _outputs(taps, signals - background, up, down, axis, middle, count, "constant", 0)
    if y is not None:
        y += background
    return y


def _factors(up: Any, down: Any) -> tuple[int, int] | None:
    """The factors without what they share; None where SciPy is to refuse them."""
    try:
        if up != int(up) or down != int(down):
            return None
    except (TypeError, ValueError):
        return None
    up, down = int(up), int(down)
    if up < 1 or down < 1:
        return None
    shared = gcd(up, down)
    return up // shared, down // shared


def _taps(window: Any, up: int, down: int, dtype: np.dtype[Any]) -> Array | None:
    """The filter times `up`."""
    if isinstance(window, list | np.ndarray):
        taps = np.array(window)
        if taps.ndim != 1 or taps.size == 0:
            return None
        return taps * taps.dtype.type(up) if taps.dtype.kind in "fc" else taps * up
    most = max(up, down)
    try:
        designed = _designed(20 * most + 1, 1.0 / most, window)
    except TypeError:  # a window that is no key of a dict
        designed = scipy_signal().firwin(20 * most + 1, 1.0 / most, window=window)
    if dtype.kind in "fc":
        designed = designed.astype(dtype)
    scaled: Array = designed * designed.dtype.type(up)
    return scaled


@lru_cache(maxsize=32)  # a design takes as long as 100,000 samples of a short filter
def _designed(taps: int, cutoff: float, window: Any) -> Array:
    designed: Array = scipy_signal().firwin(taps, cutoff, window=window)
    designed.setflags(write=False)
    return designed


@look_alike
def decimate(
    x: ArrayLike, q: int, n: int | None = None, ftype: Any = "iir", axis: int = -1,
    zero_phase: bool = True,
) -> Any:  # fmt: skip
    """Filter and keep every q-th sample: `scipy.signal.decimate` on our kernels.

    ``ftype="fir"`` is ours, with the filter that SciPy designs, and so are systems without poles;
    what has feedback SciPy computes.

    Parameters
    ----------
    x : array_like
        The signals.
    q : int
        Every q-th sample is kept.
    n : int, optional
        The order of the filter, by default ``20 * q``.
    ftype : {"iir", "fir"} or scipy.signal.dlti, default "iir"
        The kind of filter.
    axis : int, default -1
        Along which axis of x the signals run.
    zero_phase : bool, default True
        Whether to take the delay of the filter back.

    Returns
    -------
    y : ndarray
        ``ceil(length / q)`` samples along `axis`.

    Raises
    ------
    ValueError
        SciPy's own.
    ImportError
        Where SciPy is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.interfaces import scipy_signal
    >>> scipy_signal.decimate(np.ones(100, np.float32), 4, ftype="fir").shape
    (25,)
    """
    feedforward = _feedforward(ftype)
    if feedforward is None and not (isinstance(ftype, str) and ftype == "fir"):
        return None
    arrays = plain(x)
    if arrays is None or arrays[0].ndim == 0 or arrays[0].size == 0:
        return None
    (signals,) = arrays
    q, n = index(q), None if n is None else index(n)
    if q < 1 or not -signals.ndim <= axis < signals.ndim:
        return None
    result = signals.dtype
    if result.kind not in "fc" or result.char == "e":
        result = np.dtype(np.float64)
    taps = feedforward
    if taps is None:
        taps = _designed((20 * q if n is None else n) + 1, 1.0 / q, "hamming").astype(result)
    if zero_phase:
        y: Array = resample_poly(signals, 1, q, axis=axis, window=taps)
        return y
    count = -(-signals.shape[axis] // q)
    return _outputs(taps, signals, 1, q, axis, 0, count, "constant", 0)


def _feedforward(system: Any) -> Array | None:
    """The taps of a ``scipy.signal.dlti`` without poles."""
    if isinstance(system, str) or not isinstance(system, scipy_signal().dlti):
        return None
    if system.to_zpk().poles.size:
        return None
    ratio = system.to_tf()
    taps: Array = np.asarray(ratio.num) / np.asarray(ratio.den)
    return taps
