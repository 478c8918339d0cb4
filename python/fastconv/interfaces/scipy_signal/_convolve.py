"""`convolve`, `correlate`, `fftconvolve`, `oaconvolve`: arrays of any rank."""

from __future__ import annotations

import warnings
from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

import fastconv
from fastconv._docs import completed_by
from fastconv.interfaces.scipy_signal._arrays import FLOATS, Array, computed, plain
from fastconv.interfaces.scipy_signal._linear import linear, window
from fastconv.interfaces.scipy_signal._theirs import look_alike

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import ArrayLike

    from fastconv.typing import Precision

__all__ = ["convolve", "correlate", "fftconvolve", "oaconvolve"]

_MODES = ("full", "valid", "same")
_PRECISIONS: dict[str, Precision | None] = {"auto": None, "fft": None, "direct": "highest"}


# Our transforms go along rows alone. Kernels of more rows SciPy, which transforms columns as well,
# convolves faster on one thread: 512 x 512 with 256 x 256, float32, 5.1 ms against 6.8, with 64 x
# 64 4.2 against 2.1; 1,024 x 1,024 with 128 x 128 16.1 against 14.2.
TALL = 160


@look_alike
def convolve(in1: ArrayLike, in2: ArrayLike, mode: str = "full", method: str = "auto") -> Any:
    """Convolve two arrays of as many axes: `scipy.signal.convolve` on our kernels.

    Parameters
    ----------
    in1 : array_like
        The first array.
    in2 : array_like
        The second array, of as many axes. At most two axes may be longer than 1 in both arrays;
        more of them SciPy computes, and kernels of more than 160 rows unless `method` is
        ``"direct"``.
    mode : {"full", "valid", "same"}, default "full"
        ``"full"``: all outputs, ``n1 + n2 - 1`` along each axis. ``"valid"``: those that do not
        read beyond an end. ``"same"``: as many as in1 has, from the middle of the full ones.
    method : {"auto", "direct", "fft"}, default "auto"
        ``"direct"`` means plain sums, the precision "highest" of fastconv. The other two let
        fastconv choose, within the bounds of `fastconv.precision`.

    Returns
    -------
    y : ndarray
        In the dtype that NumPy's promotion gives for the two. float32 and float64 are computed as
        they are, complex numbers by parts, integers in a float that is exact for them (sums that do
        not fit the dtype wrap). Whatever else there is, and integers so large that no float is
        exact, SciPy computes.

    Raises
    ------
    ValueError
        SciPy's own, where shapes or words do not fit.
    ImportError
        Where SciPy would compute and is not installed.

    See Also
    --------
    counts : Which calls went to SciPy.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.interfaces import scipy_signal
    >>> scipy_signal.convolve(np.array([3, 4, 5]), np.array([1, 2, 3, 4]), mode="same")
    array([10, 22, 34])
    """
    y = _quick(in1, in2, mode, method)
    if y is None:
        y = _any_dtype(in1, in2, mode, method, False)
    if y is not None and method == "fft" and y.dtype.kind in "fc" and not np.isfinite(y).all():
        warnings.warn(
            "Use of fft convolution on input with NAN or inf: results are NAN or inf wherever a "
            "window holds it.",
            RuntimeWarning,
            stacklevel=3,
        )
    return y


@look_alike
@completed_by(convolve)
def correlate(in1: ArrayLike, in2: ArrayLike, mode: str = "full", method: str = "auto") -> Any:
    """Cross-correlate two arrays of as many axes: `scipy.signal.correlate` on our kernels.

    It is the convolution of `in1` with `in2` reversed and conjugated; `correlation_lags` tells the
    lag of each output.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.interfaces import scipy_signal
    >>> scipy_signal.correlate(np.array([1.0, 2.0, 3.0]), np.array([0.0, 1.0, 0.5]))
    array([0.5, 2. , 3.5, 3. , 0. ])
    """
    return _any_dtype(in1, in2, mode, method, True)


@look_alike
@completed_by(convolve)
def fftconvolve(
    in1: ArrayLike, in2: ArrayLike, mode: str = "full", axes: int | Sequence[int] | None = None
) -> Any:
    """Convolve two arrays along `axes`: `scipy.signal.fftconvolve` on our kernels.

    The kernels choose themselves whether Fourier transforms pay; results of integers are float64,
    as SciPy's are, and not rounded.

    Parameters
    ----------
    axes : int or sequence of int, optional
        The axes to convolve along, by default all. Along the others lengths must be equal, or one
        of them 1.

    Returns
    -------
    y : ndarray
        float32 for float32 or complex64 for complex64 arrays, otherwise float64 or complex128.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.interfaces import scipy_signal
    >>> scipy_signal.fftconvolve(np.ones((2, 4)), np.array([[1.0, 2.0]]), axes=1)
    array([[1., 3., 3., 3., 2.],
           [1., 3., 3., 3., 2.]])
    """
    return _by_axes(in1, in2, mode, axes)


@look_alike
@completed_by(fftconvolve)
def oaconvolve(
    in1: ArrayLike, in2: ArrayLike, mode: str = "full", axes: int | Sequence[int] | None = None
) -> Any:
    """Convolve two arrays along `axes`: `scipy.signal.oaconvolve`, here the same as `fftconvolve`.

    Our transforms go block by block wherever one array is shorter than the other.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.interfaces import scipy_signal
    >>> scipy_signal.oaconvolve(np.arange(6.0), np.ones(2), mode="valid")
    array([1., 3., 5., 7., 9.])
    """
    return _by_axes(in1, in2, mode, axes)


def _quick(in1: Any, in2: Any, mode: str, method: str) -> Array | None:
    """What most calls are, with little around it: two arrays of one float, the first larger."""
    if (
        type(in1) is not np.ndarray
        or type(in2) is not np.ndarray
        or in1.dtype is not in2.dtype
        or in1.dtype not in FLOATS
        or method not in _PRECISIONS
    ):
        return None
    precision = _PRECISIONS[method]
    if in1.ndim == in2.ndim == 1:
        k = in2.size
        padding = _padding(k, mode)
        if padding is None or not 0 < k <= in1.size:
            return None
        y: Array = fastconv.conv1d(
            in1[None], in2[None, None, ::-1], padding=(padding,), precision=precision
        )[0]
        return y
    if in1.ndim == in2.ndim == 2:
        (h, w), (kh, kw) = in1.shape, in2.shape
        rows, columns = _padding(kh, mode), _padding(kw, mode)
        if rows is None or columns is None or not (0 < kh <= h and 0 < kw <= w) or kh > TALL:
            return None
        z: Array = fastconv.conv2d(
            in1[None], in2[None, None, ::-1, ::-1], padding=(rows, columns), precision=precision
        )[0]
        return z
    return None


def _is_tall(a: Array, b: Array) -> bool:
    """Whether two arrays are SciPy's because both are tall, if it is there."""
    rows = [min(n, k) for n, k in zip(a.shape, b.shape, strict=True) if min(n, k) > 1]
    return len(rows) == 2 and rows[0] > TALL and find_spec("scipy") is not None


def _padding(k: int, mode: str) -> tuple[int, int] | None:
    if mode == "full":
        return k - 1, k - 1
    if mode == "same":
        return k // 2, (k - 1) // 2
    return (0, 0) if mode == "valid" else None


def _ranges(a: Array, b: Array, mode: str) -> list[tuple[int, int] | None] | None:
    """Which outputs `mode` means along each axis; None where SciPy is to refuse it."""
    if mode == "valid":
        longer = [n >= k for n, k in zip(a.shape, b.shape, strict=True)]
        if not all(longer) and any(n > k for n, k in zip(a.shape, b.shape, strict=True)):
            return None
    return [window(n, k, mode) for n, k in zip(a.shape, b.shape, strict=True)]


def _any_dtype(in1: Any, in2: Any, mode: str, method: str, correlates: bool) -> Array | None:
    arrays = plain(in1, in2)
    if arrays is None or mode not in _MODES or method not in _PRECISIONS:
        return None
    a, b = arrays
    if a.ndim != b.ndim or a.ndim == 0 or a.size == 0 or b.size == 0:
        return None
    ranges = _ranges(a, b, mode)
    if ranges is None or (method != "direct" and _is_tall(a, b)):
        return None
    if correlates:
        b = b[(slice(None, None, -1),) * b.ndim].conj()
    return _computed(a, b, np.result_type(a, b), ranges, _PRECISIONS[method])


def _computed(
    a: Array, b: Array, result: np.dtype[Any], ranges: list[tuple[int, int] | None],
    default: Precision | None = None,
) -> Array | None:  # fmt: skip
    def real(a: Array, b: Array, precision: Precision | None = default) -> Array | None:
        if a.ndim > b.ndim:
            return linear(a, b[None], [None, *ranges], precision)
        return linear(a, b, ranges, precision)

    return computed(a, b, result, real)


def _by_axes(in1: Any, in2: Any, mode: str, axes: Any) -> Array | None:
    if axes is None:
        quick = _quick(in1, in2, mode, "fft") if mode in _MODES else None
        if quick is not None:
            return quick
    arrays = plain(in1, in2)
    if arrays is None or mode not in _MODES:
        return None
    a, b = arrays
    chosen = _chosen(axes, a.ndim)
    if a.ndim != b.ndim or a.ndim == 0 or a.size == 0 or b.size == 0 or chosen is None:
        return None
    if _is_tall(a, b):
        return None
    if any(dtype.char in "egGOSUV" for dtype in (a.dtype, b.dtype)):
        return None
    # Where one length is 1 SciPy multiplies, and `mode` speaks of the other axes alone.
    both = [
        i in chosen and n != 1 and k != 1
        for i, (n, k) in enumerate(zip(a.shape, b.shape, strict=True))
    ]
    outer = zip(a.shape, b.shape, both, strict=True)
    if any(not c and n != k and 1 not in (n, k) for n, k, c in outer):
        return None
    if mode == "valid" and _mixed(a.shape, b.shape, both):
        return None
    ranges = [
        window(n, k, mode) if c or (mode == "same" and n < k) else None
        for n, k, c in zip(a.shape, b.shape, both, strict=True)
    ]
    if not any(both):
        product = np.result_type(a, b)
        return _computed(a, b, product, ranges) if product.kind in "fc" else None
    # As SciPy: integers, and whatever meets them, become float64.
    single = all(dtype.char in "fF" for dtype in (a.dtype, b.dtype))
    result = np.result_type(a, b, np.float32 if single else np.float64)
    return _computed(a, b, result, ranges)


def _mixed(first: tuple[int, ...], second: tuple[int, ...], both: list[bool]) -> bool:
    """Whether each is the longer one along some axis that is convolved."""
    pairs = [(n, k) for n, k, c in zip(first, second, both, strict=True) if c]
    return any(n > k for n, k in pairs) and any(n < k for n, k in pairs)


def _chosen(axes: Any, ndim: int) -> set[int] | None:
    """The axes as indices from 0 on; None where SciPy is to judge them."""
    if axes is None:
        return set(range(ndim))
    try:
        listed = [axes] if isinstance(axes, int) else [int(a) for a in axes]
    except (TypeError, ValueError):
        return None
    if not listed or any(not -ndim <= a < ndim for a in listed):
        return None
    found = {a % ndim for a in listed}
    return found if len(found) == len(listed) else None
