"""What layers of pools over windows share: checks, calls, gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

import fastconv as fc
from fastconv import grad
from fastconv.typing import DataFormat, Padding, PerAxis

from ._checks import DATA_FORMATS, Array, Shape, array, choice, integer, per_axis, real
from ._field import Field
from ._shapes import channels_first, checked_padding, in_format, short
from .layer import Layer

_WORDS = ("valid", "same", "same_lower")


class PoolBase(Layer):
    """A window that slides over each channel; subclasses say what it takes of it."""

    _n: ClassVar[int]
    _function: ClassVar[str]

    def __init__(
        self,
        kernel_size: PerAxis,
        stride: PerAxis | None,
        padding: Padding,
        dilation: PerAxis,
        ceil_mode: bool,
        data_format: DataFormat,
    ) -> None:
        super().__init__()
        self.kernel_size = per_axis(kernel_size, self._n, "kernel_size")
        self.stride = self.kernel_size
        if not (stride is None or _is_empty(stride)):
            self.stride = per_axis(stride, self._n, "stride")
        self.padding = checked_padding(padding, self._n, _WORDS)
        self.dilation = per_axis(dilation, self._n, "dilation")
        self.ceil_mode = bool(ceil_mode)
        self.data_format = choice(data_format, "data_format", DATA_FORMATS)

    def output_shape(self, input_shape: Shape) -> Shape:
        first = channels_first(input_shape, self._n, self.data_format)
        shape = fc.pool_output_shape(first, **self._window())
        return in_format(shape, self._n, self.data_format)

    def _window(self) -> dict[str, Any]:
        """The geometry, by the names that the functions give it."""
        return {
            "kernel_size": self.kernel_size,
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "ceil_mode": self.ceil_mode,
        }

    def _call(self, x: Array, **more: Any) -> Any:
        """Call the pool's function."""
        return getattr(fc, self._function)(
            x, **self._window(), data_format=self.data_format, **more
        )

    def _gradient(self, *arrays: Any, **more: Any) -> Array:
        """Call the pool's gradient."""
        function = getattr(grad, f"{self._function}_input")
        dx: Array = function(*arrays, data_format=self.data_format, **more)
        return dx

    def _see(self, field: Field, input_shape: Shape) -> Field:
        reach = zip(self.kernel_size, self.dilation, strict=True)
        return field.through(tuple(d * (k - 1) + 1 for k, d in reach), self.stride)

    def _describe(self) -> str:
        parts = ["x".join(map(str, self.kernel_size))]
        if self.stride != self.kernel_size:
            parts.append(f"stride={short(self.stride)}")
        if self.padding != 0:
            parts.append(f"padding={self.padding!r}")
        if set(self.dilation) != {1}:
            parts.append(f"dilation={short(self.dilation)}")
        if self.ceil_mode:
            parts.append("ceil_mode=True")
        return ", ".join(parts)


def _is_empty(stride: PerAxis) -> bool:
    """Whether a stride is an empty sequence, which means the kernel size as None does."""
    return isinstance(stride, Sequence | np.ndarray) and len(stride) == 0


class ExtremePool(PoolBase):
    """A pool whose gradient goes to one input of each window."""

    def __init__(
        self,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: Padding = 0,
        dilation: PerAxis = 1,
        ceil_mode: bool = False,
        *,
        data_format: DataFormat = "channels_first",
    ) -> None:
        super().__init__(kernel_size, stride, padding, dilation, ceil_mode, data_format)

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


class AveragePool(PoolBase):
    """The mean of each window."""

    def __init__(
        self,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: Padding = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
        *,
        dilation: PerAxis = 1,
        data_format: DataFormat = "channels_first",
    ) -> None:
        super().__init__(kernel_size, stride, padding, dilation, ceil_mode, data_format)
        self.count_include_pad = bool(count_include_pad)
        self.divisor_override = (
            None if divisor_override is None else integer(divisor_override, "divisor_override")
        )

    def forward(self, x: npt.ArrayLike) -> Array:
        x = array(x)
        y: Array = self._call(x, **self._divisor())
        if self.training:
            self._saved = (x.shape, x.dtype)
        return y

    def backward(self, grad_output: npt.ArrayLike) -> Array:
        shape, dtype = self._recall()
        dy = array(grad_output, "grad_output", dtype)
        return self._gradient(dy, shape, **self._window(), **self._divisor())

    def _divisor(self) -> dict[str, Any]:
        return {
            "count_include_pad": self.count_include_pad,
            "divisor_override": self.divisor_override,
        }


class SumPool(PoolBase):
    """The sum of each window."""

    def __init__(
        self,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        padding: Padding = 0,
        ceil_mode: bool = False,
        *,
        dilation: PerAxis = 1,
        data_format: DataFormat = "channels_first",
    ) -> None:
        super().__init__(kernel_size, stride, padding, dilation, ceil_mode, data_format)

    def forward(self, x: npt.ArrayLike) -> Array:
        x = array(x)
        y: Array = self._call(x)
        if self.training:
            self._saved = (x.shape, x.dtype)
        return y

    def backward(self, grad_output: npt.ArrayLike) -> Array:
        shape, dtype = self._recall()
        return self._gradient(array(grad_output, "grad_output", dtype), shape, **self._window())


class NormPool(PoolBase):
    """The p-norm of each window."""

    def __init__(
        self,
        norm_type: float,
        kernel_size: PerAxis,
        stride: PerAxis | None = None,
        ceil_mode: bool = False,
        *,
        padding: Padding = 0,
        dilation: PerAxis = 1,
        data_format: DataFormat = "channels_first",
    ) -> None:
        super().__init__(kernel_size, stride, padding, dilation, ceil_mode, data_format)
        self.norm_type = real(norm_type, "norm_type", 0)
        if self.norm_type == 0:
            raise ValueError("norm_type must be greater than 0, got 0")

    def forward(self, x: npt.ArrayLike) -> Array:
        x = array(x)
        y: Array = self._call(x, norm_type=self.norm_type)
        if self.training:
            self._saved = (x, y)
        return y

    def backward(self, grad_output: npt.ArrayLike) -> Array:
        x, y = self._recall()
        dy = array(grad_output, "grad_output", x.dtype)
        return self._gradient(dy, x, y, norm_type=self.norm_type, **self._window())

    def _describe(self) -> str:
        return f"{self.norm_type:g}, {super()._describe()}"
