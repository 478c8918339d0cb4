"""Small calls: convolutions of 8x8 by function and by plan, pools, activations."""

from __future__ import annotations

from dataclasses import dataclass

from .layer import Layer, parse

PLAN = "plan with out="


@dataclass(frozen=True)
class Small:
    """A convolution, by function or by plan, or another function of one small array."""

    name: str
    what: str
    layer: Layer | None = None
    shape: tuple[int, ...] = (1, 8, 8, 8)
    window: tuple[int, int, int] | None = None
    family: str = "small"
    n: int = 1


LAYERS = [
    parse("small", "8@8 -> 8 3x3 p1"),
    parse("small", "16@8 -> 16 3x3 p1"),
    parse("small", "16@64 -> 16 k3 p1"),
]
POOLS = {"2x2": (2, 2, 0), "3x3 p1": (3, 1, 1)}
CASES = [
    *(Small(f"{x.name}, {what}", what, x) for x in LAYERS for what in ("function", PLAN)),
    *(Small(f"{p}_pool2d {k} 8@8", f"{p}_pool2d", window=window)
      for p in ("max", "avg") for k, window in POOLS.items()),
    *(Small(f"{a} 8@8", a) for a in ("relu", "sigmoid", "tanh", "softmax")),
]  # fmt: skip
