"""What arguments of SciPy's functions are to us: plain arrays, dtypes, sums by parts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    pass

Array = np.ndarray[Any, np.dtype[Any]]
Real = "Callable[[Array, Array], Array | None]"

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
COMPLEX = (np.dtype(np.complex64), np.dtype(np.complex128))
_REAL_OF: dict[Any, Any] = dict(zip(COMPLEX, FLOATS, strict=True))

# Up to here all integers are numbers of the dtype.
_EXACT = {np.dtype(np.float32): 2**24, np.dtype(np.float64): 2**53}
# Fourier transforms in float64 err by at most 50 * 2**-53 of the sum of all products, so that what
# is nearest is right while these sums are below.
_NEAREST = 2**45
# Plain sums of fewer taps are faster than Fourier transforms in float64.
_FEW_TAPS = 256


def plain(*values: Any) -> list[Array] | None:
    """The arguments as arrays of NumPy; None if one is of a kind that SciPy is to judge."""
    arrays = []
    for value in values:
        if type(value) is np.ndarray:
            arrays.append(value)
        elif isinstance(value, list | tuple | int | float | complex | np.generic):
            arrays.append(np.asarray(value))
        else:
            return None
    return arrays


def computed(a: Array, b: Array, result: np.dtype[Any], real: Any) -> Array | None:
    """``real(a, b)``, a function linear in both for floats of one dtype, for other dtypes as well.

    `real` may be called with one more axis in front of `a`. `result` is the dtype to return;
    None where it is none of ours, or where integers would not be exact.
    """
    if result in FLOATS:
        y: Array | None = real(a.astype(result, copy=False), b.astype(result, copy=False))
        return y
    if result in COMPLEX:
        return _by_parts(a, b, _REAL_OF[result], result, real)
    if result.kind in "iu" and a.dtype.kind in "biu" and b.dtype.kind in "biu":
        return _by_floats(a, b, result, real)
    return None


def _parts(a: Array, dtype: np.dtype[Any]) -> list[Array]:
    """The real part and, if there is one, the imaginary part."""
    parts = [a.real, a.imag] if a.dtype.kind == "c" else [a]
    return [part.astype(dtype, copy=False) for part in parts]


def _by_parts(
    a: Array, b: Array, dtype: np.dtype[Any], result: np.dtype[Any], real: Any
) -> Array | None:
    first, second = _parts(a, dtype), _parts(b, dtype)
    stacked = np.stack(first)
    by_real: Any = real(stacked, second[0])
    by_imag: Any = real(stacked, second[1]) if len(second) == 2 else None
    if by_real is None or (by_imag is None and len(second) == 2):
        return None
    y = np.empty(by_real.shape[1:], result)
    y.real = by_real[0]
    y.imag = by_real[1] if len(first) == 2 else by_imag[0]
    if by_imag is not None and len(first) == 2:
        y.real -= by_imag[1]
        y.imag += by_imag[0]
    return y


def _most(a: Array) -> int:
    return max(int(a.max()), -int(a.min()))


def _by_floats(a: Array, b: Array, result: np.dtype[Any], real: Any) -> Array | None:
    """Integers in the smaller float that holds every sum; what does not fit wraps, as in NumPy."""
    taps = min(a.size, b.size)
    largest = _most(a) * _most(b) * taps
    dtype: Any = next((d for d, limit in _EXACT.items() if largest <= limit), None)
    if dtype is None:
        return None
    plain_sums = taps <= _FEW_TAPS or largest > _NEAREST
    if not plain_sums:
        dtype = FLOATS[1]
    y = real(a.astype(dtype), b.astype(dtype), precision="highest" if plain_sums else "high")
    if y is None:
        return None
    if not plain_sums:
        np.rint(y, out=y)
    integers: Array = y.astype(np.int64).astype(result, copy=False)
    return integers
