"""Random convolutions, their gradients, and the shapes that people reported: lines of Python.

Published layers are few and alike; a library also meets images of one pixel, kernels larger than
the image, thousands of tiny images. Shapes are drawn from a seed, each kind of them equally often
in every run.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import TypeVar

import numpy as np

from .gradient import Gradient
from .layer import Layer

WHAT = ("forward", "dX", "dW")
LEAST, MOST = 2e6, 8e8
"""Operations of the plain sum with all of its taps: below, a call from Python is most of the time;
above, a row takes too long."""
NUMBERS = 8e6
"""In the input or the output, at most."""
Random = np.random.Generator
Value = TypeVar("Value")


@dataclass(frozen=True)
class Drawn(Gradient):
    """A convolution or one of its gradients; its name is a line that can be pasted into Python.

    In the line `r(*shape)` stands for an array of normal values, `fc` for fastconv.
    """

    @property
    def name(self) -> str:
        layer = self.layer
        x, y = (layer.n, layer.c_in, *layer.size), layer.output_shape
        options = f"stride={_plain(layer.strides)}, padding={_plain(layer.symmetric_pad or ())}"
        options += f", dilation={layer.dilation}, groups={layer.groups}"
        w = layer.weight_shape
        if self.what == "dX":
            return f"fc.grad.{layer.function}_input({x}, r{w}, r{y}, {options})"
        if self.what == "dW":
            return f"fc.grad.{layer.function}_weight(r{x}, {w}, r{y}, {options})"
        return f"fc.{layer.function}(r{x}, r{w}, {options})"

    @property
    def n(self) -> int:
        """Images are part of the shape: rows of all batches are summed up together."""
        return 1


def _plain(values: tuple[int, ...]) -> int | tuple[int, ...]:
    return values[0] if len(set(values)) == 1 else values


CHANNELS = (1, 2, 3, 4, 7, 8, 12, 16, 24, 31, 32, 48, 64, 96, 100, 128, 192, 256, 320, 512)
OUTPUTS = (1, 2, 3, 4, 8, 10, 16, 20, 32, 48, 64, 96, 128, 160, 256, 512)
BATCHES = (1, 1, 1, 2, 4, 8, 16, 32)
KERNELS = (1, 2, 3, 3, 3, 4, 5, 7, 9, 11, 16, 25, 31)
STRIDES = (1, 1, 1, 2, 2, 3, 4, 8)
DILATIONS = (1, 1, 1, 1, 2, 3, 5)
SIZES = {1: (1, 4, 16, 50, 100, 128, 500, 1000, 4000, 16000),
         2: (1, 2, 3, 5, 7, 8, 14, 16, 28, 33, 56, 64, 100, 112)}  # fmt: skip


@dataclass(frozen=True)
class Ranges:
    """What a kind of shapes is drawn from; a sequence is drawn from by element."""

    rank: tuple[int, ...] = (1, 2, 2)
    batches: tuple[int, ...] = BATCHES
    channels: tuple[int, ...] = CHANNELS
    outputs: tuple[int, ...] = OUTPUTS
    kernels: tuple[int, ...] = KERNELS
    strides: tuple[int, ...] = STRIDES
    dilations: tuple[int, ...] = DILATIONS
    sizes: tuple[int, ...] = ()  # those of the rank, if there are none
    rows: int = 0  # the image's height in two dimensions, where it is always the same
    groups: tuple[str, ...] = ("1", "1", "1", "1", "2", "4", "8", "16", "each", "several")


KINDS = {
    "any": Ranges(),
    "one pixel": Ranges(sizes=(1,), kernels=(1, 2, 3, 3, 5, 7), channels=(32, 64, 256, 512, 1024)),
    "beyond the image": Ranges(sizes=(1, 2, 3, 4, 5, 7, 8), kernels=(7, 9, 11, 13, 16, 25, 31)),
    "one row": Ranges(rank=(2,), sizes=(16, 50, 128, 400, 1000, 4000), rows=1,
                      kernels=(1, 3, 3, 5, 7, 9)),
    "tiny images": Ranges(batches=(500, 2000, 10000, 20000), channels=(1, 2, 3, 4, 8, 16),
                          outputs=(1, 4, 8, 10, 16, 32), sizes=(1, 2, 3, 4, 5, 7, 8),
                          kernels=(1, 2, 3, 3, 5)),
    "groups": Ranges(groups=("2", "3", "5", "8", "16", "32", "each", "each", "several")),
    "long strides": Ranges(strides=(4, 5, 7, 8, 11, 16, 32), kernels=(1, 2, 3, 5, 7, 9, 16, 32)),
    "long kernels": Ranges(kernels=(16, 25, 31, 41, 64, 101), rank=(1, 1, 2), dilations=(1, 1, 2)),
}  # fmt: skip
"""By the family of their rows; "any" is every second shape."""


def shapes(rng: Random) -> Iterator[Layer]:
    """Layers without end."""
    others = [kind for kind in KINDS if kind != "any"]
    while True:
        kind = "any" if rng.random() < 0.5 else _one(rng, others)
        while (layer := draw(rng, kind)) is None:
            pass
        yield layer


def draw(rng: Random, kind: str) -> Layer | None:
    """One layer of a kind, or None where what was drawn does not fit together."""
    of = KINDS[kind]
    rank, transposed = _one(rng, of.rank), rng.random() < 0.3
    c_in, c_out, groups = _channels(rng, of)
    kernel, stride = _axes(rng, of.kernels, rank, 0.6), _axes(rng, of.strides, rank, 0.7)
    size, dilation = _axes(rng, of.sizes or SIZES[rank], rank, 0.7), _one(rng, of.dilations)
    size = (of.rows, *size[1:]) if of.rows else size
    reach = [dilation * (k - 1) + 1 for k in kernel]
    pad = tuple((_one(rng, (0, r // 2, r // 2)),) * 2 for r in reach)
    fits = all(n + 2 * lo >= r for n, (lo, _), r in zip(size, pad, reach, strict=True))
    if not transposed and not fits:
        return None
    layer = Layer(kind, "", c_in, size, c_out, kernel, stride, pad, dilation, groups, transposed,
                  n=_one(rng, of.batches))  # fmt: skip
    return layer if _suits(layer) else None


def _suits(layer: Layer) -> bool:
    """Whether a row of the layer is neither empty, nor too short or too long to be timed."""
    outputs = layer.output_shape
    if min(outputs) < 1:
        return False
    pixels = prod(layer.size if layer.transposed else outputs[2:])
    weights = prod(layer.weight_shape)
    operations = 2 * layer.n * weights * pixels
    numbers = max(layer.n * layer.c_in * prod(layer.size), prod(outputs), weights)
    return LEAST <= operations <= MOST and numbers <= NUMBERS and layer.flops > 0


def _channels(rng: Random, of: Ranges) -> tuple[int, int, int]:
    """Input channels, output channels, groups."""
    groups, c_in, c_out = _one(rng, of.groups), _one(rng, of.channels), _one(rng, of.outputs)
    if groups == "each":
        return c_in, c_in, c_in
    if groups == "several":
        return c_in, c_in * _one(rng, (2, 3, 4)), c_in
    g = int(groups)
    return max(g, c_in // g * g), max(g, c_out // g * g), g


def _axes(rng: Random, values: tuple[int, ...], rank: int, alike: float) -> tuple[int, ...]:
    """A value for each axis, the same one with a probability of at least `alike`."""
    first = _one(rng, values)
    same = rank == 1 or rng.random() < alike
    return (first,) * rank if same else (first, _one(rng, values))


def _one(rng: Random, values: Sequence[Value]) -> Value:
    return values[int(rng.integers(len(values)))]


def drawn(seed: int, rows: int) -> list[Drawn]:
    """The rows of a seed: each layer forward and its two gradients, no layer twice."""
    layers: dict[Layer, None] = {}
    source = shapes(np.random.default_rng(seed))
    while len(layers) < -(-rows // len(WHAT)):
        layers[next(source)] = None
    return [Drawn(layer, what) for layer in layers for what in WHAT][:rows]


def _reported(c_in: int, size: tuple[int, ...], c_out: int, kernel: tuple[int, ...], what: str,
              n: int = 1, stride: int = 1, pad: int = 0, dilation: int = 1, groups: int = 1,
              transposed: bool = False) -> Drawn:  # fmt: skip
    layer = Layer("reported", "", c_in, size, c_out, kernel, stride, ((pad, pad),), dilation,
                  groups, transposed, n=n)  # fmt: skip
    return Drawn(layer, what)


REPORTED = [
    _reported(256, (1000,), 256, (12,), "forward", 1, 2, 5, 1, 256, True),
    _reported(320, (50,), 16, (9,), "dW", 16, 4, 0, 5),
    _reported(320, (50,), 16, (9,), "dW", 16, 4, 20, 5),
    _reported(8, (16,), 8, (3,), "dW", 10000, 1, 1),
    _reported(512, (1, 1), 512, (3, 3), "forward", 32, 1, 1),
    _reported(1, (3, 3), 4, (3, 3), "forward", 20000, 1, 1),
    _reported(320, (1, 1), 3, (16, 16), "forward", 32, 4, 23, 3),
]
"""Convolutions of people's reports, each of which stood for its kind. They begin every run."""
