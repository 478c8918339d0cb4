"""What convolution layers of either direction share: checks, calls, gradients, plans."""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from types import FunctionType
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

import fastconv as fc
from fastconv import grad
from fastconv.typing import Activation, ConvPadding1d, DataFormat, PerAxis

from ._checks import (
    DATA_FORMATS,
    Array,
    Shape,
    array,
    choice,
    integer,
    per_axis,
)
from ._finish import finished
from ._plans import PlanCache
from ._shapes import checked_padding, short
from .activations import (
    activate,
    activation_grad,
    checked_activation,
    follows_from_output,
    key_of,
    slopes_of,
)
from .layer import Weighted


class ConvBase(Weighted):
    """What convolutions of either direction and any rank share."""

    _n: ClassVar[int]
    _words: ClassVar[tuple[str, ...]]
    _function: ClassVar[str]
    _plan: ClassVar[str]
    takes_residual: ClassVar[bool]  # whether a plan adds a residual before its activation
    _fused_gradient: ClassVar[bool]  # whether the gradient passes through an activation itself

    def __init_subclass__(cls) -> None:
        """Give the class an `__init__` that has its name.

        Python's message for a call with too many arguments tells the name of the function, which
        would be that of a private base.
        """
        super().__init_subclass__()
        init = cls.__init__
        if "__init__" in vars(cls) or not isinstance(init, FunctionType):
            return
        own = FunctionType(
            init.__code__, init.__globals__, init.__name__, init.__defaults__, init.__closure__
        )
        own.__kwdefaults__, own.__annotations__ = init.__kwdefaults__, init.__annotations__
        own.__qualname__ = f"{cls.__qualname__}.__init__"
        type.__setattr__(cls, "__init__", own)

    def __init__(
        self,
        in_channels: int,
        out_channels: int,
        kernel_size: PerAxis,
        stride: PerAxis,
        padding: ConvPadding1d,
        dilation: PerAxis,
        groups: int,
        activation: Activation | None,
        data_format: DataFormat,
    ) -> None:
        super().__init__()
        self.in_channels = integer(in_channels, "in_channels")
        self.out_channels = integer(out_channels, "out_channels")
        self.kernel_size = per_axis(kernel_size, self._n, "kernel_size")
        self.stride = per_axis(stride, self._n, "stride")
        self.padding = checked_padding(padding, self._n, self._words)
        self.dilation = per_axis(dilation, self._n, "dilation")
        self.groups = integer(groups, "groups")
        for name in ("in_channels", "out_channels"):
            if getattr(self, name) % self.groups:
                raise ValueError(
                    f"{name} must be divisible by groups={self.groups}, got {getattr(self, name)}"
                )
        self.activation = checked_activation(activation)
        self.data_format = choice(data_format, "data_format", DATA_FORMATS)
        self._plans = PlanCache()

    def forward(self, x: npt.ArrayLike) -> Array:
        if not self.training:
            activation = self.activation
            # `_planned` begins with the same, but would be one more call, a tenth of what there is.
            plan = self._plans.find(x, activation, (self._mark,), (self._values,))
            if plan is not None:
                y: Array = plan(x)
                return y
            return self._planned(x, activation)
        x = array(x, "x", self.dtype)
        if self._keeps_output():
            after = self._convolve(x, self.activation)
            self._saved = (x, after)
            return after
        before = self._convolve(x, None)
        self._saved = (x, before)
        return activate(before, self.activation)

    def backward(self, grad_output: npt.ArrayLike) -> Array:
        x, kept = self._recall()
        dy = array(grad_output, "grad_output", x.dtype)
        through: dict[str, Any] = {}
        if not self._keeps_output():
            dy = activation_grad(dy, kept, self.activation)
        elif self.activation is not None:
            through = {"activation": self.activation, "output": kept}
        gradient: Callable[..., tuple[Array, Array, Array | None]] = getattr(grad, self._function)
        dx, d_weight, d_bias = gradient(
            x,
            self.weight,
            dy,
            output_mask=(True, True, self.bias is not None),
            data_format=self.data_format,
            **self._window(),
            **self._mode(),
            **through,
        )
        self._grads["weight"] += d_weight
        if d_bias is not None:
            self._grads["bias"] += d_bias
        return dx

    def run(
        self, x: Array, activation: Activation | None = None, residual: Array | None = None
    ) -> Array:
        """``activation(self(x) + residual)`` in evaluation mode, in one call where that can be."""
        slopes = slopes_of(activation)
        if slopes is not None and np.ndim(x) != self._n + 2:
            # Without N, a PReLU behind this layer takes another axis for that of the channels.
            y: Array = fc.prelu(self._planned(x, None), slopes, data_format=self.data_format)
            return y
        if self.activation is not None or (residual is not None and not self.takes_residual):
            return finished(self._planned(x, self.activation), activation, residual)
        return self._planned(x, activation, residual)

    @property
    def dtype(self) -> np.dtype[Any]:
        """The dtype of weight and bias, and so of every input."""
        return self._values["weight"].dtype

    def scaled(self, weight: Array, scale: Array) -> Array:
        """Weights of this layer, times a factor for each of its output channels."""
        behind = (1,) * self._n
        scaled: Array = weight * scale.reshape(-1, 1, *behind)
        return scaled

    def _keeps_output(self) -> bool:
        """Whether `backward` works from the result, not from what the activation was given."""
        if self.activation is None:
            return True
        return self._fused_gradient and follows_from_output(self.activation)

    def _planned(
        self, x: npt.ArrayLike, activation: Activation | None, residual: Array | None = None
    ) -> Array:
        """Run on packed weights."""
        key = key_of(activation)
        plan = self._plans.find(x, key, (self._mark,), (self._values,))
        if plan is None:
            x = array(x, "x", self.dtype)
            build = functools.partial(self.plan_of, x.shape, activation)
            plan = self._plans.get(x, key, (self,), build)
        y: Array = plan(x, residual) if residual is not None else plan(x)
        return y

    def plan_of(self, shape: Shape, activation: Activation | None, values: dict[str, Array]) -> Any:
        """A plan of this layer with other values of its parameters."""
        plan = getattr(fc, self._plan)
        return plan(shape, values["weight"], values.get("bias"), **self._settings(activation))

    def _convolve(self, x: Array, activation: Activation | None) -> Array:
        function: Callable[..., Array] = getattr(fc, self._function)
        return function(x, self.weight, self.bias, **self._settings(activation))

    def _window(self) -> dict[str, Any]:
        """The geometry that the forward call and the gradient have in common."""
        return {
            "stride": self.stride,
            "padding": self.padding,
            "dilation": self.dilation,
            "groups": self.groups,
        }

    def _mode(self) -> dict[str, Any]:
        """What the gradient needs to know beyond `_window`."""
        return {}

    def _settings(self, activation: Activation | None) -> dict[str, Any]:
        """All settings of a forward call or a plan."""
        return {
            **self._window(),
            **self._mode(),
            "activation": activation,
            "data_format": self.data_format,
        }

    def _macs_per(self, spatial: Shape) -> int:
        """Multiply-adds of one sample for `spatial` applications of the kernel."""
        dense = self.in_channels * self.out_channels // self.groups
        return math.prod(spatial) * math.prod(self.kernel_size) * dense

    def _forget(self) -> None:
        super()._forget()
        self._plans = PlanCache()

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_plans": PlanCache()}

    def _describe(self) -> str:
        kernel = "x".join(map(str, self.kernel_size))
        parts = [f"{self.in_channels}, {self.out_channels}, {kernel}"]
        for name, usual in (("stride", 1), ("dilation", 1)):
            if set(getattr(self, name)) != {usual}:
                parts.append(f"{name}={short(getattr(self, name))}")
        if self.padding != 0:
            parts.append(f"padding={self.padding!r}")
        if self.groups != 1:
            parts.append(f"groups={self.groups}")
        if self.activation is not None:
            parts.append(f"activation={self.activation!r}")
        return ", ".join(parts)
