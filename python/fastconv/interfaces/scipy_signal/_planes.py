"""`convolve2d` and `correlate2d`: one plane, with borders."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import fastconv
from fastconv._docs import completed_by
from fastconv.interfaces.scipy_signal._arrays import FLOATS, Array, computed, plain
from fastconv.interfaces.scipy_signal._linear import linear, window, windowed
from fastconv.interfaces.scipy_signal._theirs import look_alike

if TYPE_CHECKING:
    from numpy.typing import ArrayLike

    from fastconv.typing import Precision

__all__ = ["convolve2d", "correlate2d"]

_MODES = ("full", "valid", "same")
_BORDERS: dict[str, Any] = {
    "fill": "constant", "pad": "constant", "wrap": "wrap", "circular": "wrap",
    "symm": "symmetric", "symmetric": "symmetric", "reflect": "reflect",
}  # fmt: skip


@look_alike
def convolve2d(
    in1: ArrayLike, in2: ArrayLike, mode: str = "full", boundary: str = "fill",
    fillvalue: complex = 0,
) -> Any:  # fmt: skip
    """Convolve two planes: `scipy.signal.convolve2d` on our kernels.

    Parameters
    ----------
    in1 : (H, W) array_like
        The first plane, which has the borders.
    in2 : (KH, KW) array_like
        The second plane.
    mode : {"full", "valid", "same"}, default "full"
        Which outputs: all, ``H + KH - 1`` by ``W + KW - 1``; those that do not read beyond a
        border; as many as in1 has, from the middle of the full ones.
    boundary : {"fill", "wrap", "symm"}, default "fill"
        What is beyond the borders of in1: `fillvalue`, the opposite side, or the plane mirrored
        with its edge repeated.
    fillvalue : scalar, default 0
        For ``boundary="fill"``.

    Returns
    -------
    y : ndarray
        In the dtype that NumPy's promotion gives for the two. float32 and float64 are summed as
        they are, complex numbers by parts, integers in a float that is exact for them (sums that do
        not fit the dtype wrap). Whatever else there is, SciPy computes.

    Raises
    ------
    ValueError
        SciPy's own, where shapes or words do not fit.
    ImportError
        Where SciPy would compute and is not installed.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.interfaces import scipy_signal
    >>> scipy_signal.convolve2d(np.eye(3), np.ones((2, 2)), mode="same", boundary="symm")
    array([[4., 2., 0.],
           [2., 2., 1.],
           [0., 1., 2.]])
    """
    y = _quick(in1, in2, mode, boundary, fillvalue, False)
    return _convolved(in1, in2, mode, boundary, fillvalue, False) if y is None else y


@look_alike
@completed_by(convolve2d)
def correlate2d(
    in1: ArrayLike, in2: ArrayLike, mode: str = "full", boundary: str = "fill",
    fillvalue: complex = 0,
) -> Any:  # fmt: skip
    """Cross-correlate two planes: `scipy.signal.correlate2d` on our kernels.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.interfaces import scipy_signal
    >>> image = np.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]])
    >>> scipy_signal.correlate2d(image, [[1, 0], [0, -1]], mode="valid")
    array([[-4, -4],
           [-4, -4]])
    """
    y = _quick(in1, in2, mode, boundary, fillvalue, True)
    return _convolved(in1, in2, mode, boundary, fillvalue, True) if y is None else y


def _quick(
    in1: Any, in2: Any, mode: str, boundary: str, fillvalue: Any, correlates: bool
) -> Array | None:
    """Two planes of one float, the first larger, zeros around it: little around the call."""
    if (
        type(in1) is not np.ndarray
        or type(in2) is not np.ndarray
        or in1.dtype is not in2.dtype
        or in1.dtype not in FLOATS
        or in1.ndim != 2
        or in2.ndim != 2
        or boundary != "fill"
        or fillvalue != 0
    ):
        return None
    (h, w), (kh, kw) = in1.shape, in2.shape
    if not (0 < kh <= h and 0 < kw <= w):
        return None
    padding: Any
    if mode == "full":
        padding = (kh - 1, kw - 1)
    elif mode == "same":
        padding = ((kh // 2, (kh - 1) // 2), (kw // 2, (kw - 1) // 2))
        if correlates:
            padding = (padding[0][::-1], padding[1][::-1])
    elif mode == "valid":
        padding = 0
    else:
        return None
    kernel = in2 if correlates else in2[::-1, ::-1]
    y: Array = fastconv.conv2d(in1[None], kernel[None, None], padding=padding)[0]
    return y


def _convolved(
    in1: Any, in2: Any, mode: str, boundary: str, fillvalue: Any, correlates: bool
) -> Array | None:
    arrays = plain(in1, in2)
    if arrays is None or mode not in _MODES or boundary not in _BORDERS:
        return None
    a, b = arrays
    if a.ndim != 2 or b.ndim != 2 or a.size == 0 or b.size == 0 or np.ndim(fillvalue):
        return None
    swaps = False
    if mode == "valid":
        if all(n >= k for n, k in zip(a.shape, b.shape, strict=True)):
            pass
        elif all(n <= k for n, k in zip(a.shape, b.shape, strict=True)):
            a, b, swaps = b, a, True
        else:
            return None
    if correlates:
        b = b.conj()[::-1, ::-1]
    result = np.result_type(a, b)
    ranges = [window(n, k, mode) for n, k in zip(a.shape, b.shape, strict=True)]
    if correlates and mode == "same":  # SciPy's middle of an even kernel is the other one here
        ranges = [(k // 2, k // 2 + n) for n, k in zip(a.shape, b.shape, strict=True)]
    how = _BORDERS[boundary]
    if mode != "valid" and (how != "constant" or fillvalue != 0):
        found = _extended(a, b, ranges, how, fillvalue)
        if found is None:
            return None
        a, ranges = found

    def real(a: Array, b: Array, precision: Precision | None = None) -> Array | None:
        if a.ndim > b.ndim:
            return linear(a, b[None], [None, *ranges], precision)
        return linear(a, b, ranges, precision)

    y = computed(a, b, result, real)
    return y[::-1, ::-1] if y is not None and correlates and swaps else y


def _extended(
    a: Array, b: Array, ranges: list[tuple[int, int]], how: Any, fillvalue: Any
) -> tuple[Array, list[tuple[int, int]]] | None:
    """The plane with as much beyond its borders as is read, and where its outputs then are."""
    padding = [
        windowed(n, k, first, last - 1)[1]
        for n, k, (first, last) in zip(a.shape, b.shape, ranges, strict=True)
    ]
    options = {}
    if how == "constant":
        filled = np.asarray(fillvalue)
        if filled.dtype.kind == "c" and a.dtype.kind != "c" and b.dtype.kind != "c":
            return None
        a = a.astype(np.result_type(a, b), copy=False)
        options["constant_values"] = filled.astype(a.dtype)
    a = np.pad(a, padding, how, **options)
    shifted = [
        (first + lo, last + lo) for (first, last), (lo, _) in zip(ranges, padding, strict=True)
    ]
    return a, shifted
