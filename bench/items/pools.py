"""Pools of published networks, kept apart from the shapes of the tests."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

FORWARD, PLACES, GRADIENT = "forward", "with indices", "gradient"


@dataclass(frozen=True)
class Pool:
    """A pool of `n` images; `adaptive` is the output's length, 0 where windows are given."""

    family: str
    name: str
    kind: str
    channels: int
    size: tuple[int, ...]
    kernel: int
    stride: int = 1
    pad: int = 0
    adaptive: int = 0
    what: str = FORWARD
    last: bool = False
    n: int = 1

    @property
    def rank(self) -> int:
        return len(self.size)

    @property
    def shape(self) -> tuple[int, ...]:
        return (self.n, self.channels, *self.size)

    @property
    def output_shape(self) -> tuple[int, ...]:
        return (*self.shape[:2], *(len(self.windows(axis)) for axis in range(self.rank)))

    def windows(self, axis: int) -> list[range]:
        """The elements of each window along an axis, without the padding."""
        n = self.size[axis]
        if self.adaptive:
            m = self.adaptive
            return [range(o * n // m, -(-(o + 1) * n // m)) for o in range(m)]
        starts = range(-self.pad, n + self.pad - self.kernel + 1, self.stride)
        return [range(max(at, 0), min(at + self.kernel, n)) for at in starts]

    def batch(self, n: int) -> Pool:
        return replace(self, n=n)


WORDS = re.compile(
    r"(?P<kind>max|avg) (?P<channels>\d+)@(?P<size>\d+)(?P<line>w?)"
    r"(?: k(?P<kernel>\d+))?(?: s(?P<stride>\d+))?(?: p(?P<pad>\d+))?(?: to (?P<adaptive>\d+))?"
)


def parse(family: str, text: str, what: str = FORWARD, last: bool = False) -> Pool:
    """Read ``max 64@112 k3 s2 p1``; ``@300w`` is a line, ``to 7`` an adaptive pool."""
    found = WORDS.fullmatch(text)
    if not found:
        raise ValueError(f"{text!r} is no pool")
    number = {k: int(v or 0) for k, v in found.groupdict().items() if k not in ("kind", "line")}
    size = (number["size"],) * (1 if found["line"] else 2)
    return Pool(family, text, found["kind"], number["channels"], size, number["kernel"],
                number["stride"] or 1, number["pad"], number["adaptive"], what, last)  # fmt: skip


FORWARDS = {
    "stems and reductions": [
        "max 64@112 k3 s2 p1", "max 64@224 k2 s2", "max 128@112 k2 s2", "max 256@56 k2 s2",
        "max 512@28 k2 s2", "max 512@14 k2 s2", "max 192@57 k3 s2", "max 480@28 k3 s2 p1",
        "max 832@14 k3 s2 p1", "avg 64@112 k3 s2 p1", "avg 128@56 k2 s2",
    ],
    "same size": [
        "max 192@28 k3 p1", "max 256@28 k3 p1", "max 512@14 k3 p1", "max 832@7 k3 p1",
        "avg 256@28 k3 p1", "avg 192@35 k3 p1",
    ],
    "pyramids": [
        "max 256@20 k5 p2", "max 512@20 k5 p2", "max 512@20 k3 p1", "max 512@20 k9 p4",
        "max 512@20 k13 p6", "max 1@512 k15 p7",
    ],
    "global and adaptive": [
        "avg 2048@7 to 1", "avg 1280@7 to 1", "avg 512@14 to 1", "avg 64@112 to 1",
        "max 2048@7 to 1", "avg 512@14 to 7", "max 512@14 to 7", "avg 256@20 to 6",
    ],
    "lines": [
        "max 32@300w k3 s2 p1", "max 128@3976w k4 s4", "max 64@4000w k2 s2", "max 64@4000w k3 s3",
        "max 64@4000w k9 p4", "max 64@4000w k64", "max 64@4000w k256", "avg 64@4000w k5 p2",
    ],
}  # fmt: skip
BEYOND = ["max 256@224 k2 s2", "max 64@448 k3 s2 p1", "avg 64@448 k2 s2"]
LAST = ["max 64@112 k3 s2 p1", "max 256@56 k2 s2", "max 256@28 k3 p1", "max 512@20 k13 p6",
        "avg 2048@7 to 1", "avg 512@14 to 7"]  # fmt: skip
MORE = ["max 64@112 k3 s2 p1", "max 64@224 k2 s2", "max 256@56 k2 s2", "max 256@28 k3 p1",
        "max 256@20 k13 p6"]  # fmt: skip
AVERAGES = ["avg 64@112 k3 s2 p1", "avg 64@224 k2 s2", "avg 256@56 k2 s2", "avg 256@28 k3 p1",
            "avg 2048@7 to 1", "avg 512@14 to 7"]  # fmt: skip

POOLS = [
    *(parse(family, text) for family, texts in FORWARDS.items() for text in texts),
    *(parse("beyond the caches", text) for text in BEYOND),
    *(parse("channels last", text, last=True) for text in LAST),
    *(parse("with indices", text, PLACES) for text in MORE),
    *(parse("gradients", text, GRADIENT) for text in [*MORE, *AVERAGES]),
    *(parse("gradients, channels last", text, GRADIENT, True) for text in [MORE[0], AVERAGES[0]]),
]
