"""`lfilter` without feedback: causal filters with their state."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastconv.interfaces.scipy_signal._arrays import COMPLEX, FLOATS, Array, computed, plain
from fastconv.interfaces.scipy_signal._linear import along
from fastconv.interfaces.scipy_signal._theirs import look_alike

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from fastconv.typing import Precision

__all__ = ["lfilter"]


@look_alike
def lfilter(
    b: ArrayLike, a: ArrayLike, x: ArrayLike, axis: int = -1, zi: ArrayLike | None = None
) -> Any:
    """Filter along an axis, with or without a state: `scipy.signal.lfilter` on our kernels.

    Filters without feedback, whose `a` has one element, are ours; all others SciPy computes.

    Parameters
    ----------
    b : (K,) array_like
        The taps: ``y[t] = sum_k b[k] * x[t - k] / a[0]``.
    a : (1,) array_like
        What is divided by.
    x : array_like
        The signals.
    axis : int, default -1
        Along which axis of x they run.
    zi : array_like, optional
        The state before, with ``K - 1`` elements along `axis` and lengths of x, or 1, along the
        others: what is added to the first outputs.

    Returns
    -------
    y : ndarray
        As long as x, in the dtype of NumPy's promotion of all arguments, which must be a float or
        complex one.
    zf : ndarray
        With `zi`: the state behind, which the next block of the signal takes as its `zi`.

    Raises
    ------
    ValueError, NotImplementedError
        SciPy's own.
    ImportError
        Where SciPy would compute and is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.interfaces import scipy_signal
    >>> y, state = scipy_signal.lfilter([0.5, 0.5], 1.0, np.array([2.0, 4.0]), zi=[0.0])
    >>> y, scipy_signal.lfilter([0.5, 0.5], 1.0, np.array([6.0]), zi=state)[0]
    (array([1., 3.]), array([5.]))
    """
    arrays = plain(b, a, x) if zi is None else plain(b, a, x, zi)
    if arrays is None:
        return None
    taps, divisor, signals = arrays[:3]
    if taps.ndim == 0:
        taps = taps[None]
    result = np.result_type(*arrays)
    if (
        divisor.size != 1
        or divisor.ndim > 1
        or taps.ndim != 1
        or taps.size == 0
        or signals.ndim == 0
        or not -signals.ndim <= axis < signals.ndim
        or (result not in FLOATS and result not in COMPLEX)
    ):
        return None
    scale = divisor.reshape(-1)[0]
    if scale != 1:
        if scale == 0:
            return None
        taps = taps.astype(result) / scale.astype(result)
    axis %= signals.ndim
    if zi is None:
        return _filtered(taps, signals, axis, signals.shape[axis], result)
    before = arrays[3]
    length, memory = signals.shape[axis], taps.size - 1
    state_shape = (*signals.shape[:axis], memory, *signals.shape[axis + 1 :])
    if before.ndim != signals.ndim or any(
        n != m and (i == axis or n != 1)
        for i, (n, m) in enumerate(zip(before.shape, state_shape, strict=True))
    ):
        return None
    y = _filtered(taps, signals, axis, length + memory, result)
    if y is None:
        return None
    ahead = (slice(None),) * axis
    y[(*ahead, slice(memory))] += before
    return y[(*ahead, slice(length))], y[(*ahead, slice(length, None))]


def _filtered(
    taps: Array, signals: Array, axis: int, count: int, result: np.dtype[Any]
) -> Array | None:
    def real(x: Array, h: Array, precision: Precision | None = None) -> Array:
        return along(x, h, axis - signals.ndim, 0, count, 1, precision)

    return computed(signals, taps, result, real)
