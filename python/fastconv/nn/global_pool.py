"""Pools whose output size is given: adaptive, and global (of size one)."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

import fastconv as fc
from fastconv import grad
from fastconv._docs import completed_by
from fastconv.typing import DataFormat, OutputSize

from ._checks import DATA_FORMATS, Array, Shape, array, choice, integer
from ._field import Field
from ._shapes import channels_first, in_format
from .layer import Layer


class _Adaptive(Layer):
    """A pool with an output of a given size; subclasses say what it takes of a window."""

    _n: ClassVar[int]
    _function: ClassVar[str]

    def __init__(
        self, output_size: OutputSize, *, data_format: DataFormat = "channels_first"
    ) -> None:
        super().__init__()
        self.output_size = _sizes(output_size, self._n)
        self.data_format = choice(data_format, "data_format", DATA_FORMATS)

    def output_shape(self, input_shape: Shape) -> Shape:
        first = channels_first(input_shape, self._n, self.data_format)
        lengths = zip(self.output_size, first[-self._n :], strict=True)
        out = tuple(n if size is None else size for size, n in lengths)
        return in_format((*first[: -self._n], *out), self._n, self.data_format)

    def _call(self, x: Array, **more: Any) -> Any:
        function = getattr(fc, self._function)
        return function(x, self.output_size, data_format=self.data_format, **more)

    def _gradient(self, *arrays: Any) -> Array:
        function = getattr(grad, f"{self._function}_input")
        dx: Array = function(*arrays, data_format=self.data_format)
        return dx

    def _see(self, field: Field, input_shape: Shape) -> Field:
        first = channels_first(input_shape, self._n, self.data_format)
        reach, step = [], []
        for n, size in zip(first[-self._n :], self.output_size, strict=True):
            out = n if size is None else max(size, 1)
            # Window i is [floor(i n / out), ceil((i + 1) n / out)).
            reach.append(max(-(-(i + 1) * n // out) - i * n // out for i in range(out)))
            step.append(Fraction(n, out))
        return field.through(tuple(reach), tuple(step))

    def _describe(self) -> str:
        return "x".join(map(str, self.output_size))


def _sizes(value: Any, n: int) -> tuple[int | None, ...]:
    """Expand `output_size`: ints of at least 0, or None to keep an axis."""
    entries = tuple(value) if isinstance(value, Sequence | np.ndarray) else (value,)
    if isinstance(value, str) or len(entries) not in (1, n):
        raise ValueError(f"output_size must hold 1 or {n} ints or None, got {value!r}")
    sizes = tuple(None if v is None else integer(v, "output_size", 0) for v in entries)
    return sizes * n if len(sizes) == 1 else sizes


class _AdaptiveAvg(_Adaptive):
    def forward(self, x: npt.ArrayLike) -> Array:
        x = array(x)
        y: Array = self._call(x)
        if self.training:
            self._saved = (x.shape, x.dtype)
        return y

    def backward(self, grad_output: npt.ArrayLike) -> Array:
        shape, dtype = self._recall()
        return self._gradient(array(grad_output, "grad_output", dtype), shape, self.output_size)


class _AdaptiveMax(_Adaptive):
    def forward(self, x: npt.ArrayLike) -> Array:
        x = array(x)
        if not self.training:
            values: Array = self._call(x)
            return values
        y: Array
        y, indices = self._call(x, return_indices=True)
        self._saved = (indices, x.shape, x.dtype)
        return y

    def backward(self, grad_output: npt.ArrayLike) -> Array:
        indices, shape, dtype = self._recall()
        return self._gradient(array(grad_output, "grad_output", dtype), indices, shape)


class _Global(Layer):
    """One value for each channel; subclasses say which."""

    _n: ClassVar[int]
    _function: ClassVar[str]
    _needs_input: ClassVar[bool]

    def __init__(self, *, data_format: DataFormat = "channels_first") -> None:
        super().__init__()
        self.data_format = choice(data_format, "data_format", DATA_FORMATS)

    def forward(self, x: npt.ArrayLike) -> Array:
        x = array(x)
        y: Array = getattr(fc, self._function)(x, data_format=self.data_format)
        if self.training:
            self._saved = (x if self._needs_input else x.shape, x.dtype)
        return y

    def backward(self, grad_output: npt.ArrayLike) -> Array:
        origin, dtype = self._recall()
        function = getattr(grad, f"{self._function}_input")
        dy = array(grad_output, "grad_output", dtype)
        dx: Array = function(dy, origin, data_format=self.data_format)
        return dx

    def output_shape(self, input_shape: Shape) -> Shape:
        first = channels_first(input_shape, self._n, self.data_format)
        return in_format((*first[: -self._n], *(1,) * self._n), self._n, self.data_format)

    def _see(self, field: Field, input_shape: Shape) -> Field:
        return Field(whole=True)


@completed_by(fc.adaptive_avg_pool2d, "output_size")
class AdaptiveAvgPool2d(_AdaptiveAvg):
    """Means of windows that cover ``(N, C, H, W)`` evenly, in the number asked for.

    `fastconv.adaptive_avg_pool2d` and `fastconv.grad.adaptive_avg_pool2d_input`.

    Parameters
    ----------
    data_format : {"channels_first", "channels_last"}, default "channels_first"
        The order of axes. ``"channels_last"`` means (N, H, W, C) for input and result.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If an argument is out of range, a word is unknown, or the input of a call does not fit.

    Examples
    --------
    >>> from fastconv.nn import AdaptiveAvgPool2d
    >>> AdaptiveAvgPool2d((7, None)).output_shape((1, 8, 30, 20))
    (1, 8, 7, 20)
    """

    _n, _function = 2, "adaptive_avg_pool2d"


@completed_by(AdaptiveAvgPool2d)
@completed_by(fc.adaptive_avg_pool1d, "output_size")
class AdaptiveAvgPool1d(_AdaptiveAvg):
    """Means of windows that cover ``(N, C, W)`` evenly: as `AdaptiveAvgPool2d`, with one axis.

    Parameters
    ----------
    data_format : {"channels_first", "channels_last"}, default "channels_first"
        ``"channels_last"`` means (N, W, C) for input and result.

    Examples
    --------
    >>> from fastconv.nn import AdaptiveAvgPool1d
    >>> AdaptiveAvgPool1d(7).output_shape((1, 8, 30))
    (1, 8, 7)
    """

    _n, _function = 1, "adaptive_avg_pool1d"


@completed_by(AdaptiveAvgPool2d)
class AdaptiveMaxPool2d(_AdaptiveMax):
    """Largest elements of windows that cover ``(N, C, H, W)`` evenly, in the number asked for.

    `fastconv.adaptive_max_pool2d` and `fastconv.grad.adaptive_max_pool2d_input`.

    Examples
    --------
    >>> from fastconv.nn import AdaptiveMaxPool2d
    >>> AdaptiveMaxPool2d(7).output_shape((1, 8, 30, 20))
    (1, 8, 7, 7)
    """

    _n, _function = 2, "adaptive_max_pool2d"


@completed_by(AdaptiveAvgPool1d)
class AdaptiveMaxPool1d(_AdaptiveMax):
    """Largest elements of windows that cover ``(N, C, W)`` evenly, in the number asked for.

    Examples
    --------
    >>> from fastconv.nn import AdaptiveMaxPool1d
    >>> AdaptiveMaxPool1d(7).output_shape((1, 8, 30))
    (1, 8, 7)
    """

    _n, _function = 1, "adaptive_max_pool1d"


@completed_by(AdaptiveAvgPool2d)
class GlobalAvgPool2d(_Global):
    """Mean of each channel, ``(N, C, H, W)`` to ``(N, C, 1, 1)``.

    `fastconv.global_avg_pool2d` and `fastconv.grad.global_avg_pool2d_input`.

    Examples
    --------
    >>> from fastconv.nn import GlobalAvgPool2d
    >>> GlobalAvgPool2d().output_shape((1, 8, 30, 20))
    (1, 8, 1, 1)
    """

    _n, _function, _needs_input = 2, "global_avg_pool2d", False


@completed_by(AdaptiveAvgPool1d)
class GlobalAvgPool1d(_Global):
    """Mean of each channel, ``(N, C, W)`` to ``(N, C, 1)``.

    `fastconv.global_avg_pool1d` and `fastconv.grad.global_avg_pool1d_input`.

    Examples
    --------
    >>> from fastconv.nn import GlobalAvgPool1d
    >>> GlobalAvgPool1d().output_shape((1, 8, 30))
    (1, 8, 1)
    """

    _n, _function, _needs_input = 1, "global_avg_pool1d", False


@completed_by(AdaptiveAvgPool2d)
class GlobalMaxPool2d(_Global):
    """Largest element of each channel, ``(N, C, H, W)`` to ``(N, C, 1, 1)``.

    `fastconv.global_max_pool2d` and `fastconv.grad.global_max_pool2d_input`.

    Examples
    --------
    >>> from fastconv.nn import GlobalMaxPool2d
    >>> GlobalMaxPool2d().output_shape((1, 8, 30, 20))
    (1, 8, 1, 1)
    """

    _n, _function, _needs_input = 2, "global_max_pool2d", True


@completed_by(AdaptiveAvgPool1d)
class GlobalMaxPool1d(_Global):
    """Largest element of each channel, ``(N, C, W)`` to ``(N, C, 1)``.

    `fastconv.global_max_pool1d` and `fastconv.grad.global_max_pool1d_input`.

    Examples
    --------
    >>> from fastconv.nn import GlobalMaxPool1d
    >>> GlobalMaxPool1d().output_shape((1, 8, 30))
    (1, 8, 1)
    """

    _n, _function, _needs_input = 1, "global_max_pool1d", True
