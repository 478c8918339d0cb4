"""Pools, windowed and global."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import fastconv
from fastconv.interfaces.onnx._node import (
    Array,
    Node,
    floats,
    images,
    padding_of,
    per_axis,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = [
    "AveragePool",
    "GlobalAveragePool",
    "GlobalLpPool",
    "GlobalMaxPool",
    "LpPool",
    "MaxPool",
]


def _windows(
    x: Any, auto_pad: str | None, kernel_shape: Sequence[int], pads: Sequence[int] | None,
    strides: Sequence[int] | None, dilations: Sequence[int] | None, ceil_mode: int,
) -> dict[str, Any] | None:  # fmt: skip
    """Return the arguments that our pools share; None where we do not take the node."""
    rank = images(x)
    padding = padding_of(auto_pad, pads, rank) if rank and len(kernel_shape) == rank else None
    if padding is None:
        return None
    dilation = per_axis(dilations, rank)
    reach = [d * (k - 1) + 1 for d, k in zip(dilation, kernel_shape, strict=True)]
    # A window with nothing of the input in it is defined nowhere but in onnx's code.
    if auto_pad not in ("VALID", "SAME_UPPER", "SAME_LOWER") and any(
        max(pair) >= length for pair, length in zip(padding, reach, strict=True)
    ):
        return None
    return {
        "kernel_size": tuple(kernel_shape),
        "stride": per_axis(strides, rank),
        "padding": padding,
        "dilation": dilation,
        "ceil_mode": bool(ceil_mode) and not isinstance(padding, str),
    }


class MaxPool(Node):
    """MaxPool of every opset, with indices in either order."""

    def take(
        self, x: Any, auto_pad: str | None = None, ceil_mode: int = 0,
        dilations: Sequence[int] | None = None, kernel_shape: Sequence[int] = (),
        pads: Sequence[int] | None = None, storage_order: int = 0,
        strides: Sequence[int] | None = None,
    ) -> tuple[Any, ...] | None:  # fmt: skip
        """Return the maxima, and where they were if the model asks for it."""
        windows = _windows(x, auto_pad, kernel_shape, pads, strides, dilations, ceil_mode)
        if windows is None or (x.dtype.kind not in "iu" and not floats(x)):
            return None
        pool: Any = fastconv.max_pool1d if x.ndim == 3 else fastconv.max_pool2d
        if not self._wants_second:
            return (pool(x, **windows),)
        y, places = pool(x, **windows, return_indices=True)
        if storage_order and x.ndim == 4:
            rows, columns = np.divmod(places, x.shape[3])
            places = columns * x.shape[2] + rows
        # Ours are places in one plane; onnx's are in the whole tensor.
        planes = np.arange(x.shape[0] * x.shape[1]) * int(np.prod(x.shape[2:]))
        places += planes.reshape(*x.shape[:2], *(1,) * (x.ndim - 2))
        return y, places


class AveragePool(Node):
    """AveragePool of every opset."""

    def take(
        self, x: Any, auto_pad: str | None = None, ceil_mode: int = 0, count_include_pad: int = 0,
        dilations: Sequence[int] | None = None, kernel_shape: Sequence[int] = (),
        pads: Sequence[int] | None = None, strides: Sequence[int] | None = None,
    ) -> tuple[Any, ...] | None:  # fmt: skip
        """Return the averages."""
        windows = _windows(x, auto_pad, kernel_shape, pads, strides, dilations, ceil_mode)
        if windows is None or not floats(x):
            return None
        pool: Any = fastconv.avg_pool1d if x.ndim == 3 else fastconv.avg_pool2d
        return (pool(x, **windows, count_include_pad=bool(count_include_pad)),)


class LpPool(Node):
    """LpPool of every opset."""

    def take(
        self, x: Any, auto_pad: str | None = None, ceil_mode: int = 0,
        dilations: Sequence[int] | None = None, kernel_shape: Sequence[int] = (), p: float = 2,
        pads: Sequence[int] | None = None, strides: Sequence[int] | None = None,
    ) -> tuple[Any, ...] | None:  # fmt: skip
        """Return the p-norms."""
        windows = _windows(x, auto_pad, kernel_shape, pads, strides, dilations, ceil_mode)
        if windows is None or not floats(x) or not p > 0:
            return None
        pool: Any = fastconv.lp_pool1d if x.ndim == 3 else fastconv.lp_pool2d
        return (pool(x, float(p), **windows),)


def _one_window(x: Any) -> Array | None:
    """Return `x` with one spatial axis; None where we do not take it."""
    if not isinstance(x, np.ndarray) or x.ndim < 3 or 0 in x.shape[1:] or not floats(x):
        return None
    return x.reshape(*x.shape[:2], -1)


def _spread(y: Array, x: Array) -> tuple[Array]:
    """Give the result of a global pool the axes of its input."""
    return (y.reshape(*x.shape[:2], *(1,) * (x.ndim - 2)),)


class GlobalAveragePool(Node):
    """GlobalAveragePool, over any number of spatial axes."""

    def take(self, x: Any) -> tuple[Any, ...] | None:
        """Return the average of each plane."""
        flat = _one_window(x)
        return None if flat is None else _spread(fastconv.global_avg_pool1d(flat), x)


class GlobalMaxPool(Node):
    """GlobalMaxPool, over any number of spatial axes."""

    def take(self, x: Any) -> tuple[Any, ...] | None:
        """Return the largest element of each plane."""
        flat = _one_window(x)
        return None if flat is None else _spread(fastconv.global_max_pool1d(flat), x)


class GlobalLpPool(Node):
    """GlobalLpPool, over any number of spatial axes."""

    def take(self, x: Any, p: float = 2) -> tuple[Any, ...] | None:
        """Return the p-norm of each plane."""
        flat = _one_window(x)
        if flat is None or not p > 0:
            return None
        return _spread(fastconv.lp_pool1d(flat, float(p), flat.shape[2]), x)
