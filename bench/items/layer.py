"""One convolution of a network: its sizes, its arrays, and the work that it is."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import prod
from typing import Any

import numpy as np

SMALL_GROUP = 32
"""Groups of up to this many channels are a family of their own, with other algorithms."""


@dataclass(frozen=True)
class Layer:
    """One convolution: pads are (lo, hi) per axis; in one dimension axes have one entry.

    Published layers have one stride for both axes; drawn ones may have one for each.
    """

    family: str
    name: str
    c_in: int
    size: tuple[int, ...]
    c_out: int
    kernel: tuple[int, ...]
    stride: int | tuple[int, ...] = 1
    pad: tuple[tuple[int, int], ...] = ((0, 0),)
    dilation: int = 1
    groups: int = 1
    transposed: bool = False
    output_padding: int = 0
    n: int = 1

    @property
    def rank(self) -> int:
        return len(self.size)

    @property
    def dense(self) -> bool:
        """Whether channels are mixed by the dozen: no depthwise layer, no small groups."""
        return self.groups == 1 or self.c_in // self.groups > SMALL_GROUP

    @property
    def function(self) -> str:
        """The function's name, in fastconv and in PyTorch."""
        return ("conv_transpose" if self.transposed else "conv") + f"{self.rank}d"

    @property
    def plan(self) -> str:
        """The plan's name in fastconv."""
        return ("ConvTranspose" if self.transposed else "Conv") + f"{self.rank}dPlan"

    @property
    def pads(self) -> tuple[tuple[int, int], ...]:
        return self.pad if len(self.pad) == self.rank else self.pad * self.rank

    @property
    def strides(self) -> tuple[int, ...]:
        """The stride of each axis."""
        return self.stride if isinstance(self.stride, tuple) else (self.stride,) * self.rank

    @property
    def symmetric_pad(self) -> tuple[int, ...] | None:
        """The padding as PyTorch takes it, or None where the two sides differ."""
        return None if any(lo != hi for lo, hi in self.pads) else tuple(lo for lo, _ in self.pads)

    @property
    def weight_shape(self) -> tuple[int, ...]:
        a, b = (self.c_in, self.c_out) if self.transposed else (self.c_out, self.c_in)
        return (a, b // self.groups, *self.kernel)

    @property
    def output_shape(self) -> tuple[int, ...]:
        sizes = []
        axes = zip(self.size, self.kernel, self.strides, self.pads, strict=True)
        for size, kernel, stride, (lo, hi) in axes:
            reach = self.dilation * (kernel - 1) + 1
            if self.transposed:
                sizes.append((size - 1) * stride + reach - lo - hi + self.output_padding)
            else:
                sizes.append((size + lo + hi - reach) // stride + 1)
        return (self.n, self.c_out, *sizes)

    @property
    def depth(self) -> int:
        """Terms of the sum behind one output, at most."""
        return self.c_in // self.groups * prod(self.kernel)

    @property
    def flops(self) -> int:
        """Two for each multiplication that meets the image: taps in the padding are no work."""
        ends = self.output_shape[2:] if self.transposed else self.size
        starts = self.size if self.transposed else self.output_shape[2:]
        pairs = 1
        axes = zip(starts, ends, self.kernel, self.strides, self.pads, strict=True)
        for start, end, kernel, stride, (lo, _) in axes:
            places = np.arange(start) * stride - lo  # of the first tap
            before, within = (np.clip(-((places - at) // self.dilation), 0, kernel)
                              for at in (0, end))  # fmt: skip
            pairs *= int((within - before).sum())
        return 2 * self.n * self.c_in * self.c_out // self.groups * pairs

    def arrays(self, dtype: Any = np.float32) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Input, weight and bias: normal values, weights scaled to keep the variance."""
        rng = np.random.default_rng(1)
        x = rng.standard_normal((self.n, self.c_in, *self.size), np.float32)
        w = rng.standard_normal(self.weight_shape, np.float32) / np.float32(np.sqrt(self.depth))
        b = rng.standard_normal(self.c_out, np.float32)
        return x.astype(dtype), w.astype(dtype), b.astype(dtype)

    def options(self) -> dict[str, Any]:
        """Keyword arguments of fastconv's function or plan."""
        options: dict[str, Any] = {"stride": self.stride, "padding": self.pads}
        options |= {"dilation": self.dilation, "groups": self.groups}
        if self.transposed and self.output_padding:
            options["output_padding"] = self.output_padding
        return options

    def facts(self) -> dict[str, Any]:
        """What a row of results says of the layer."""
        facts: dict[str, Any] = {"family": self.family, "layer": self.name, "n": self.n}
        facts |= {"c_in": self.c_in, "size": self.size, "c_out": self.c_out, "kernel": self.kernel}
        facts |= {"stride": self.stride, "dilation": self.dilation, "groups": self.groups}
        facts |= {"transposed": self.transposed, "dense": self.dense, "flops": self.flops}
        return facts | {"pixels": self.n * prod(self.output_shape[2:])}

    def batch(self, n: int) -> Layer:
        return replace(self, n=n)


def parse(family: str, text: str, *, transposed: bool = False) -> Layer:
    """A layer from ``"64@56 -> 64 3x3 s1 p1"``: channels@size -> channels kernel, s, p, d, g.

    A kernel of one dimension is written ``k3``; its padding ``p7,8`` has two sides. In two
    dimensions ``p0,3`` is one padding for each axis.
    """
    left, right = text.split(" -> ")
    c_in, size = left.split("@")
    c_out, kernel, *options = right.split()
    axes = tuple(int(n) for n in size.split("x"))
    rank = 1 if kernel.startswith("k") else 2
    axes = axes * 2 if rank == 2 and len(axes) == 1 else axes
    shape = (int(kernel[1:]),) if rank == 1 else tuple(int(n) for n in kernel.split("x"))
    values: dict[str, Any] = {"transposed": transposed}
    for option in options:
        name = {"s": "stride", "p": "pad", "d": "dilation", "g": "groups"}[option[0]]
        if name != "pad":
            values[name] = int(option[1:])
        elif "," in option:
            lo, hi = (int(n) for n in option[1:].split(","))
            values[name] = ((lo, hi),) if rank == 1 else ((lo, lo), (hi, hi))
        else:
            values[name] = ((int(option[1:]),) * 2,)
    return Layer(family, text, int(c_in), axes, int(c_out), shape, **values)
