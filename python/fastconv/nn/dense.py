"""Dense layers."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

import fastconv as fc
from fastconv import grad

from ._checks import (
    Array,
    Shape,
    array,
    float_dtype,
    generator,
    integer,
    same_shape,
    shape_of,
)
from ._field import Field
from .layer import Weighted

# Rows are positions, features are channels.
_LAST: dict[str, Any] = {"data_format": "channels_last"}


class Linear(Weighted):
    """``y = x @ weight.T + bias`` on the last axis.

    Computed as a 1x1 convolution: NumPy's matrix product would keep a thread pool of its own
    spinning beside fastconv's, and the two would take turns on the same cores.

    Parameters
    ----------
    in_features, out_features : int
        Length of the last axis of `x` and of `y`.
    bias : bool, default True
        Whether the layer learns a number to add to each output feature.
    dtype : float32 or float64, default float32
        The dtype of weight and bias, and so of every input.
    rng : numpy.random.Generator, int or None
        Source, or seed, of the initial values: Kaiming-uniform, as in PyTorch.

    Attributes
    ----------
    weight : (out_features, in_features)
    bias : (out_features,) or None

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import Linear
    >>> layer = Linear(3, 2, rng=0)
    >>> layer(np.ones((5, 3), np.float32)).shape
    (5, 2)
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        bias: bool = True,
        *,
        dtype: npt.DTypeLike = np.float32,
        rng: np.random.Generator | int | None = None,
    ) -> None:
        super().__init__()
        self.in_features = integer(in_features, "in_features")
        self.out_features = integer(out_features, "out_features")
        shape = (self.out_features, self.in_features)
        length = self.out_features if bias else 0
        self._init_uniform(shape, length, float_dtype(dtype), generator(rng))

    def forward(self, x: npt.ArrayLike) -> Array:
        x = array(x, "x", self.weight.dtype)
        self.output_shape(x.shape)
        if self.training:
            self._saved = (x,)
        if x.size == 0:
            return np.zeros(self.output_shape(x.shape), x.dtype)
        y: Array = fc.conv1d(self._signal(x), self.weight[:, :, None], self.bias, **_LAST)
        return y.reshape(self.output_shape(x.shape))

    def backward(self, grad_output: npt.ArrayLike) -> Array:
        (x,) = self._recall()
        dy = array(grad_output, "grad_output", x.dtype)
        same_shape(dy, self.output_shape(x.shape), "grad_output")
        if x.size == 0:
            return np.zeros_like(x)
        dx, dw, db = grad.conv1d(
            self._signal(x), self.weight[:, :, None], self._signal(dy),
            output_mask=(True, True, self.bias is not None), **_LAST,
        )  # fmt: skip
        assert dx is not None  # the mask asks for both
        assert dw is not None
        self._grads["weight"] += dw[:, :, 0]
        if db is not None:
            self._grads["bias"] += db
        return dx.reshape(x.shape)

    @staticmethod
    def _signal(x: Array) -> Array:
        """All rows of `x` as positions of one signal whose channels are the features."""
        return x.reshape(1, -1, x.shape[-1])

    def output_shape(self, input_shape: Shape) -> Shape:
        shape = shape_of(input_shape)
        if shape[-1] != self.in_features:
            raise ValueError(f"the last axis must have {self.in_features} features, got {shape}")
        return (*shape[:-1], self.out_features)

    def _flops(self, input_shape: Shape) -> int:
        return 2 * math.prod(self.output_shape(input_shape)) * self.in_features

    def _see(self, field: Field, input_shape: Shape) -> Field:
        return Field(whole=True)

    def _describe(self) -> str:
        bias = "" if self.bias is not None else ", bias=False"
        return f"{self.in_features}, {self.out_features}{bias}"


Dense = Linear
