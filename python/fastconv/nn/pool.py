"""Pools over windows as layers: max, min, average, sum and p-norm."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy.typing as npt

import fastconv as fc
from fastconv import grad

from ._checks import DATA_FORMATS, Array, Shape, array, choice, integer, per_axis, real
from ._field import Field
from ._shapes import channels_first, checked_padding, in_format, short
from .layer import Layer

_WORDS = ("valid", "same", "same_lower")


class _Pool(Layer):
    """A window that slides over each channel; subclasses say what it takes of it."""

    _n: ClassVar[int]
    _function: ClassVar[str]

    def __init__(
        self,
        kernel_size: Any,
        stride: Any,
        padding: Any,
        dilation: Any,
        ceil_mode: bool,
        data_format: str,
    ) -> None:
        super().__init__()
        self.kernel_size = per_axis(kernel_size, self._n, "kernel_size")
        self.stride = self.kernel_size if stride is None else per_axis(stride, self._n, "stride")
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


class _Extreme(_Pool):
    """A pool whose gradient goes to one input of each window."""

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        *,
        data_format: str = "channels_first",
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


class _Average(_Pool):
    """The mean of each window."""

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: int | None = None,
        *,
        dilation: Any = 1,
        data_format: str = "channels_first",
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


class _Sum(_Pool):
    """The sum of each window."""

    def __init__(
        self,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        *,
        dilation: Any = 1,
        data_format: str = "channels_first",
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


class _Norm(_Pool):
    """The p-norm of each window."""

    def __init__(
        self,
        norm_type: float,
        kernel_size: Any,
        stride: Any = None,
        ceil_mode: bool = False,
        *,
        padding: Any = 0,
        dilation: Any = 1,
        data_format: str = "channels_first",
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


class MaxPool1d(_Extreme):
    """Largest value of each window of ``(N, C, W)``; arguments as `MaxPool2d`."""

    _n, _function = 1, "max_pool1d"


class MaxPool2d(_Extreme):
    """Largest value of each window of ``(N, C, H, W)``, or of one sample without N.

    Parameters
    ----------
    kernel_size : int or (int, int)
    stride : int or (int, int), optional
        Default: `kernel_size`, so that windows tile the image.
    padding : int, ints, (lo, hi) pairs or a word, default 0
    dilation : int or (int, int), default 1
    ceil_mode : bool, default False
        Also take a last window that hangs over the end.
    data_format : {"channels_first", "channels_last"}

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import MaxPool2d
    >>> MaxPool2d(2)(np.arange(16, dtype=np.float32).reshape(1, 4, 4))
    array([[[ 5.,  7.],
            [13., 15.]]], dtype=float32)
    """

    _n, _function = 2, "max_pool2d"


class MinPool1d(_Extreme):
    """Smallest value of each window of ``(N, C, W)``; arguments as `MaxPool2d`."""

    _n, _function = 1, "min_pool1d"


class MinPool2d(_Extreme):
    """Smallest value of each window of ``(N, C, H, W)``; arguments as `MaxPool2d`."""

    _n, _function = 2, "min_pool2d"


class AvgPool1d(_Average):
    """Mean of each window of ``(N, C, W)``; arguments as `AvgPool2d`."""

    _n, _function = 1, "avg_pool1d"


class AvgPool2d(_Average):
    """Mean of each window of ``(N, C, H, W)``, or of one sample without N.

    Parameters
    ----------
    kernel_size, stride, padding, ceil_mode, dilation, data_format
        As for `MaxPool2d`.
    count_include_pad : bool, default True
        Whether padding counts in the divisor.
    divisor_override : int, optional
        Divide by this number instead.
    """

    _n, _function = 2, "avg_pool2d"


class SumPool1d(_Sum):
    """Sum of each window of ``(N, C, W)``; arguments as `MaxPool2d`, `dilation` by keyword."""

    _n, _function = 1, "sum_pool1d"


class SumPool2d(_Sum):
    """Sum of each window of ``(N, C, H, W)``; arguments as `MaxPool2d`, `dilation` by keyword."""

    _n, _function = 2, "sum_pool2d"


class LPPool1d(_Norm):
    """p-norm of each window of ``(N, C, W)``; arguments as `LPPool2d`."""

    _n, _function = 1, "lp_pool1d"


class LPPool2d(_Norm):
    """p-norm ``(sum |x|**p) ** (1/p)`` of each window of ``(N, C, H, W)``.

    Parameters
    ----------
    norm_type : float
        p > 0; infinity gives the largest absolute value.
    kernel_size, stride, ceil_mode, padding, dilation, data_format
        As for `MaxPool2d`.
    """

    _n, _function = 2, "lp_pool2d"
