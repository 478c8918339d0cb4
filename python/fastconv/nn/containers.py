"""Layers made of layers."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any, overload

import numpy.typing as npt

from fastconv.typing import Activation

from ._checks import Array, Shape, array
from ._conv import ConvBase
from ._field import Field
from ._finish import Activated, Alone, Runs, finished
from ._fold import FoldedNorm
from ._habits import list_of
from ._stream import SequentialStream
from .activations import Elementwise, ReLU
from .layer import Layer
from .norm import BatchNormBase
from .summary import table


class Sequential(Layer):
    """Layers that are applied one after the other.

    In evaluation mode a convolution, the batch normalisation and the activation behind it run as
    one call, the sum of a `Residual` as well; so do batch normalisation and the ReLU behind it in
    both modes. The layers themselves and `state_dict` stay as they are. Iterable, and indexed as a
    list is; a slice is a `Sequential` of the same layers.

    Parameters
    ----------
    *layers : Layer
        Each of them once: a layer remembers one call.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv.nn import Conv2d, Flatten, Linear, MaxPool2d, ReLU, Sequential
    >>> model = Sequential(
    ...     Conv2d(1, 8, 3, padding="same"), ReLU(), MaxPool2d(2), Flatten(), Linear(128, 10)
    ... )
    >>> model(np.zeros((5, 1, 8, 8), np.float32)).shape
    (5, 10)
    >>> [name for name in model.state_dict()]
    ['0.weight', '0.bias', '4.weight', '4.bias']
    """

    def __init__(self, *layers: Layer) -> None:
        super().__init__()
        self._layers = checked_layers(layers, "Sequential", "layers")
        self._steps: tuple[Runs, ...] | None = None
        refuse_repeats(self)

    def forward(self, x: npt.ArrayLike) -> Array:
        return self.run(array(x))

    def run(
        self, x: Array, activation: Activation | None = None, residual: Array | None = None
    ) -> Array:
        """``activation(self(x) + residual)``, in as few passes over memory as can be."""
        steps = self._evaluation()
        if steps is None:
            return finished(self._in_order(x), activation, residual)
        if not steps:
            return finished(x, activation, residual)
        for step in steps[:-1]:
            x = step.run(x)
        return steps[-1].run(x, activation, residual)

    def _evaluation(self) -> tuple[Runs, ...] | None:
        """What evaluation runs, or None if a layer is in training mode."""
        for layer in self._layers:
            if layer.training:
                self._steps = None
                return None
        if self._steps is None:
            self._steps = tuple(steps_of(self._layers))
        return self._steps

    def _in_order(self, x: Array) -> Array:
        """Layer by layer, but a ReLU together with the batch normalisation before it."""
        layers = iter(self._layers)
        layer = next(layers, None)
        while layer is not None:
            following = next(layers, None)
            if isinstance(layer, BatchNormBase) and isinstance(following, ReLU) and layer.training:
                x = following.keep(layer.forward_relu(x))
                following = next(layers, None)
            else:
                x = layer(x)
            layer = following
        return x

    def backward(self, grad_output: npt.ArrayLike) -> Array:
        dy = array(grad_output, "grad_output")
        layers = list(self._layers)
        while layers:
            layer = layers.pop()
            before = layers[-1] if layers else None
            if isinstance(before, BatchNormBase) and isinstance(layer, ReLU):
                layers.pop()
                dy = before.backward_relu(dy, *layer._recall())
            else:
                dy = layer.backward(dy)
        return dy

    def output_shape(self, input_shape: Shape) -> Shape:
        for layer in self._layers:
            input_shape = layer.output_shape(input_shape)
        return tuple(input_shape)

    def stream(self, channels: int, batch: int = 1, *, threads: int | None = 1) -> SequentialStream:
        """Return the network as a stream, which takes a signal in blocks of any length.

        ``y = stream(block)`` gives the outputs that come with the samples of `block`; joined, with
        those of ``stream.finish()`` at the end, they are what the network in evaluation mode gives
        for the whole signal. Not one bit of them depends on how the signal was cut, unless a kernel
        is so long that `ConvStream1d` takes transforms. The stream copies the weights; beside its
        call it has `finish`, `reset`, `state`, `latency` and `receptive_field` as
        `fastconv.ConvStream1d`; it pickles and copies.

        Convolutions and pools with one spatial axis are taken whose windows end within their
        stride: padded on the left by ``reach - stride`` to ``reach - 1``, as ``"causal"`` does,
        where ``reach = dilation*(K - 1) + 1``. Transposed convolutions must crop nothing at the
        start. A `Residual` lets what comes earlier, its input or its layer's, wait for the other.
        Layers that need the whole signal are refused, by name.

        Parameters
        ----------
        channels : int
            The channels of the signal.
        batch : int, default 1
            How many signals go through the network side by side.
        threads : int, default 1
            OpenMP threads of each call, where a block has work for them.

        Returns
        -------
        stream
            A function of blocks (batch, channels, W), in the order of the layers' `data_format`.

        Raises
        ------
        ValueError
            If a layer looks ahead, or has no stream for another reason; the message names it.

        Examples
        --------
        >>> import numpy as np
        >>> from fastconv.nn import Conv1d, ReLU, Residual, Sequential
        >>> net = Sequential(Conv1d(1, 4, 3, padding="causal"), ReLU(),
        ...                  Residual(Conv1d(4, 4, 2, dilation=2, padding="causal"))).eval()
        >>> x = np.ones((1, 1, 10), np.float32)
        >>> stream = net.stream(channels=1)
        >>> y = np.concatenate([stream(x[..., :3]), stream(x[..., 3:])], -1)
        >>> np.allclose(y, net(x)), stream.receptive_field
        (True, 5)
        """
        return SequentialStream(self, channels, batch, threads)

    def summary(self, input_shape: Shape) -> str:
        """Describe the model in a table: one line a layer, and totals.

        Parameters
        ----------
        input_shape : sequence of int
            The shape of a batch, or, if the model begins with a layer that has spatial axes, of
            one sample without N. Output shapes have N if it does.

        Returns
        -------
        str
            Layer, output shape, parameters, FLOPs (twice the multiply-adds of convolutions and
            dense layers, for this input; the rest is not counted) and receptive field (inputs
            that one output sees along each axis, padding included; "all" behind dense layers
            and global pools).

        Examples
        --------
        >>> from fastconv.nn import Conv2d, MaxPool2d, Sequential
        >>> print(Sequential(Conv2d(1, 4, 3), MaxPool2d(2)).summary((1, 8, 8)))
        layer                output shape  parameters  FLOPs  receptive field
        ---------------------------------------------------------------------
        0 Conv2d(1, 4, 3x3)  (4, 6, 6)             40  2,592              3x3
        1 MaxPool2d(2x2)     (4, 3, 3)              0      0              4x4
        ---------------------------------------------------------------------
        total                                      40  2,592
        """
        return table(self, input_shape)

    @overload
    def __getitem__(self, index: int) -> Layer: ...

    @overload
    def __getitem__(self, index: slice) -> Sequential: ...

    def __getitem__(self, index: int | slice) -> Layer | Sequential:
        if isinstance(index, slice):
            return Sequential(*self._layers[index])
        return self._layers[index]

    def __len__(self) -> int:
        return len(self._layers)

    def __iter__(self) -> Iterator[Layer]:
        return iter(self._layers)

    def _forget(self) -> None:
        super()._forget()
        self._steps = None

    def __getstate__(self) -> dict[str, Any]:
        return {**super().__getstate__(), "_steps": None}

    def _children(self) -> Iterator[tuple[str, Layer]]:
        for i, layer in enumerate(self._layers):
            yield str(i), layer

    def _flops(self, input_shape: Shape) -> int:
        total = 0
        for layer in self._layers:
            total += layer._flops(input_shape)
            input_shape = layer.output_shape(input_shape)
        return total

    def _see(self, field: Field, input_shape: Shape) -> Field:
        for layer in self._layers:
            field = layer._see(field, input_shape)
            input_shape = layer.output_shape(input_shape)
        return field

    def __repr__(self) -> str:
        inner = ",\n".join(textwrap.indent(repr(layer), "  ") for layer in self._layers)
        return f"Sequential(\n{inner}\n)" if inner else "Sequential()"


class Residual(Layer):
    """``y = shortcut(x) + layer(x)``, where the shortcut is `x` itself unless there is another.

    In evaluation mode a convolution at the end of `layer` adds the shortcut, and an activation
    behind the whole, in its own pass.

    Parameters
    ----------
    layer : Layer
        Keeps the shape, or gives that of ``shortcut(x)``. Its entries in `state_dict` begin with
        ``"layer."``.
    shortcut : Layer, optional
        What `x` passes through on its way around `layer`, for blocks that change the channels or
        halve the image: mostly a 1x1 convolution of the same stride, and its batch normalisation.
        Its entries in `state_dict` begin with ``"shortcut."``.

    Raises
    ------
    TypeError
        If an argument is no layer.
    ValueError
        If a layer stands in both, or if a call finds that the two shapes differ.

    References
    ----------
    .. [1] He, Zhang, Ren and Sun, "Deep Residual Learning for Image Recognition", CVPR 2016.

    Examples
    --------
    >>> from fastconv.nn import Conv2d, Residual
    >>> Residual(Conv2d(8, 8, 3, padding="same")).output_shape((1, 8, 16, 16))
    (1, 8, 16, 16)
    >>> halving = Residual(Conv2d(8, 16, 3, 2, 1), shortcut=Conv2d(8, 16, 1, 2))
    >>> halving.output_shape((1, 8, 16, 16))
    (1, 16, 8, 8)
    """

    _parallel = True

    def __init__(self, layer: Layer, shortcut: Layer | None = None) -> None:
        super().__init__()
        given = (layer,) if shortcut is None else (layer, shortcut)
        for name, each in zip(("layer", "shortcut"), given, strict=False):
            if not isinstance(each, Layer):
                raise TypeError(f"{name} must be a fastconv.nn layer, got {each!r}")
        self.layer, self.shortcut = layer, shortcut
        refuse_repeats(self)

    def forward(self, x: npt.ArrayLike) -> Array:
        return self.run(array(x))

    def run(
        self, x: Array, activation: Activation | None = None, residual: Array | None = None
    ) -> Array:
        """``activation(self(x) + residual)``; the layer adds the shortcut itself where it can."""
        layer = self.layer
        around = x if self.shortcut is None else self.shortcut(x)
        try:
            if layer.training or not isinstance(layer, ConvBase | BatchNormBase | Sequential):
                y = finished(layer(x), None, around)
            elif residual is None:
                return layer.run(x, activation, around)
            else:
                y = layer.run(x, None, around)
        except ValueError:
            self.output_shape(x.shape)  # tells, if this is it, that the shapes differ
            raise
        return finished(y, activation, residual)

    def backward(self, grad_output: npt.ArrayLike) -> Array:
        dy = array(grad_output, "grad_output")
        around = dy if self.shortcut is None else self.shortcut.backward(dy)
        dx: Array = around + self.layer.backward(dy)
        return dx

    def output_shape(self, input_shape: Shape) -> Shape:
        shape = self.layer.output_shape(input_shape)
        if self.shortcut is None:
            if shape != tuple(input_shape):
                raise ValueError(
                    f"the layer inside Residual must keep the shape, got {shape} from "
                    f"{tuple(input_shape)}; give a shortcut= that changes it likewise"
                )
            return shape
        around = self.shortcut.output_shape(input_shape)
        if shape != around:
            raise ValueError(
                f"the layer and the shortcut of Residual must give one shape, got {shape} and "
                f"{around} from {tuple(input_shape)}"
            )
        return shape

    def _children(self) -> Iterator[tuple[str, Layer]]:
        yield "layer", self.layer
        if self.shortcut is not None:
            yield "shortcut", self.shortcut

    def _flops(self, input_shape: Shape) -> int:
        return sum(child._flops(input_shape) for _, child in self._children())

    def _see(self, field: Field, input_shape: Shape) -> Field:
        around = field if self.shortcut is None else self.shortcut._see(field, input_shape)
        return self.layer._see(field, input_shape).union(around)

    def _describe(self) -> str:
        layer = repr(self.layer)
        return layer if self.shortcut is None else f"{layer}, shortcut={self.shortcut!r}"


def steps_of(layers: tuple[Layer, ...]) -> Iterator[Runs]:
    """What evaluation runs: layers with the normalisation and the activation behind them."""
    waiting = list(layers)
    while waiting:
        layer = waiting.pop(0)
        following = waiting[0] if waiting else None
        step: Runs
        if isinstance(layer, ConvBase) and isinstance(following, BatchNormBase):
            step = FoldedNorm(layer, following)
            waiting.pop(0)
        elif isinstance(layer, ConvBase | BatchNormBase | Residual | Sequential):
            step = layer
        else:
            step = Alone(layer)
        following = waiting[0] if waiting else None
        if isinstance(following, Elementwise):
            step = Activated(step, following)
            waiting.pop(0)
        yield step


def refuse_repeats(root: Layer) -> None:
    """Refuse a tree that holds one layer twice: its second call would overwrite the first."""
    seen: set[int] = set()
    waiting = [root]
    while waiting:
        layer = waiting.pop()
        if id(layer) in seen:
            raise ValueError(f"layers must differ, got {layer!r} twice; use copy.deepcopy")
        seen.add(id(layer))
        waiting.extend(child for _, child in layer._children())


def checked_layers(layers: tuple[Layer, ...], owner: str, name: str) -> tuple[Layer, ...]:
    """Return `layers` if they are layers."""
    if list_of(layers):
        raise TypeError(f"{owner} takes layers one by one: write {owner}(*{name})")
    for layer in layers:
        if not isinstance(layer, Layer):
            raise TypeError(f"{name} must be fastconv.nn layers, got {layer!r}")
    return layers
