"""Larger and smaller images: nearest neighbours and linear interpolation."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

import fastconv as fc
from fastconv.typing import DataFormat

from ._checks import DATA_FORMATS, Array, Shape, array, choice, integer, real, same_shape, shape_of
from ._field import Field
from .layer import Layer

Mode = Literal["nearest", "linear", "bilinear"]
MODES: tuple[Mode, ...] = get_args(Mode)
_AXES: dict[Mode, tuple[int, ...]] = {"nearest": (1, 2), "linear": (1,), "bilinear": (2,)}


class Upsample(Layer):
    """Scale the spatial axes of ``(N, C, W)`` or ``(N, C, H, W)``, as ``torch.nn.Upsample`` does.

    Despite its name it makes images smaller as well. Unlike a transposed convolution it learns
    nothing, and leaves no checkerboard [1]_.

    Parameters
    ----------
    size : int or sequence of int, optional
        The lengths of the result, one for all axes or one each.
    scale_factor : float or sequence of float, optional
        What the lengths are multiplied by; rounded down. Exactly one of both must be given.
    mode : {"nearest", "linear", "bilinear"}, default "nearest"
        The neighbour itself, or a straight line between two of them along each axis: ``"linear"``
        for one spatial axis, ``"bilinear"`` for two.
    align_corners : bool, default False
        Whether the centres of the outermost pixels stay where they are, instead of their edges;
        not for ``"nearest"``.
    data_format : {"channels_first", "channels_last"}, default "channels_first"
        Which axis holds the channels: the second, or the last.

    Raises
    ------
    TypeError
        If an argument has the wrong type.
    ValueError
        If an argument is out of range, or an input has another number of axes than `mode` takes.

    References
    ----------
    .. [1] Odena, Dumoulin and Olah, "Deconvolution and Checkerboard Artifacts", Distill 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import Upsample
    >>> x = np.float32([[[0, 4]]])
    >>> Upsample(scale_factor=2)(x)
    array([[[0., 0., 4., 4.]]], dtype=float32)
    >>> Upsample(scale_factor=2, mode="linear")(x)
    array([[[0., 1., 3., 4.]]], dtype=float32)
    """

    def __init__(
        self,
        size: int | tuple[int, ...] | None = None,
        scale_factor: float | tuple[float, ...] | None = None,
        mode: Mode = "nearest",
        align_corners: bool | None = None,
        *,
        data_format: DataFormat = "channels_first",
    ) -> None:
        super().__init__()
        if (size is None) == (scale_factor is None):
            raise ValueError("give either size or scale_factor")
        self.mode: Mode = choice(mode, "mode", MODES)
        self.size = None if size is None else _each(size, lambda v: integer(v, "size"), "size")
        self.scale_factor = (
            None if scale_factor is None else _each(scale_factor, _factor, "scale_factor")
        )
        if align_corners is not None and self.mode == "nearest":
            raise ValueError("align_corners has a meaning for 'linear' and 'bilinear' only")
        self.align_corners = bool(align_corners)
        self.data_format = choice(data_format, "data_format", DATA_FORMATS)

    def forward(self, x: npt.ArrayLike) -> Array:
        x = array(x)
        axes = self._resized(x.shape, x.dtype)
        if self.training:
            self._saved = (x.shape, x.dtype)
        for at, axis in axes:
            x = axis.apply(x, at)
        return np.ascontiguousarray(x)

    def backward(self, grad_output: npt.ArrayLike) -> Array:
        shape, dtype = self._recall()
        dy = array(grad_output, "grad_output", dtype)
        same_shape(dy, self.output_shape(shape), "grad_output")
        axes = self._resized(shape, dtype)
        kernel = tuple(axis.repeats() for _, axis in axes)
        if 0 not in kernel:
            pool: Callable[..., Array] = fc.sum_pool1d if len(kernel) == 1 else fc.sum_pool2d
            return pool(dy, kernel, data_format=self.data_format)
        for at, axis in reversed(axes):
            dy = axis.adjoint(dy, at)
        return np.ascontiguousarray(dy)

    def output_shape(self, input_shape: Shape) -> Shape:
        shape = list(shape_of(input_shape))
        for at, axis in self._resized(shape_of(input_shape)):
            shape[at] = axis.out
        return tuple(shape)

    def _resized(self, shape: Shape, dtype: Any = np.float32) -> list[tuple[int, _Axis]]:
        """Which axes are resized, and how."""
        n = len(shape) - 2
        if n not in _AXES[self.mode]:
            ranks = " or ".join(str(axes + 2) for axes in _AXES[self.mode])
            raise ValueError(f"Upsample({self.mode!r}) takes {ranks} axes, got shape {shape}")
        first = 2 if self.data_format == "channels_first" else 1
        found = []
        for i, factor in enumerate(self._factors(n)):
            length = shape[first + i]
            out = self._length(length, i, n)
            if out == 0:
                raise ValueError(f"scale_factor leaves nothing of length {length} in {shape}")
            scale = length / out if factor is None else 1 / factor
            found.append((first + i, self._axis(length, out, scale, dtype)))
        return found

    def _length(self, length: int, i: int, n: int) -> int:
        if self.size is not None:
            size: int = _spread(self.size, n, "size")[i]
            return size
        factor = self._factors(n)[i]
        assert factor is not None
        return math.floor(length * factor)

    def _factors(self, n: int) -> tuple[float | None, ...]:
        if self.scale_factor is None:
            return (None,) * n
        return _spread(self.scale_factor, n, "scale_factor")

    def _axis(self, length: int, out: int, scale: float, dtype: Any) -> _Axis:
        """Where each element of the result comes from."""
        to = np.arange(out)
        if self.mode == "nearest":
            # As torch does, in the input's dtype, whose rounding decides between neighbours.
            at = np.floor(to.astype(dtype) * np.asarray(scale, dtype)).astype(np.intp)
            at = to if out == length else to // 2 if out == 2 * length else at
            return _Axis(length, out, np.minimum(at, length - 1), None)
        if self.align_corners:
            source = to * ((length - 1) / (out - 1) if out > 1 else 0.0)
        else:
            source = np.maximum((to + 0.5) * scale - 0.5, 0)
        low = np.minimum(np.floor(source).astype(np.intp), length - 1)
        return _Axis(length, out, low, np.where(low + 1 < length, source - low, 0.0))

    def _see(self, field: Field, input_shape: Shape) -> Field:
        axes = self._resized(shape_of(input_shape))
        reach = (1 if self.mode == "nearest" else 2,) * len(axes)
        return field.through(reach, tuple(Fraction(axis.length, axis.out) for _, axis in axes))

    def _describe(self) -> str:
        given = self.size if self.scale_factor is None else self.scale_factor
        word = "size" if self.scale_factor is None else "scale_factor"
        assert given is not None
        numbers = given if len(set(given)) > 1 else given[0]
        parts = [f"{word}={numbers}"]
        parts += [f"mode={self.mode!r}"] if self.mode != "nearest" else []
        parts += ["align_corners=True"] if self.align_corners else []
        return ", ".join(parts)


@dataclass(frozen=True)
class _Axis:
    """One axis of the result: its elements as sums of one or two neighbours."""

    length: int
    out: int
    low: Array  # never falls
    weight: Array | None  # that of the upper neighbour; None: there is only `low`

    def apply(self, x: Array, at: int) -> Array:
        """The axis `at` of `x` at its new length."""
        y: Array = x.take(self.low, axis=at)
        if self.weight is None:
            return y
        high: Array = x.take(np.minimum(self.low + 1, self.length - 1), axis=at)
        high -= y
        high *= self._along(self.weight, y, at)
        high += y
        return high

    def repeats(self) -> int:
        """How often each element stands in the result, where that is all; else 0."""
        times, rest = divmod(self.out, self.length)
        plain = self.weight is None and rest == 0
        return times if plain and np.array_equal(self.low, np.arange(self.out) // times) else 0

    def adjoint(self, dy: Array, at: int) -> Array:
        """Give every element of `dy` back to the neighbours that it was made of."""
        if self.weight is None:
            return self._gathered(dy, self.low, at)
        upper = dy * self._along(self.weight, dy, at)
        dx = self._gathered(dy - upper, self.low, at)
        dx += self._gathered(upper, np.minimum(self.low + 1, self.length - 1), at)
        return dx

    def _gathered(self, dy: Array, to: Array, at: int) -> Array:
        """The sums of the elements that go to the same place."""
        places, starts = np.unique(to, return_index=True)
        shape = (*dy.shape[:at], self.length, *dy.shape[at + 1 :])
        dx = np.zeros(shape, dy.dtype)
        dx[(slice(None),) * at + (places,)] = np.add.reduceat(dy, starts, axis=at)
        return dx

    @staticmethod
    def _along(weight: Array, like: Array, at: int) -> Array:
        shape = [1] * like.ndim
        shape[at] = -1
        return weight.astype(like.dtype).reshape(shape)


def _factor(value: Any) -> float:
    factor = real(value, "scale_factor", 0)
    if factor == 0 or math.isinf(factor):
        raise ValueError(f"scale_factor must be positive and finite, got {value!r}")
    return factor


def _each(value: Any, check: Callable[[Any], Any], name: str) -> tuple[Any, ...]:
    """One checked number for all axes, or one each."""
    entries = tuple(value) if isinstance(value, tuple | list | np.ndarray) else (value,)
    if len(entries) not in (1, 2):
        raise ValueError(f"{name} must be a number, or hold one for each spatial axis: {value!r}")
    return tuple(check(entry) for entry in entries)


def _spread(entries: tuple[Any, ...], n: int, name: str) -> tuple[Any, ...]:
    if len(entries) not in (1, n):
        raise ValueError(f"{name} must hold 1 or {n} numbers for this input, got {entries}")
    return entries * n if len(entries) == 1 else entries
