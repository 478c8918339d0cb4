"""Activations as layers, and the names under which a convolution can fuse them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, get_args

import numpy.typing as npt

import fastconv as fc
from fastconv import grad
from fastconv._docs import completed_by
from fastconv.typing import Activation, ActivationName, GeluForm

from ._checks import Array, Shape, array, choice, integer, real, shape_of
from .layer import Layer

FUSED: tuple[ActivationName, ...] = get_args(ActivationName)
_FROM_OUTPUT = ("relu", "relu6", "leaky_relu", "sigmoid", "tanh")


def checked_activation(value: Any) -> Activation | None:
    """Return the `activation` argument of a convolution if it is one that can be fused."""
    if value is None:
        return None
    if isinstance(value, tuple):
        if len(value) != 2 or value[0] != "leaky_relu":
            raise ValueError(f"activation must be ('leaky_relu', slope) as a tuple, got {value!r}")
        return ("leaky_relu", real(value[1], "activation's slope", float("-inf")))
    return choice(value, "activation", FUSED)


def follows_from_output(activation: Activation | None) -> bool:
    """Whether the derivative of `activation` can be told from its result."""
    if isinstance(activation, tuple):
        return activation[1] >= 0
    return activation in _FROM_OUTPUT


def activate(x: Array, activation: Activation | None) -> Array:
    """Apply an activation that is given as a convolution takes it."""
    if isinstance(activation, tuple):
        y: Array = fc.leaky_relu(x, activation[1])
        return y
    function: Callable[[Array], Array] = getattr(fc, str(activation))
    return function(x)


def activation_grad(grad_output: Array, x: Array, activation: Activation | None) -> Array:
    """The gradient of `activate` with respect to `x`."""
    if isinstance(activation, tuple):
        dx: Array = grad.leaky_relu(grad_output, x, activation[1])
        return dx
    function: Callable[[Array, Array], Array] = getattr(grad, str(activation))
    return function(grad_output, x)


class Elementwise(Layer):
    """A function of each element alone; subclasses say which.

    Notes
    -----
    In evaluation mode `Sequential` runs a convolution and the activation behind it as one call,
    in both modes batch normalisation and the ReLU behind it.
    """

    _activation: Activation

    def forward(self, x: npt.ArrayLike) -> Array:
        x = array(x)
        if self.training:
            self._saved = (x,)
        return activate(x, self._activation)

    def backward(self, grad_output: npt.ArrayLike) -> Array:
        (x,) = self._recall()
        return activation_grad(array(grad_output, "grad_output", x.dtype), x, self._activation)

    def output_shape(self, input_shape: Shape) -> Shape:
        return shape_of(input_shape)

    def keep(self, y: Array) -> Array:
        """Remember the result that another layer computed for this one, and return it.

        Only where the derivative follows from the result: `follows_from_output`.
        """
        if self.training:
            self._saved = (y,)
        return y

    def fused(self) -> Activation | None:
        """This layer as the `activation` of a convolution; None if that cannot be said."""
        return self._activation


class ReLU(Elementwise):
    """``max(x, 0)`` of every element: `fastconv.relu` and its gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import ReLU
    >>> relu = ReLU()
    >>> relu(np.float32([-1, 2]))
    array([0., 2.], dtype=float32)
    >>> relu.backward(np.float32([1, 1]))
    array([0., 1.], dtype=float32)
    """

    _activation = "relu"


@completed_by(fc.leaky_relu, "negative_slope")
class LeakyReLU(Elementwise):
    """``x`` where positive, else ``negative_slope * x``: `fastconv.leaky_relu` and its gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import LeakyReLU
    >>> LeakyReLU(0.5)(np.float32([-2, 2]))
    array([-1.,  2.], dtype=float32)
    """

    def __init__(self, negative_slope: float = 0.01) -> None:
        super().__init__()
        slope = real(negative_slope, "negative_slope", float("-inf"))
        self._activation: Activation = ("leaky_relu", slope)
        self.negative_slope = slope

    def _describe(self) -> str:
        return f"{self.negative_slope:g}"


class Sigmoid(Elementwise):
    """The logistic function, ``1 / (1 + exp(-x))``: `fastconv.sigmoid` and its gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import Sigmoid
    >>> Sigmoid()(np.float32([0]))
    array([0.5], dtype=float32)
    """

    _activation = "sigmoid"


class Tanh(Elementwise):
    """The hyperbolic tangent of every element: `fastconv.tanh` and its gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import Tanh
    >>> Tanh()(np.float32([0]))
    array([0.], dtype=float32)
    """

    _activation = "tanh"


class SiLU(Elementwise):
    """``x * sigmoid(x)``, also known as swish: `fastconv.silu` and its gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import SiLU
    >>> SiLU()(np.float32([0, 100]))
    array([  0., 100.], dtype=float32)
    """

    _activation = "silu"


@completed_by(fc.gelu, "approximate")
class GELU(Elementwise):
    """``x`` times the standard normal distribution function: `fastconv.gelu` and its gradient.

    A convolution in front can take the exact form into its own call, not the approximation.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import GELU
    >>> GELU()(np.float32([0, 100]))
    array([  0., 100.], dtype=float32)
    """

    _activation = "gelu"

    def __init__(self, approximate: GeluForm = "none") -> None:
        super().__init__()
        forms: tuple[GeluForm, ...] = get_args(GeluForm)
        self.approximate = choice(approximate, "approximate", forms)

    def forward(self, x: npt.ArrayLike) -> Array:
        x = array(x)
        if self.training:
            self._saved = (x,)
        y: Array = fc.gelu(x, self.approximate)
        return y

    def backward(self, grad_output: npt.ArrayLike) -> Array:
        (x,) = self._recall()
        grad_output = array(grad_output, "grad_output", x.dtype)
        dx: Array = grad.gelu(grad_output, x, self.approximate)
        return dx

    def fused(self) -> Activation | None:
        return "gelu" if self.approximate == "none" else None

    def _describe(self) -> str:
        return "" if self.approximate == "none" else "'tanh'"


@completed_by(fc.softmax, "axis")
class Softmax(Layer):
    """``exp(x) / sum(exp(x))`` along one axis: `fastconv.softmax` and its gradient.

    Train a classifier on `SoftmaxCrossEntropy`, which holds its own softmax, without this layer.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import Softmax
    >>> Softmax()(np.float32([1, 1]))
    array([0.5, 0.5], dtype=float32)
    """

    def __init__(self, axis: int = -1) -> None:
        super().__init__()
        self.axis = integer(axis, "axis", -64)

    def forward(self, x: npt.ArrayLike) -> Array:
        x = array(x)
        y: Array = fc.softmax(x, self.axis)
        if self.training:
            self._saved = (x,)
        return y

    def backward(self, grad_output: npt.ArrayLike) -> Array:
        (x,) = self._recall()
        grad_output = array(grad_output, "grad_output", x.dtype)
        dx: Array = grad.softmax(grad_output, x, self.axis)
        return dx

    def output_shape(self, input_shape: Shape) -> Shape:
        return shape_of(input_shape)

    def _describe(self) -> str:
        return "" if self.axis == -1 else f"axis={self.axis}"
