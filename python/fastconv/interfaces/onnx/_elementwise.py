"""What stands between the convolutions of a network: activations, sums, Softmax."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

import fastconv
from fastconv.interfaces.onnx._node import Node, floats

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Add", "Elu", "Gelu", "HardSwish", "LeakyRelu", "PRelu", "Relu", "Sigmoid", "Softmax",
    "Softplus", "Sum", "Tanh",
]  # fmt: skip

AXIS_IS_LAST = 13  # the opset since which Softmax is along one axis, by default the last


class _Activation(Node):
    """A node of one input that `function` computes, with what `parameters` makes of attributes."""

    function: Callable[..., Any]

    def take(self, x: Any, **attributes: Any) -> tuple[Any, ...] | None:
        """Return the activation."""
        return (type(self).function(x, **self.parameters(**attributes)),) if floats(x) else None

    def parameters(self, **_: Any) -> dict[str, Any]:
        """Return our names and values for onnx's attributes."""
        return {}


class Relu(_Activation):
    """Relu."""

    function = fastconv.relu


class Sigmoid(_Activation):
    """Sigmoid."""

    function = fastconv.sigmoid


class Tanh(_Activation):
    """Tanh."""

    function = fastconv.tanh


class HardSwish(_Activation):
    """HardSwish."""

    function = fastconv.hardswish


class Softplus(_Activation):
    """Softplus."""

    function = fastconv.softplus


class LeakyRelu(_Activation):
    """LeakyRelu with its slope."""

    function = fastconv.leaky_relu

    def parameters(self, alpha: float = 0.01, **_: Any) -> dict[str, Any]:
        """Return the slope."""
        return {"negative_slope": float(alpha)}


class Elu(_Activation):
    """Elu with its alpha."""

    function = fastconv.elu

    def parameters(self, alpha: float = 1.0, **_: Any) -> dict[str, Any]:
        """Return alpha."""
        return {"alpha": float(alpha)}


class Gelu(_Activation):
    """Gelu, exact or by tanh."""

    function = fastconv.gelu

    def parameters(self, approximate: str = "none", **_: Any) -> dict[str, Any]:
        """Return which of the two."""
        return {"approximate": approximate}


class PRelu(Node):
    """PRelu with one slope, or one for each channel."""

    def take(self, x: Any, slope: Any, **_: Any) -> tuple[Any, ...] | None:
        """Return the activation."""
        if not floats(x, slope) or x.ndim < 2:
            return None
        by_channel = slope.shape == (x.shape[1], *(1,) * (x.ndim - 2))
        if slope.size != 1 and not by_channel:
            return None
        return (fastconv.prelu(x, slope.reshape(-1)),)


class Add(Node):
    """Add of two arrays of one shape."""

    def take(self, *arrays: Any, **_: Any) -> tuple[Any, ...] | None:
        """Return the sum."""
        if len(arrays) != 2 or not floats(*arrays) or arrays[0].shape != arrays[1].shape:
            return None
        return (fastconv.add(*arrays),)


class Sum(Add):
    """Sum of two arrays of one shape."""


class Softmax(Node):
    """Softmax of every opset: before 13 over all axes from `axis` on, since then along one."""

    def take(self, x: Any, axis: int | None = None) -> tuple[Any, ...] | None:
        """Return the distribution."""
        if not floats(x) or x.size == 0:
            return None
        if self._opset >= AXIS_IS_LAST:
            return (fastconv.softmax(x, -1 if axis is None else axis),)
        first = 1 if axis is None else axis
        rows = int(np.prod(x.shape[:first]))
        return (fastconv.softmax(x.reshape(rows, -1), -1).reshape(x.shape),)
