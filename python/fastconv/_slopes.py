"""PReLU behind kernels that have one slope: those of channels follow in a pass of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from fastconv import _native

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = ["expect_like", "finished", "in_place", "slopes_for", "split"]

_NAME = "activation: prelu's slopes"


def split(activation: object, input: object) -> tuple[object, object]:
    """Return what the kernel applies of `activation`, and the slopes that are left to `finished`.

    A single slope is that of a leaky ReLU, which costs no pass; the kernel takes it where `input`
    shows that the dtypes agree. None for the slopes means that nothing is left.
    """
    if activation is None or isinstance(activation, str):
        return activation, None
    if not isinstance(activation, tuple | list) or len(activation) != 2:
        return activation, None  # the kernel's binding refuses it
    name, slopes = activation
    if not isinstance(name, str) or name != "prelu":
        return activation, None
    if slopes is None:
        raise TypeError(f"{_NAME} must be an array, got None")
    one = type(slopes) is np.ndarray and slopes.ndim <= 1 and slopes.size == 1
    if one and slopes.dtype.kind == "f" and slopes.dtype == getattr(input, "dtype", None):
        return ("leaky_relu", float(slopes.item())), None
    return None, slopes


def in_place(slopes: object, out: object, data_format: str) -> bool:
    """Whether a kernel may write `out` before PReLU follows there.

    It may where no check of the slopes can fail any more once the kernel has taken `out`, and the
    slopes lie elsewhere. A slice would be copied twice for PReLU; a temporary costs less.
    """
    if type(out) is not np.ndarray or type(slopes) is not np.ndarray or not out.flags.carray:
        return False
    fit = slopes.dtype == out.dtype and slopes.shape == (_channels(out, data_format),)
    return fit and not np.may_share_memory(slopes, out)


def finished(
    y: NDArray[Any], slopes: object, name: str, threads: object, out: object, data_format: str
) -> NDArray[Any]:
    """Apply PReLU to `y`, the result of a call whose argument `name` has its dtype.

    It is written over, or goes to `out`, which is `y` or untouched until the last check is done.
    """
    slopes = slopes_for(y, slopes, name, data_format)
    return _native.prelu(y, slopes, threads, y if out is None else out, data_format)


def slopes_for(y: NDArray[Any], slopes: object, name: str, data_format: str) -> NDArray[Any]:
    """Return the slopes as an array, which must hold one, or one for each channel of `y`."""
    array = _of_dtype(slopes, _NAME, y, name)
    channels = _channels(y, data_format)
    if array.ndim > 1 or array.size not in (1, channels):
        raise ValueError(
            f"{_NAME} must be one or one for each of the {channels} channels, "
            f"got shape {array.shape}"
        )
    return array


def expect_like(value: object, name: str, input: NDArray[Any]) -> None:
    """Refuse the argument `name` unless it has the shape and the dtype of the argument input."""
    array = _of_dtype(value, name, input, "input")
    if array.shape != input.shape:
        raise ValueError(f"{name} must have the shape of input, {input.shape}, got {array.shape}")


def _channels(y: NDArray[Any], data_format: str) -> int:
    """The number of channels of `y` as `fastconv.prelu` counts them."""
    return y.shape[1 if data_format == "channels_first" else -1] if y.ndim > 1 else 1


def _of_dtype(value: object, name: str, like: NDArray[Any], other: str) -> NDArray[Any]:
    """Return `value` as an array, which must have the dtype of `like`, in any byte order."""
    array = _native.as_array(value, name)
    if array.dtype.newbyteorder("=") != like.dtype:
        raise TypeError(f"{name} must have the dtype of {other}, {like.dtype}, got {array.dtype}")
    return array
