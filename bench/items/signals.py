"""Long kernels: signals, layers and images whose direct sums cost hundreds of taps a sample."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .layer import Layer, parse

FORWARD, INPUT, WEIGHT = "forward", "dX", "dW"
LINE, DEPTHWISE, DENSE, LARGE, IMAGE = (
    "one channel", "depthwise signals", "dense signals", "large kernels", "images",
)  # fmt: skip


@dataclass(frozen=True)
class Signal:
    """A layer or a gradient of it, the threads that it takes at most, and its goal.

    `goal` is how many times faster than the best peer it is to be. Where the layer is `prepared`,
    a plan races with sessions; otherwise a function races with functions.
    """

    layer: Layer
    goal: float
    threads: int = 2
    prepared: bool = False
    what: str = FORWARD

    @property
    def family(self) -> str:
        return self.layer.family

    @property
    def name(self) -> str:
        return self.layer.name + ("" if self.what == FORWARD else f" {self.what}")

    @property
    def n(self) -> int:
        return self.layer.n


def _image(k: int) -> Layer:
    return parse(IMAGE, f"1@1024 -> 1 {k}x{k} p{k // 2}")


FORWARDS = [
    *(Signal(parse(LINE, f"1@480000 -> 1 k{k}"), 2 if k >= 1024 else 1, threads=1)
      for k in (256, 1024, 4096, 24000, 100000)),
    *(Signal(parse(DEPTHWISE, f"{c}@{n} -> {c} k{k} p{k - 1},0 g{c}"), 2.5)
      for c, n in ((256, 16000), (768, 4096)) for k in (1024, 4096)),
    *(Signal(parse(DENSE, f"64@16000 -> 64 k{k} p{k // 2}"), 5, prepared=True)
      for k in (64, 128, 512)),
    *(Signal(parse(LARGE, text), goal, prepared=True)
      for text, goal in (("15@60400 -> 15 k51 d8", 2), ("128@32 -> 128 9x9 p4", 2),
                         ("32@128 -> 32 15x15 p7", 4), ("64@56 -> 64 7x7 p3", 1.5))),
    *(Signal(_image(k), 3, threads=1) for k in (31, 63, 101)),
]  # fmt: skip
SIGNALS = [
    *FORWARDS,
    *(replace(x, goal=5, prepared=False, what=what) for x in FORWARDS for what in (INPUT, WEIGHT)),
]
