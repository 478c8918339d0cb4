"""Activations as layers, and the names under which a convolution can fuse them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Any, get_args

import numpy as np
import numpy.typing as npt

import fastconv as fc
from fastconv import grad
from fastconv._docs import completed_by
from fastconv.typing import Activation, ActivationName, GeluForm

from ._checks import Array, Shape, array, choice, integer, real, shape_of
from .layer import Layer

FUSED: tuple[ActivationName, ...] = get_args(ActivationName)
_NOT_FROM_OUTPUT = ("silu", "gelu", "hardswish")


def checked_activation(value: Any) -> Activation | None:
    """Return the `activation` argument of a convolution if it is one that can be fused."""
    if value is None:
        return None
    if isinstance(value, tuple):
        if len(value) == 2 and value[0] == "leaky_relu":
            return ("leaky_relu", real(value[1], "activation's slope", float("-inf")))
        if len(value) == 2 and value[0] == "elu":
            return ("elu", real(value[1], "activation's alpha", float("-inf")))
        raise ValueError(
            "activation must be ('leaky_relu', slope) or ('elu', alpha) as a tuple, "
            f"got {value!r}; nn.PReLU is a layer of its own"
        )
    return choice(value, "activation", FUSED)


def follows_from_output(activation: Activation | None) -> bool:
    """Whether the derivative of `activation` can be told from its result."""
    if isinstance(activation, tuple):
        return bool(np.all(np.asarray(activation[1]) >= 0))
    return activation is not None and activation not in _NOT_FROM_OUTPUT


def slopes_of(activation: Activation | None) -> Array | None:
    """The slopes of a PReLU, None for any other activation."""
    if isinstance(activation, tuple) and isinstance(activation[1], np.ndarray):
        return activation[1]
    return None


def key_of(activation: Activation | None) -> Hashable:
    """The activation as a key of a dictionary; two with equal slopes have the same."""
    slopes = slopes_of(activation)
    return activation if slopes is None else ("prelu", slopes.tobytes())


def activate(x: Array, activation: Activation | None) -> Array:
    """Apply an activation that is given as the `activation` of a layer."""
    name, *arguments = activation if isinstance(activation, tuple) else (str(activation),)
    function: Callable[..., Array] = getattr(fc, str(name))
    return function(x, *arguments)


def activation_grad(grad_output: Array, x: Array, activation: Activation | None) -> Array:
    """The gradient of `activate` with respect to `x`."""
    name, *arguments = activation if isinstance(activation, tuple) else (str(activation),)
    function: Callable[..., Array] = getattr(grad, str(name))
    return function(grad_output, x, *arguments)


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

    def fused_behind(self, before: object) -> Activation | None:
        """The same where it may depend on what runs in front."""
        return self.fused()


class _MaybeInplace(Elementwise):
    """An activation that torch offers to compute in place."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        del inplace  # a layer never writes into what it is given


class ReLU(_MaybeInplace):
    """``max(x, 0)`` of every element: `fastconv.relu` and its gradient.

    Parameters
    ----------
    inplace : bool, default False
        Accepted for code that was written for torch. The result is the same, and always a new
        array: a layer never writes into what it is given.

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


@completed_by(ReLU, "inplace")
@completed_by(fc.leaky_relu, "negative_slope")
class LeakyReLU(_MaybeInplace):
    """``x`` where positive, else ``negative_slope * x``: `fastconv.leaky_relu` and its gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import LeakyReLU
    >>> LeakyReLU(0.5)(np.float32([-2, 2]))
    array([-1.,  2.], dtype=float32)
    """

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(inplace)
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


@completed_by(ReLU, "inplace")
class SiLU(_MaybeInplace):
    """``x * sigmoid(x)``, also known as swish: `fastconv.silu` and its gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import SiLU
    >>> SiLU()(np.float32([0, 100]))
    array([  0., 100.], dtype=float32)
    """

    _activation = "silu"


@completed_by(ReLU, "inplace")
class Hardsigmoid(_MaybeInplace):
    """``min(max(x + 3, 0), 6) / 6`` of every element: `fastconv.hardsigmoid` and its gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import Hardsigmoid
    >>> Hardsigmoid()(np.float32([-4, 0]))
    array([0. , 0.5], dtype=float32)
    """

    _activation = "hardsigmoid"


@completed_by(ReLU, "inplace")
class Hardswish(_MaybeInplace):
    """``x * min(max(x + 3, 0), 6) / 6``: `fastconv.hardswish` and its gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import Hardswish
    >>> Hardswish()(np.float32([0, 3]))
    array([0., 3.], dtype=float32)
    """

    _activation = "hardswish"


@completed_by(ReLU, "inplace")
@completed_by(fc.elu, "alpha")
class ELU(_MaybeInplace):
    """``x`` where positive, else ``alpha * (exp(x) - 1)``: `fastconv.elu` and its gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import ELU
    >>> ELU(2)(np.float32([-100, 3]))
    array([-2.,  3.], dtype=float32)
    """

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = real(alpha, "alpha", float("-inf"))
        self._activation: Activation = ("elu", self.alpha)

    def _describe(self) -> str:
        return f"{self.alpha:g}"


class Softplus(Elementwise):
    """``log(1 + exp(x))``, beyond 20 `x` itself: `fastconv.softplus` and its gradient.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import Softplus
    >>> Softplus()(np.float32([-200, 30]))
    array([ 0., 30.], dtype=float32)
    """

    _activation = "softplus"


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
