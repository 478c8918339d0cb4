"""Which inputs of a model an output depends on, where that is the same for every place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from fractions import Fraction
from math import lcm
from typing import Any

import fastconv as fc

from ._checks import Shape
from ._conv import ConvBase
from ._pool import PoolBase
from ._shapes import channels_first
from .activations import Elementwise, Softmax
from .branches import Concat
from .containers import Residual, Sequential
from .conv import _Transposed
from .dropout import Dropout, Dropout2d
from .layer import Layer
from .norm import BatchNormBase
from .prelu import PReLU
from .resize import Upsample


@dataclass(frozen=True)
class Reach:
    """Output `o` depends on inputs from ``o * jump + offset`` to `size` further, along one axis.

    A part of the input gives the same outputs as the whole if it begins at a multiple of `period`
    and is as long as the whole modulo `period`: strides then meet the same elements, and paddings
    that depend on a length are the same.
    """

    offset: Fraction = Fraction(0)
    size: Fraction = Fraction(1)
    jump: Fraction = Fraction(1)
    period: int = 1

    def behind(self, before: Fraction, reach: Fraction, step: Fraction) -> Reach:
        """Behind windows of `reach` elements, `step` apart, the first beginning at `before`."""
        jump = self.jump * step
        return Reach(
            self.offset + before * self.jump,
            self.size + (reach - 1) * self.jump,
            jump,
            lcm(self.period, jump.numerator),
        )

    def union(self, other: Reach) -> Reach:
        """Of a sum of two branches, which have the same jump."""
        offset = min(self.offset, other.offset)
        end = max(self.offset + self.size, other.offset + other.size)
        return replace(
            self, offset=offset, size=end - offset, period=lcm(self.period, other.period)
        )


@dataclass(frozen=True)
class Geometry:
    """The spatial axes of a model: how many, in which layout, and the reach along each."""

    reach: tuple[Reach, ...]
    data_format: str


def geometry_of(model: Layer, input_shape: Shape) -> Geometry | None:
    """How the outputs of a model depend on its inputs; None if not everywhere in the same way."""
    layers = [layer for layer in _all(model) if isinstance(layer, ConvBase | PoolBase)]
    if not layers:
        return None
    n, data_format = layers[0]._n, layers[0].data_format
    if any((layer._n, layer.data_format) != (n, data_format) for layer in layers):
        return None
    reach = _behind(model, input_shape, (Reach(),) * n, data_format)
    return None if reach is None else Geometry(reach, data_format)


def _all(layer: Layer) -> list[Layer]:
    return [layer, *(inner for _, child in layer._children() for inner in _all(child))]


def _behind(
    layer: Layer, shape: Shape, reach: tuple[Reach, ...], data_format: str
) -> tuple[Reach, ...] | None:
    if isinstance(layer, Sequential):
        for inner in layer:
            found = _behind(inner, shape, reach, data_format)
            if found is None:
                return None
            reach, shape = found, layer_shape(inner, shape)
        return reach
    if type(layer) is Residual:
        return _joined([layer.layer, layer.shortcut], shape, reach, data_format)
    channels = len(shape) - 1 if data_format == "channels_last" else len(shape) - len(reach) - 1
    if type(layer) is Concat:
        if layer.axis % len(shape) != channels:
            return None
        return _joined(layer.branches, shape, reach, data_format)
    if type(layer) is Upsample:
        return _behind_upsampling(layer, reach)
    if isinstance(layer, ConvBase | PoolBase):
        return _behind_windows(layer, shape, reach)
    if isinstance(layer, Softmax):
        return reach if layer.axis % len(shape) == channels else None
    if isinstance(layer, Elementwise | BatchNormBase | Dropout | Dropout2d | PReLU):
        return reach
    return None


def _joined(
    branches: Iterable[Layer | None], shape: Shape, reach: tuple[Reach, ...], data_format: str
) -> tuple[Reach, ...] | None:
    """Behind branches that are added or joined; None stands for the input itself."""
    found = [reach if b is None else _behind(b, shape, reach, data_format) for b in branches]
    joined = found[0]
    for each in found[1:]:
        if joined is None or each is None:
            return None
        if any(a.jump != b.jump for a, b in zip(joined, each, strict=True)):
            return None
        joined = tuple(a.union(b) for a, b in zip(joined, each, strict=True))
    return joined


def _behind_upsampling(layer: Upsample, reach: tuple[Reach, ...]) -> tuple[Reach, ...] | None:
    """Behind whole factors; what depends on the length of the whole is none of ours."""
    factors = layer.scale_factor
    if (
        factors is None
        or layer.align_corners
        or layer.mode not in ("nearest", "linear", "bilinear")
    ):
        return None
    each = factors * len(reach) if len(factors) == 1 else factors
    if len(each) != len(reach) or any(f != int(f) or f < 1 for f in each):
        return None
    # Output o lies at (o + 1/2) / f - 1/2, between two inputs of which the nearest one is nearer.
    return tuple(
        r.behind(Fraction(-3, 2), Fraction(4), Fraction(1, int(f)))
        for r, f in zip(reach, each, strict=True)
    )


def layer_shape(layer: Layer, shape: Shape) -> Shape:
    return tuple(layer.output_shape(shape))


def _behind_windows(
    layer: ConvBase | PoolBase, shape: Shape, reach: tuple[Reach, ...]
) -> tuple[Reach, ...] | None:
    if getattr(layer, "padding_mode", "zeros") == "circular":
        return None
    lengths = channels_first(shape, layer._n, layer.data_format)[-layer._n :]
    found = []
    for i, before in enumerate(reach):
        k, s, d = layer.kernel_size[i], layer.stride[i], layer.dilation[i]
        wide = d * (k - 1) + 1
        crossing = isinstance(layer, _Transposed)
        length = lengths[i] * s if crossing else lengths[i]
        lo, _ = fc.resolve_padding(_of_axis(layer.padding, i), length, k, s, d)
        if crossing:
            # Output o is reached from input i where o + lo - i * s is from 0 to wide - 1.
            found.append(
                before.behind(Fraction(lo - wide + 1, s), Fraction(wide - 1, s) + 1, Fraction(1, s))
            )
        else:
            found.append(before.behind(Fraction(-lo), Fraction(wide), Fraction(s)))
    return tuple(found)


def _of_axis(padding: object, i: int) -> Any:
    """The padding of one axis, as `fastconv.resolve_padding` takes it."""
    if isinstance(padding, str | int):
        return padding
    assert isinstance(padding, tuple)
    value = padding[i] if len(padding) > 1 else padding[0]
    return ((value, value),) if isinstance(value, int) else (tuple(value),)
