"""Layers of published networks, kept apart from the shapes of the tests."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np


@dataclass(frozen=True)
class Layer:
    """One convolution: pads are (lo, hi) per axis; in one dimension axes have one entry."""

    family: str
    name: str
    c_in: int
    size: tuple[int, ...]
    c_out: int
    kernel: tuple[int, ...]
    stride: int = 1
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
    def function(self) -> str:
        """The function's name, in fastconv and in PyTorch."""
        return ("conv_transpose" if self.transposed else "conv") + f"{self.rank}d"

    @property
    def output_shape(self) -> tuple[int, ...]:
        """Shape of the result."""
        sizes = []
        for size, kernel, (lo, hi) in zip(self.size, self.kernel, self.pads, strict=True):
            reach = self.dilation * (kernel - 1) + 1
            if self.transposed:
                sizes.append((size - 1) * self.stride + reach - lo - hi + self.output_padding)
            else:
                sizes.append((size + lo + hi - reach) // self.stride + 1)
        return (self.n, self.c_out, *sizes)

    @property
    def symmetric_pad(self) -> tuple[int, ...] | None:
        """The padding as PyTorch takes it, or None where the two sides differ."""
        return None if any(lo != hi for lo, hi in self.pads) else tuple(lo for lo, _ in self.pads)

    @property
    def pads(self) -> tuple[tuple[int, int], ...]:
        return self.pad if len(self.pad) == self.rank else self.pad * self.rank

    @property
    def weight_shape(self) -> tuple[int, ...]:
        a, b = (self.c_in, self.c_out) if self.transposed else (self.c_out, self.c_in)
        return (a, b // self.groups, *self.kernel)

    def arrays(self, dtype: Any = np.float32) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Input, weight and bias: normal values, weights scaled to keep the variance."""
        rng = np.random.default_rng(1)
        x = rng.standard_normal((self.n, self.c_in, *self.size)).astype(dtype)
        depth = self.c_in // self.groups * int(np.prod(self.kernel))
        w = (rng.standard_normal(self.weight_shape) / np.sqrt(depth)).astype(dtype)
        return x, w, rng.standard_normal(self.c_out).astype(dtype)

    def options(self) -> dict[str, Any]:
        """Keyword arguments of fastconv's function or plan."""
        options: dict[str, Any] = {"stride": self.stride, "padding": self.pads}
        options |= {"dilation": self.dilation, "groups": self.groups}
        if self.transposed and self.output_padding:
            options["output_padding"] = self.output_padding
        return options

    def batch(self, n: int) -> Layer:
        return replace(self, n=n)


def _conv(family: str, text: str, **more: Any) -> Layer:
    """`"64@56 -> 64 3x3 s1 p1"`: channels@size -> channels kernel, then s, p, d, g."""
    left, right = text.split(" -> ")
    c_in, size = left.split("@")
    c_out, kernel, *options = right.split()
    axes = tuple(int(n) for n in size.split("x"))
    rank = 1 if kernel.startswith("k") else 2
    axes = axes * 2 if rank == 2 and len(axes) == 1 else axes
    shape = (int(kernel[1:]),) if rank == 1 else tuple(int(n) for n in kernel.split("x"))
    values: dict[str, Any] = {}
    for option in options:
        name = {"s": "stride", "p": "pad", "d": "dilation", "g": "groups"}[option[0]]
        if name != "pad":
            values[name] = int(option[1:])
        elif "," in option:
            lo, hi = (int(n) for n in option[1:].split(","))
            values[name] = ((lo, hi),) if rank == 1 else ((lo, lo), (hi, hi))
        else:
            values[name] = ((int(option[1:]),) * 2,)
    return Layer(family, text, int(c_in), axes, int(c_out), shape, **values, **more)


CORE = [
    _conv("stem", "3@224 -> 64 7x7 s2 p3"),
    _conv("stem", "3@224 -> 32 3x3 s2 p1"),
    _conv("stem", "3@224 -> 64 3x3 p1"),
    _conv("stem", "3@227 -> 96 11x11 s4"),
    _conv("1x1", "64@56 -> 256 1x1"),
    _conv("1x1", "256@56 -> 64 1x1"),
    _conv("1x1", "512@28 -> 128 1x1"),
    _conv("1x1", "1024@14 -> 256 1x1"),
    _conv("1x1", "512@7 -> 2048 1x1"),
    _conv("1x1", "256@56 -> 512 1x1 s2"),
    _conv("3x3", "64@56 -> 64 3x3 p1"),
    _conv("3x3", "128@28 -> 128 3x3 p1"),
    _conv("3x3", "256@14 -> 256 3x3 p1"),
    _conv("3x3", "512@7 -> 512 3x3 p1"),
    _conv("3x3", "64@224 -> 64 3x3 p1"),
    _conv("3x3", "256@56 -> 256 3x3 p1"),
    _conv("3x3", "512@28 -> 512 3x3 p1"),
    _conv("3x3 s2", "128@56 -> 128 3x3 s2 p1"),
    _conv("3x3 s2", "256@28 -> 256 3x3 s2 p1"),
    _conv("3x3 s2", "512@14 -> 512 3x3 s2 p1"),
    _conv("5x5 and odd", "64@27 -> 192 5x5 p2"),
    _conv("5x5 and odd", "16@28 -> 32 5x5 p2"),
    _conv("5x5 and odd", "32@14 -> 128 5x5 p2"),
    _conv("5x5 and odd", "128@17 -> 128 1x7 p0,3"),
    _conv("5x5 and odd", "192@17 -> 192 7x1 p3,0"),
    _conv("depthwise", "32@112 -> 32 3x3 p1 g32"),
    _conv("depthwise", "144@56 -> 144 3x3 p1 g144"),
    _conv("depthwise", "144@56 -> 144 3x3 s2 p1 g144"),
    _conv("depthwise", "576@14 -> 576 3x3 p1 g576"),
    _conv("depthwise", "960@7 -> 960 3x3 p1 g960"),
    _conv("depthwise", "240@28 -> 240 5x5 p2 g240"),
    _conv("depthwise", "672@14 -> 672 5x5 p2 g672"),
    _conv("depthwise", "96@56 -> 96 7x7 p3 g96"),
    _conv("grouped", "128@56 -> 128 3x3 p1 g32"),
    _conv("grouped", "256@28 -> 256 3x3 p1 g32"),
    _conv("grouped", "512@14 -> 512 3x3 p1 g32"),
    _conv("dilated", "256@28 -> 256 3x3 p2 d2"),
    _conv("dilated", "512@28 -> 512 3x3 p4 d4"),
    _conv("dilated", "2048@33 -> 256 3x3 p6 d6"),
    _conv("dilated", "2048@33 -> 256 3x3 p18 d18"),
    _conv("conv1d", "15@60400 -> 15 k51 d8"),
    _conv("conv1d", "32@16000 -> 64 k2 p1,0"),
    _conv("conv1d", "32@16000 -> 64 k2 p512,0 d512"),
    _conv("conv1d", "25@784 -> 25 k7 p48,0 d8"),
    _conv("conv1d", "1@4096 -> 64 k16 s2 p7,8"),
    _conv("conv1d", "1@16000 -> 512 k10 s5"),
    _conv("conv1d", "512@3199 -> 512 k3 s2"),
    _conv("conv1d", "1@16000 -> 128 k80 s4"),
    _conv("transposed", "100@1 -> 512 4x4", transposed=True),
    _conv("transposed", "512@4 -> 256 4x4 s2 p1", transposed=True),
    _conv("transposed", "256@8 -> 128 4x4 s2 p1", transposed=True),
    _conv("transposed", "128@16 -> 64 4x4 s2 p1", transposed=True),
    _conv("transposed", "64@32 -> 3 4x4 s2 p1", transposed=True),
    _conv("transposed", "1024@28 -> 512 2x2 s2", transposed=True),
    _conv("transposed", "512@100 -> 256 k16 s8 p4", transposed=True),
    _conv("tiny", "1@28 -> 6 5x5 p2"),
    _conv("tiny", "6@14 -> 16 5x5"),
    _conv("tiny", "1@28 -> 32 3x3"),
    _conv("tiny", "32@26 -> 64 3x3"),
    _conv("tiny", "8@8 -> 8 3x3 p1"),
    _conv("tiny", "3@32 -> 32 3x3 p1"),
    _conv("tiny", "64@32 -> 64 3x3 p1"),
]
"""The families and layers that stand for the 214 of the published networks, N = 1."""
