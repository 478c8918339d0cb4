"""`choose_conv_method` and `correlation_lags`."""

from __future__ import annotations

from timeit import Timer
from typing import TYPE_CHECKING, Any

import numpy as np

import fastconv
from fastconv.interfaces.scipy_signal._arrays import FLOATS, plain
from fastconv.interfaces.scipy_signal._convolve import convolve
from fastconv.interfaces.scipy_signal._theirs import look_alike

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

__all__ = ["choose_conv_method", "correlation_lags"]


@look_alike
def choose_conv_method(
    in1: ArrayLike, in2: ArrayLike, mode: str = "full", measure: bool = False
) -> Any:
    """Tell which `method` of `convolve` is faster here: `scipy.signal.choose_conv_method`.

    Parameters
    ----------
    in1, in2 : array_like
        What would be convolved.
    mode : {"full", "valid", "same"}, default "full"
        Which outputs, as in `convolve`.
    measure : bool, default False
        Whether to time both. Otherwise the answer is what fastconv would choose by its model of
        costs; for integers it is ``"direct"``, which is exact.

    Returns
    -------
    method : str
        ``"direct"`` or ``"fft"``.
    times : dict of str to float
        Seconds of both, if they are measured.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.interfaces import scipy_signal
    >>> scipy_signal.choose_conv_method(np.ones(50), np.ones(3))
    'direct'
    """
    arrays = plain(in1, in2)
    if arrays is None or mode not in ("full", "valid", "same"):
        return None
    a, b = arrays
    if measure:
        times = {
            method: _seconds(lambda method=method: convolve(a, b, mode=mode, method=method))
            for method in ("fft", "direct")
        }
        return min(times, key=lambda method: times[method]), times
    if a.ndim != b.ndim or a.ndim not in (1, 2) or a.size == 0 or b.size == 0:
        return None
    result = np.result_type(a, b)
    dtype: Any = {"F": FLOATS[0], "D": FLOATS[1]}.get(result.char, result)
    if dtype not in FLOATS:
        return "direct" if result.kind in "biu" else None
    if a.size < b.size:
        a, b = b, a
    padding = tuple((k - 1, k - 1) if mode == "full" else (0, 0) for k in b.shape)
    if mode != "full" and any(n < k for n, k in zip(a.shape, b.shape, strict=True)):
        return None
    plan_of: Any = fastconv.Conv1dPlan if a.ndim == 1 else fastconv.Conv2dPlan
    plan: Any = plan_of(
        (1, 1, *a.shape),
        np.zeros((1, 1, *b.shape), dtype),
        padding=padding,
    )
    return "fft" if "fft" in plan.algorithm else "direct"


def _seconds(call: Any) -> float:
    """The least of three rounds of at least 5 ms each."""
    timer = Timer(call)
    number = 1
    while (seconds := timer.timeit(number)) < 5e-3:
        number *= 10
    return min(seconds, *(timer.timeit(number) for _ in range(2))) / number


@look_alike
def correlation_lags(in1_len: int, in2_len: int, mode: str = "full") -> Any:
    """Tell the lag of each output of `correlate` of two signals: `scipy.signal.correlation_lags`.

    Parameters
    ----------
    in1_len, in2_len : int
        The lengths of the two signals.
    mode : {"full", "valid", "same"}, default "full"
        Which outputs, as in `correlate`.

    Returns
    -------
    lags : ndarray of int
        By how many samples in2 is shifted at each output.

    Examples
    --------
    >>> from fastconv.interfaces import scipy_signal
    >>> scipy_signal.correlation_lags(4, 3)
    array([-2, -1,  0,  1,  2,  3])
    """
    if mode == "full":
        return np.arange(-in2_len + 1, in1_len)
    if mode == "same":
        lags = np.arange(-in2_len + 1, in1_len)
        middle, reach = lags.size // 2, in1_len // 2
        return lags[middle - reach : middle + reach + in1_len % 2]
    if mode == "valid":
        gap = in1_len - in2_len
        return np.arange(gap + 1) if gap >= 0 else np.arange(gap, 1)
    return None
