"""Checks of constructor arguments and arrays that the layers share; messages name the argument."""

from __future__ import annotations

import math
import operator
from collections.abc import Sequence
from typing import Any, TypeVar, get_args

import numpy as np
import numpy.typing as npt

from fastconv._native import as_array
from fastconv.typing import DataFormat

Array = npt.NDArray[Any]
Shape = tuple[int, ...]
Word = TypeVar("Word", bound=str)

FLOATS = (np.dtype(np.float32), np.dtype(np.float64))
DATA_FORMATS: tuple[DataFormat, ...] = get_args(DataFormat)


def integer(value: Any, name: str, least: int = 1) -> int:
    """Return `value` as an int of at least `least`; a bool is no integer."""
    if isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be an integer, got {value!r}")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, got {value!r}") from None
    if number < least:
        raise ValueError(f"{name} must be at least {least}, got {number}")
    return number


def real(value: Any, name: str, low: float, high: float = math.inf) -> float:
    """Return `value` as a float within [low, high]."""
    if isinstance(value, bool | np.bool_ | str):
        raise TypeError(f"{name} must be a number, got {value!r}")
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {value!r}") from None
    if not low <= number <= high:
        raise ValueError(f"{name} must lie in [{low}, {high}], got {value!r}")
    return number


def per_axis(value: Any, n: int, name: str, least: int = 1) -> tuple[int, ...]:
    """Expand an int, or a sequence of one or `n` ints, to one int for each spatial axis."""
    if not isinstance(value, Sequence | np.ndarray) or isinstance(value, str):
        return (integer(value, name, least),) * n
    if len(value) not in (1, n):
        raise ValueError(f"{name} must be an int or hold 1 or {n} ints, got {value!r}")
    numbers = tuple(integer(v, name, least) for v in value)
    return numbers * n if len(numbers) == 1 else numbers


def choice(value: Any, name: str, options: Sequence[Word]) -> Word:
    """Return `value` if it is one of the words `options`."""
    if not isinstance(value, str):
        raise TypeError(f"{name} must be one of {list(options)}, got {value!r}")
    for option in options:
        if value == option:
            return option
    raise ValueError(f"{name} must be one of {list(options)}, got {value!r}")


def float_dtype(dtype: Any, name: str = "dtype") -> np.dtype[Any]:
    """Return `dtype` as float32 or float64, the two that the layers compute in."""
    try:
        found: np.dtype[Any] = np.dtype(dtype).newbyteorder("=")
    except TypeError:
        raise TypeError(f"{name} must be float32 or float64, got {dtype!r}") from None
    if found not in FLOATS:
        raise TypeError(f"{name} must be float32 or float64, got {found}")
    return found


def array(x: Any, name: str = "x", dtype: np.dtype[Any] | None = None) -> Array:
    """Return `x` as a native-endian float array; with `dtype`, of that dtype and no other."""
    # What most calls bring: a plain array of a native dtype, of which NumPy has one object each.
    if type(x) is np.ndarray and (x.dtype is dtype or (dtype is None and x.dtype in FLOATS)):
        return x
    if isinstance(x, np.ma.MaskedArray):
        raise TypeError(f"{name} must be a plain array, got a masked array")
    a = as_array(x, name)
    found = float_dtype(a.dtype, f"the dtype of {name}")
    if dtype is not None and found != dtype:
        raise TypeError(f"{name} must be {dtype}, as the layer's parameters are, got {found}")
    return a.astype(found, copy=False)


def same_shape(a: Array, shape: Sequence[int], name: str) -> Array:
    """Return `a` if its shape is `shape`."""
    if a.shape != tuple(shape):
        raise ValueError(f"{name} must have shape {tuple(shape)}, got {a.shape}")
    return a


def shape_of(shape: Any, name: str = "input_shape") -> Shape:
    """Return a shape as a tuple of ints; the first (the batch) may be 0."""
    if not isinstance(shape, Sequence | np.ndarray) or isinstance(shape, str):
        raise TypeError(f"{name} must be a sequence of ints, got {shape!r}")
    if len(shape) == 0:
        raise ValueError(f"{name} must have at least one axis")
    return tuple(integer(v, name, 0 if i == 0 else 1) for i, v in enumerate(shape))


def generator(rng: Any) -> np.random.Generator:
    """Return a generator: `rng` itself, or a new one from a seed or from fresh entropy."""
    if isinstance(rng, np.random.Generator):
        return rng
    if rng is None:
        return np.random.default_rng()
    return np.random.default_rng(integer(rng, "rng", 0))
