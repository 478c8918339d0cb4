"""The base of all layers: named parameters and gradients, modes, state, copies."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from fastconv._native import as_array

from ._checks import Array, Shape, array, same_shape
from ._field import Field
from ._habits import Welcome


class Layer(Welcome, ABC):
    """A function of one array that keeps its parameters and can be differentiated.

    ``y = layer(x)`` computes; ``dx = layer.backward(dy)`` returns the gradient with respect to
    `x` of the last training-mode call and *adds* those of the parameters to ``layer.grads``.
    A layer remembers one call, and refers to its `x` without copying it: leave `x` as it is
    until `backward` has run.

    Attributes
    ----------
    training : bool
        Set by `train` and `eval`. In evaluation mode nothing is kept for `backward`.
    grads : dict of str to ndarray
        The accumulated gradient of each parameter, by the parameter's name.
    """

    _parallel = False  # whether the layers inside all take the input, not each other's result

    def __init__(self) -> None:
        self.training = True
        self._values: dict[str, Array] = {}
        self._buffers: dict[str, Array] = {}
        self._grads: dict[str, Array] = {}
        self._saved: tuple[Any, ...] | None = None
        # Replaced whenever an array of this layer is given away or written (see `PlanCache`).
        self._mark = object()

    def __call__(self, x: npt.ArrayLike) -> Array:
        return self.forward(x)

    @abstractmethod
    def forward(self, x: npt.ArrayLike) -> Array:
        """Compute the layer; the same as calling it."""

    @abstractmethod
    def backward(self, grad_output: npt.ArrayLike) -> Array:
        """Return the gradient for the input, and add the parameters' gradients to `grads`."""

    @abstractmethod
    def output_shape(self, input_shape: Shape) -> Shape:
        """Return the shape of ``layer(x)`` for an `x` of shape `input_shape`."""

    @property
    def grads(self) -> dict[str, Array]:
        """The accumulated gradients, by the names of `state_dict`."""
        found = dict(self._grads)
        for name, child in self._children():
            found.update({f"{name}.{key}": grad for key, grad in child.grads.items()})
        return found

    def parameters(self) -> Iterator[tuple[Array, Array]]:
        """Yield each parameter with its gradient: the arrays themselves, updated in place.

        Raises
        ------
        ValueError
            If a layer does not know its sizes yet (see `BatchNorm2d`). An optimiser that is
            given the iterator reads it at its first step, when every layer does.
        """
        for name in self._values:
            yield self._parameter(name), self._grads[name]
        for _, child in self._children():
            yield from child.parameters()

    def zero_grad(self) -> None:
        """Set every accumulated gradient to zero."""
        for grad in self._grads.values():
            grad.fill(0)
        for _, child in self._children():
            child.zero_grad()

    def train(self, mode: bool = True) -> Self:
        """Switch to training mode: keep what `backward` needs. Returns the layer.

        With ``train(False)`` it is `eval`.
        """
        if not mode:
            return self.eval()
        self.training = True
        self._forget()
        for _, child in self._children():
            child.train()
        return self

    def eval(self) -> Self:
        """Switch to evaluation mode: keep nothing, take the fastest way. Returns the layer."""
        self.training = False
        self._forget()
        for _, child in self._children():
            child.eval()
        return self

    def state_dict(self) -> dict[str, Array]:
        """Return copies of all parameters and buffers, under PyTorch's names and layouts."""
        state = {name: value.copy() for name, value in self._stored().items()}
        for name, child in self._children():
            state.update({f"{name}.{key}": v for key, v in child.state_dict().items()})
        return state

    def load_state_dict(self, state: Mapping[str, npt.ArrayLike]) -> None:
        """Copy the arrays of `state` into this layer; all of them, or none if one does not fit.

        Parameters
        ----------
        state : mapping of str to array
            As `state_dict` gives it; PyTorch's tensors work as they are.

        Raises
        ------
        ValueError
            If an entry is missing, unexpected or of another shape; the message names it.
        TypeError
            If an entry has another dtype than the parameter: nothing is cast silently.
        """
        arrays = {name: as_array(value, f"state[{name!r}]") for name, value in state.items()}
        expected = self._expected("", arrays)
        missing = [name for name in expected if name not in arrays]
        unexpected = [name for name in arrays if name not in expected]
        if missing or unexpected:
            raise ValueError(
                f"state has the wrong entries: missing {missing}, unexpected {unexpected}"
            )
        for name, (shape, dtype) in expected.items():
            if arrays[name].shape != shape:
                raise ValueError(
                    f"state[{name!r}] must have shape {shape}, got {arrays[name].shape}"
                )
            if dtype is not None and arrays[name].dtype.newbyteorder("=") != dtype:
                raise TypeError(f"state[{name!r}] must be {dtype}, got {arrays[name].dtype}")
        self._assign("", arrays)

    def _children(self) -> Iterator[tuple[str, Layer]]:
        """Yield the layers inside this one with the prefix of their names."""
        yield from ()

    def _stored(self) -> dict[str, Array]:
        """Parameters, then buffers: what `state_dict` holds of this layer alone."""
        return {**self._values, **self._buffers}

    def _expected(
        self, prefix: str, state: Mapping[str, Array]
    ) -> dict[str, tuple[Shape, np.dtype[Any] | None]]:
        """The shape and dtype (None: any float) of every entry that a state must have."""
        found: dict[str, tuple[Shape, np.dtype[Any] | None]] = {
            prefix + name: (value.shape, value.dtype) for name, value in self._stored().items()
        }
        for name, child in self._children():
            found.update(child._expected(f"{prefix}{name}.", state))
        return found

    def _assign(self, prefix: str, state: Mapping[str, Array]) -> None:
        """Copy the checked entries under `prefix` into the arrays."""
        for name, value in self._stored().items():
            value[...] = state[prefix + name]
        self._forget()
        for name, child in self._children():
            child._assign(f"{prefix}{name}.", state)

    def _add_parameter(self, name: str, value: Array) -> None:
        self._values[name] = value
        self._grads[name] = np.zeros_like(value)

    def _set_parameter(self, name: str, value: npt.ArrayLike) -> None:
        """Copy `value` into the parameter, so that whoever holds the array sees the change."""
        held = self._parameter(name)
        held[...] = same_shape(array(value, name, held.dtype), held.shape, name)

    def _parameter(self, name: str) -> Array:
        """A parameter for somebody who may write into it."""
        value = self._values[name]
        self._mark = object()  # after the array is held, as `PlanCache.get` relies on
        return value

    def _recall(self) -> tuple[Any, ...]:
        """What the last training-mode call saved."""
        if self._saved is None:
            raise ValueError(
                f"{type(self).__name__}.backward needs a forward call in training mode before it"
            )
        return self._saved

    def _forget(self) -> None:
        """Drop what was saved for `backward`."""
        self._saved = None
        self._mark = object()

    def _flops(self, input_shape: Shape) -> int:
        """Twice the multiply-adds of a forward call; 0 for what neither convolves nor is dense."""
        return 0

    def _see(self, field: Field, input_shape: Shape) -> Field:
        """The receptive field of one output, when that of one input is `field`."""
        return field

    def __getstate__(self) -> dict[str, Any]:
        # A copy has dicts of its own: then two of them hold an array that both layers have.
        own = {"_values": dict(self._values), "_buffers": dict(self._buffers)}
        self._mark = object()  # a shallow copy gives the arrays away
        return {**self.__dict__, **own, "_saved": None, "_mark": object()}

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._describe()})"

    def _describe(self) -> str:
        """The constructor's arguments, for `repr`."""
        return ""


class Weighted(Layer):
    """A layer with a parameter `weight` and perhaps a `bias`."""

    @property
    def weight(self) -> Array:
        """The weight; assigning copies into the array."""
        return self._parameter("weight")

    @weight.setter
    def weight(self, value: npt.ArrayLike) -> None:
        self._set_parameter("weight", value)

    @property
    def bias(self) -> Array | None:
        """The bias, None if there is none; assigning copies into the array."""
        return self._parameter("bias") if "bias" in self._values else None

    @bias.setter
    def bias(self, value: npt.ArrayLike) -> None:
        if "bias" not in self._values:
            raise ValueError(f"{type(self).__name__} was made without a bias")
        self._set_parameter("bias", value)

    def _init_uniform(
        self, shape: Shape, bias: int, dtype: np.dtype[Any], rng: np.random.Generator
    ) -> None:
        """Kaiming-uniform weights with PyTorch's a = sqrt(5), that is U(-b, b), b = fan_in**-0.5.

        He et al., "Delving Deep into Rectifiers", ICCV 2015; the bias takes the same bound, as
        in ``torch.nn.Linear.reset_parameters``. `bias` is its length, 0 for none.
        """
        bound = float(np.prod(shape[1:])) ** -0.5
        self._add_parameter("weight", rng.uniform(-bound, bound, shape).astype(dtype))
        if bias:
            self._add_parameter("bias", rng.uniform(-bound, bound, bias).astype(dtype))
