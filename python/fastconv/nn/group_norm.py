"""Normalisation within each sample: by groups of channels, and over the last axes."""

from __future__ import annotations

import math
from abc import abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from fastconv import _native
from fastconv._docs import completed_by
from fastconv.typing import DataFormat

from ._checks import (
    DATA_FORMATS,
    Array,
    Shape,
    array,
    choice,
    float_dtype,
    integer,
    real,
    same_shape,
    shape_of,
)
from .layer import Weighted


class _Standardised(Weighted):
    """Rows of zero mean and unit variance, and their gradient.

    Statistics are sums in float64, as those of batch normalisation are, whose kernels compute them:
    rows are the channels of one image.
    """

    eps: float

    def _rows(self, x: Array) -> Array:
        """`x` without mean and variance; each row is what is normalised together."""
        mean, var = _native.batch_moments(x[None], None)
        inverse = 1 / np.sqrt(var + self.eps)
        none = np.zeros_like(mean)
        y: Array = _native.normalize(x[None], mean, inverse, none, False, None)[0]
        if self.training:
            self._saved = (y, inverse)
        return y

    def _rows_gradient(self, dy: Array) -> Array:
        """The gradient of `_rows` for its input."""
        y, inverse = self._recall()
        length = y.shape[1]
        mean = dy.sum(axis=1, dtype=np.float64, keepdims=True) / length
        along = (dy * y).sum(axis=1, dtype=np.float64, keepdims=True) / length
        dx: Array = dy - mean.astype(dy.dtype)
        dx -= y * along.astype(dy.dtype)
        dx *= inverse[:, None].astype(dy.dtype)
        return dx

    def _create(self, shape: Shape, weight: bool, bias: bool, dtype: Any) -> None:
        self._dtype = float_dtype(dtype)
        if weight:
            self._add_parameter("weight", np.ones(shape, self._dtype))
        if bias:
            self._add_parameter("bias", np.zeros(shape, self._dtype))

    def _scaled(self, y: Array, shape: Shape) -> Array:
        """``y * weight + bias`` where they are; they are laid along `shape`."""
        if "weight" in self._values:
            y *= self._values["weight"].reshape(shape)
        if "bias" in self._values:
            y += self._values["bias"].reshape(shape)
        return y

    def _add_gradients(self, dy: Array, normal: Array, axes: tuple[int, ...]) -> None:
        """Add those of weight and bias, whose own axes `axes` are not."""
        if "weight" in self._values:
            found = (dy * normal).sum(axis=axes, dtype=np.float64)
            self._grads["weight"] += found.astype(dy.dtype)
        if "bias" in self._values:
            self._grads["bias"] += dy.sum(axis=axes, dtype=np.float64).astype(dy.dtype)

    def output_shape(self, input_shape: Shape) -> Shape:
        return self._fitting(shape_of(input_shape))

    @abstractmethod
    def _fitting(self, shape: Shape) -> Shape:
        """Return the shape of an input if it is one that the layer takes."""


class GroupNorm(_Standardised):
    """Normalise groups of channels of each sample of ``(N, C, ...)``, then scale and shift.

    ``y = (x - mean) / sqrt(var + eps) * weight + bias``, where mean and (biased) variance are those
    of a group of neighbouring channels, at all positions, of one sample. Nothing depends on the
    rest of the batch, so that batches of one do no harm, and training and evaluation are the same.
    One group is a layer norm over all of a sample, as many groups as channels are an instance norm.

    Parameters
    ----------
    num_groups : int
        Into how many groups the channels are split.
    num_channels : int
        The number of channels, divisible by `num_groups`.
    eps : float, default 1e-5
        Added to the variance, so that a constant group divides by no zero.
    affine : bool, default True
        Whether the layer learns a scale and a shift for each channel.
    data_format : {"channels_first", "channels_last"}, default "channels_first"
        Which axis holds the channels: the second, or the last.
    dtype : float32 or float64, default float32
        The dtype of weight and bias, and so of every input.

    Attributes
    ----------
    weight, bias : (num_channels,) or None

    Raises
    ------
    TypeError
        If an argument, or the input of a call, has the wrong type or dtype.
    ValueError
        If an argument is out of range, or the input of a call does not fit.

    References
    ----------
    .. [1] Wu and He, "Group Normalization", ECCV 2018.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import GroupNorm
    >>> GroupNorm(1, 2)(np.float32([[[1], [3]]])).round(3)
    array([[[-1.],
            [ 1.]]], dtype=float32)
    """

    def __init__(
        self,
        num_groups: int,
        num_channels: int,
        eps: float = 1e-5,
        affine: bool = True,
        *,
        data_format: DataFormat = "channels_first",
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        self.num_groups = integer(num_groups, "num_groups")
        self.num_channels = integer(num_channels, "num_channels")
        if self.num_channels % self.num_groups:
            raise ValueError(
                f"num_channels must be divisible by num_groups={self.num_groups}, "
                f"got {self.num_channels}"
            )
        self.eps = real(eps, "eps", 0)
        self.data_format = choice(data_format, "data_format", DATA_FORMATS)
        self._create((self.num_channels,), bool(affine), bool(affine), dtype)

    def forward(self, x: npt.ArrayLike) -> Array:
        x = self._channels_first(array(x, "x", self._dtype))
        y = self._rows(self._grouped(x)).reshape(x.shape)
        # In place only where `backward` does not need the normalised values.
        return self._back(self._scaled(y.copy() if self.training else y, self._along(x)))

    def backward(self, grad_output: npt.ArrayLike) -> Array:
        normal, _ = self._recall()
        dy = self._channels_first(array(grad_output, "grad_output", self._dtype))
        if dy.size != normal.size:
            raise ValueError(
                f"grad_output must have as many elements as the last input, {normal.size}, "
                f"got shape {np.shape(grad_output)}"
            )
        axes = tuple(i for i in range(dy.ndim) if i != 1)
        self._add_gradients(dy, normal.reshape(dy.shape), axes)
        if "weight" in self._values:
            dy = dy * self._values["weight"].reshape(self._along(dy))
        return self._back(self._rows_gradient(self._grouped(dy)).reshape(dy.shape))

    def _channels_first(self, x: Array) -> Array:
        self._fitting(x.shape)
        last = self.data_format == "channels_last"
        return np.ascontiguousarray(np.moveaxis(x, -1, 1) if last else x)

    def _back(self, y: Array) -> Array:
        last = self.data_format == "channels_last"
        return np.ascontiguousarray(np.moveaxis(y, 1, -1)) if last else y

    def _grouped(self, x: Array) -> Array:
        return x.reshape(len(x) * self.num_groups, math.prod(x.shape[1:]) // self.num_groups)

    @staticmethod
    def _along(x: Array) -> Shape:
        return (-1, *(1,) * (x.ndim - 2))

    def _fitting(self, shape: Shape) -> Shape:
        at = 1 if self.data_format == "channels_first" else -1
        if len(shape) < 2 or shape[at] != self.num_channels:
            raise ValueError(
                f"x must have a batch axis and {self.num_channels} channels, got shape {shape}"
            )
        return shape

    def _describe(self) -> str:
        affine = "" if "weight" in self._values else ", affine=False"
        return f"{self.num_groups}, {self.num_channels}{affine}"


@completed_by(GroupNorm, "eps", "dtype")
class LayerNorm(_Standardised):
    """Normalise over the last axes of each position, then scale and shift every element.

    ``y = (x - mean) / sqrt(var + eps) * weight + bias``, where mean and (biased) variance are those
    of the last axes, whose lengths are `normalized_shape`. Training and evaluation are the same.
    Channels of images that lie last (``data_format="channels_last"`` elsewhere) are the last axis.

    Parameters
    ----------
    normalized_shape : int or sequence of int
        The lengths of the axes to normalise over.
    elementwise_affine : bool, default True
        Whether the layer learns a scale for each element of these axes.
    bias : bool, default True
        Whether it learns a shift as well; without `elementwise_affine` it learns neither.

    Attributes
    ----------
    weight, bias : `normalized_shape` or None

    Raises
    ------
    TypeError
        If an argument, or the input of a call, has the wrong type or dtype.
    ValueError
        If an argument is out of range, or the input of a call does not fit.

    References
    ----------
    .. [1] Ba, Kiros and Hinton, "Layer Normalization", arXiv:1607.06450, 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import LayerNorm
    >>> LayerNorm(2)(np.float32([[1, 3], [5, 5]])).round(3)
    array([[-1.,  1.],
           [ 0.,  0.]], dtype=float32)
    """

    def __init__(
        self,
        normalized_shape: int | Sequence[int],
        eps: float = 1e-5,
        elementwise_affine: bool = True,
        bias: bool = True,
        *,
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        several = isinstance(normalized_shape, Sequence | np.ndarray)
        entries: Any = normalized_shape if several else (normalized_shape,)
        if isinstance(entries, str) or len(entries) == 0:
            raise TypeError(f"normalized_shape must hold at least one int, got {entries!r}")
        self.normalized_shape = tuple(integer(v, "normalized_shape") for v in entries)
        self.eps = real(eps, "eps", 0)
        affine = bool(elementwise_affine)
        self._create(self.normalized_shape, affine, affine and bool(bias), dtype)

    def forward(self, x: npt.ArrayLike) -> Array:
        x = array(x, "x", self._dtype)
        y = self._rows(self._flat(x)).reshape(x.shape)
        # In place only where `backward` does not need the normalised values.
        return self._scaled(y.copy() if self.training else y, self.normalized_shape)

    def backward(self, grad_output: npt.ArrayLike) -> Array:
        normal, _ = self._recall()
        dy = array(grad_output, "grad_output", self._dtype)
        flat = same_shape(self._flat(dy), normal.shape, "grad_output (its axes joined)")
        axes = tuple(range(dy.ndim - len(self.normalized_shape)))
        self._add_gradients(dy, normal.reshape(dy.shape), axes)
        if "weight" in self._values:
            flat = flat * self._values["weight"].reshape(-1)
        return self._rows_gradient(flat).reshape(dy.shape)

    def _flat(self, x: Array) -> Array:
        shape = self._fitting(x.shape)
        outer = math.prod(shape[: len(shape) - len(self.normalized_shape)])
        flat: Array = np.ascontiguousarray(x).reshape(outer, math.prod(self.normalized_shape))
        return flat

    def _fitting(self, shape: Shape) -> Shape:
        n = len(self.normalized_shape)
        if len(shape) < n or shape[len(shape) - n :] != self.normalized_shape:
            raise ValueError(
                f"the last axes of x must be {self.normalized_shape}, got shape {shape}"
            )
        return shape

    def _describe(self) -> str:
        lengths = self.normalized_shape
        parts = [str(lengths[0] if len(lengths) == 1 else lengths)]
        if "weight" not in self._values:
            parts.append("elementwise_affine=False")
        elif "bias" not in self._values:
            parts.append("bias=False")
        return ", ".join(parts)
