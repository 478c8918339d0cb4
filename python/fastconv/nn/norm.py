"""Batch normalisation."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

import fastconv as fc
from fastconv import _native
from fastconv._docs import completed_by
from fastconv.typing import Activation, DataFormat

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
from ._finish import finished
from .activations import activate, activation_grad
from .layer import Weighted


class BatchNormBase(Weighted):
    """Batch normalisation over all axes but the channels; subclasses say the ranks."""

    _ranks: ClassVar[tuple[int, ...]]

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        *,
        num_features: int | None = None,
        data_format: DataFormat = "channels_first",
        dtype: npt.DTypeLike = np.float32,
    ) -> None:
        super().__init__()
        if isinstance(eps, int) and eps >= 1:
            raise ValueError(
                f"eps must be a small number, got {eps}; give channels as num_features={eps}, "
                "or leave them to the first call"
            )
        self.eps = real(eps, "eps", 0)
        self.momentum = None if momentum is None else real(momentum, "momentum", 0, 1)
        self.data_format = choice(data_format, "data_format", DATA_FORMATS)
        self._known = False
        dtype = float_dtype(dtype)
        if num_features is not None:
            self._create(integer(num_features, "num_features"), dtype)

    def forward(self, x: npt.ArrayLike) -> Array:
        return self._normalize(x, False) if self.training else self.run(x)

    def forward_relu(self, x: npt.ArrayLike) -> Array:
        """This layer and a ReLU behind it in one pass, in training mode."""
        return self._normalize(x, True)

    def run(
        self,
        x: npt.ArrayLike,
        activation: Activation | None = None,
        residual: Array | None = None,
    ) -> Array:
        """``activation(self(x) + residual)`` in evaluation mode, in as few passes as can be."""
        x = self._checked(x)
        fused = activation if residual is None else None
        y = fc.batch_norm(
            x,
            self._buffers["running_mean"],
            self._buffers["running_var"],
            self._values["weight"],
            self._values["bias"],
            self.eps,
            activation=fused,
            data_format=self.data_format,
        )
        return y if residual is None else finished(y, activation, residual)

    def takes(self, channels: int, dtype: np.dtype[Any]) -> bool:
        """Whether this layer is one for so many channels of this dtype."""
        weight = self._values.get("weight")
        return weight is not None and weight.size == channels and weight.dtype == dtype

    def takes_rank(self, ndim: int) -> bool:
        """Whether this layer takes arrays of so many axes."""
        return ndim in self._ranks

    def _checked(self, x: npt.ArrayLike) -> Array:
        x = array(x, "x", self._values["weight"].dtype if self._known else None)
        channels = self._channels(x.shape)
        if not self._known:
            self._create(channels, x.dtype)
        return x

    def _normalize(self, x: npt.ArrayLike, relu: bool) -> Array:
        """Normalise by the batch's own statistics, and keep them for `backward`."""
        x = self._checked(x)
        mean, var = self._observe(x)
        inverse = 1 / np.sqrt(var + self.eps)
        self._saved = (x, mean, inverse)
        weight, bias = (self._values[name].astype(np.float64) for name in ("weight", "bias"))
        if self._planar(x):
            return _native.normalize(x, mean, weight * inverse, bias, relu, None)
        _, rows = self._axes(x.ndim)
        y: Array = x - mean.astype(x.dtype).reshape(rows)
        y *= (weight * inverse).astype(x.dtype).reshape(rows)
        y += self._values["bias"].reshape(rows)
        return activate(y, "relu") if relu else y

    def backward(self, grad_output: npt.ArrayLike) -> Array:
        return self._gradient(grad_output, None)

    def backward_relu(self, grad_output: npt.ArrayLike, relu: Array) -> Array:
        """The gradient through a ReLU behind this layer, in one pass.

        `relu` is what went into it or came out: both are above zero at the same places.
        """
        return self._gradient(grad_output, relu)

    def _gradient(self, grad_output: npt.ArrayLike, relu: Array | None) -> Array:
        x, mean, inverse = self._recall()
        dy = array(grad_output, "grad_output", x.dtype)
        same_shape(dy, x.shape, "grad_output")
        weight = self._values["weight"].astype(np.float64)
        dx: Array
        if self._planar(x):
            dx, d_weight, d_bias = _native.batch_norm_grad(dy, x, mean, inverse, weight, relu, None)
        else:
            if relu is not None:
                dy = activation_grad(dy, relu, "relu")
            axes, rows = self._axes(dy.ndim)
            normal = (x - mean.astype(x.dtype).reshape(rows)) * inverse.astype(x.dtype).reshape(
                rows
            )
            d_bias = dy.sum(axis=axes, dtype=np.float64)
            d_weight = (dy * normal).sum(axis=axes, dtype=np.float64)
            count = dy.size // inverse.size
            dx = dy - (d_bias / count).astype(dy.dtype).reshape(rows)
            dx -= normal * (d_weight / count).astype(dy.dtype).reshape(rows)
            dx *= (weight * inverse).astype(dy.dtype).reshape(rows)
        self._grads["bias"] += d_bias.astype(dy.dtype)
        self._grads["weight"] += d_weight.astype(dy.dtype)
        return dx

    def output_shape(self, input_shape: Shape) -> Shape:
        shape = shape_of(input_shape)
        self._channels(shape)
        return shape

    def parameters(self) -> Iterator[tuple[Array, Array]]:
        self._need_channels()
        yield from super().parameters()

    def _need_channels(self) -> None:
        """Raise if there are no parameters yet: to pass over them would be a silent fault."""
        if not self._known:
            raise ValueError(
                f"{type(self).__name__} does not know its channels yet: call the model once "
                "before its parameters are asked for, or give num_features"
            )

    def _parameter(self, name: str) -> Array:
        self._need_channels()
        return super()._parameter(name)

    def _planar(self, x: Array) -> bool:
        """Whether channels are planes, which the compiled half takes; vectors are for NumPy."""
        return x.ndim > 2 and self.data_format == "channels_first"

    def _observe(self, x: Array) -> tuple[Array, Array]:
        """Mean and biased variance of a batch, which also move the running statistics."""
        running_mean, running_var = self._buffers["running_mean"], self._buffers["running_var"]
        self._mark = object()
        count = x.size // running_mean.size
        if count < 2:
            raise ValueError(
                f"x must have more than one value per channel in training, got shape {x.shape}"
            )
        mean: Array
        var: Array
        if self._planar(x):
            mean, var = _native.batch_moments(x, None)
        else:
            axes, _ = self._axes(x.ndim)
            mean = x.mean(axis=axes, dtype=np.float64)
            var = x.var(axis=axes, dtype=np.float64)
        seen = self._buffers["num_batches_tracked"]
        seen += 1
        step = 1 / float(seen) if self.momentum is None else self.momentum
        running_mean += (step * (mean - running_mean)).astype(x.dtype)
        running_var += (step * (var * count / (count - 1) - running_var)).astype(x.dtype)
        return mean, var

    def _channels(self, shape: Shape) -> int:
        if len(shape) not in self._ranks:
            ranks = " or ".join(map(str, self._ranks))
            raise ValueError(f"{type(self).__name__} takes {ranks} axes, got shape {shape}")
        channels = shape[1 if self.data_format == "channels_first" else -1]
        if self._known and channels != self._values["weight"].size:
            raise ValueError(
                f"x must have {self._values['weight'].size} channels, got shape {shape}"
            )
        return channels

    def _axes(self, ndim: int) -> tuple[tuple[int, ...], Shape]:
        """The axes to sum over, and the shape that lays a channel vector along the others."""
        at = 1 if self.data_format == "channels_first" else ndim - 1
        axes = tuple(i for i in range(ndim) if i != at)
        return axes, tuple(-1 if i == at else 1 for i in range(ndim))

    def _create(self, channels: int, dtype: np.dtype[Any]) -> None:
        self._add_parameter("weight", np.ones(channels, dtype))
        self._add_parameter("bias", np.zeros(channels, dtype))
        self._buffers["running_mean"] = np.zeros(channels, dtype)
        self._buffers["running_var"] = np.ones(channels, dtype)
        self._buffers["num_batches_tracked"] = np.zeros((), np.int64)
        self._known = True

    def _expected(
        self, prefix: str, state: Mapping[str, Array]
    ) -> dict[str, tuple[Shape, np.dtype[Any] | None]]:
        weight = state.get(prefix + "weight")
        if self._known or weight is None:
            return super()._expected(prefix, state)
        shape, dtype = (math.prod(weight.shape),), float_dtype(weight.dtype, f"{prefix}weight")
        names = ("weight", "bias", "running_mean", "running_var")
        return {prefix + name: (shape, dtype) for name in names} | {
            f"{prefix}num_batches_tracked": ((), np.dtype(np.int64))
        }

    def _assign(self, prefix: str, state: Mapping[str, Array]) -> None:
        weight = state.get(prefix + "weight")
        if not self._known and weight is not None:
            self._create(weight.size, float_dtype(weight.dtype))
        super()._assign(prefix, state)

    def _describe(self) -> str:
        parts = [f"num_features={self._values['weight'].size}"] if self._known else []
        parts += [f"eps={self.eps:g}"] if self.eps != 1e-5 else []
        parts += [f"momentum={self.momentum}"] if self.momentum != 0.1 else []
        return ", ".join(parts)


class BatchNorm2d(BatchNormBase):
    """Normalise each channel of ``(N, C, H, W)`` over the batch, then scale and shift it.

    ``y = (x - mean) / sqrt(var + eps) * weight + bias``. In training mean and (biased) variance
    are the batch's, and move ``running_mean`` and ``running_var`` (unbiased) by `momentum`
    towards themselves; in evaluation mode the running ones are used.

    Parameters
    ----------
    eps : float, default 1e-5
        Added to the variance, so that a constant channel divides by no zero.
    momentum : float in [0, 1] or None, default 0.1
        The weight of the newest batch; None averages all batches alike.
    num_features : int, optional
        The number of channels. Without it the first call, or `load_state_dict`, tells it, and
        the dtype; until then the layer has no parameters. An optimiser may be made before that
        from ``model.parameters()``, not from a list of it.
    data_format : {"channels_first", "channels_last"}, default "channels_first"
        Which axis holds the channels: the second, or the last.
    dtype : float32 or float64, default float32
        The dtype of weight and bias; counts only with `num_features`.

    Attributes
    ----------
    weight, bias : (C,)

    Raises
    ------
    TypeError
        If an argument, or the input of a call, has the wrong type or dtype.
    ValueError
        If an argument is out of range, or the input of a call does not fit.

    References
    ----------
    .. [1] Ioffe and Szegedy, "Batch Normalization: Accelerating Deep Network Training by
       Reducing Internal Covariate Shift", ICML 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import BatchNorm2d
    >>> norm = BatchNorm2d()
    >>> y = norm(np.arange(8, dtype=np.float32).reshape(1, 2, 2, 2))
    >>> bool(abs(y.mean()) < 1e-6)
    True
    """

    _ranks = (4,)


@completed_by(BatchNorm2d)
class BatchNorm1d(BatchNormBase):
    """Normalise each channel of ``(N, C)`` or ``(N, C, W)`` over the batch.

    As `BatchNorm2d`, for vectors and signals.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import BatchNorm1d
    >>> BatchNorm1d()(np.float32([[1], [3]])).round(3)
    array([[-1.],
           [ 1.]], dtype=float32)
    """

    _ranks = (2, 3)
