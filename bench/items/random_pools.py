"""Random pools, and those that people reported: lines of Python."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeVar

import numpy as np

Random = np.random.Generator
Value = TypeVar("Value")
LEAST, MOST = 20_000, 6_000_000
"""Numbers in the input: below, a call from Python is most of the time."""
MOST_READS = 1e9
"""What all windows read together, beyond which a loop over them takes too long."""
KERNELS = (1, 2, 2, 3, 3, 3, 4, 5, 7, 8, 9, 13, 16, 25, 32, 41)
STRIDES = (1, 1, 2, 2, 3, 4, 8, 16)
SIZES = {1: (4, 16, 50, 100, 128, 500, 1000, 4000, 16000, 100000),
         2: (1, 2, 4, 7, 8, 14, 28, 33, 56, 64, 112, 129, 224, 500)}  # fmt: skip
KINDS = ("max", "max", "indices", "avg", "avg", "lp", "adaptive avg", "adaptive max", "global avg")


@dataclass(frozen=True)
class DrawnPool:
    """A pool; its name is a line that can be pasted into Python, as those of convolutions.

    `output` is given for adaptive pools; a global one is the adaptive one of a single output.
    """

    kind: str
    shape: tuple[int, ...]
    kernel: tuple[int, ...] = ()
    stride: tuple[int, ...] = ()
    pad: tuple[int, ...] = ()
    dilation: int = 1
    ceil: bool = False
    include: bool = True
    power: float = 0
    output: tuple[int, ...] = ()
    last: bool = False
    family: str = "pools"
    n: int = 1

    @property
    def rank(self) -> int:
        return len(self.shape) - 2

    @property
    def size(self) -> tuple[int, ...]:
        return self.shape[2:]

    @property
    def function(self) -> str:
        """The function's name in fastconv."""
        kind = "max" if self.kind == "indices" else self.kind.replace(" ", "_")
        return f"{kind}_pool{self.rank}d"

    def arguments(self) -> tuple[Any, ...]:
        """What follows the input in a call of the function."""
        if self.kind.startswith("global"):
            return ()
        if self.output:
            return (self.output if self.rank == 2 else self.output[0],)
        if self.kind == "lp":
            return self.power, self.kernel, self.stride
        window = (self.kernel, self.stride, self.pad)
        if self.kind == "avg":
            return *window, self.ceil, self.include
        return *window, self.dilation, self.ceil, self.kind == "indices"

    @property
    def name(self) -> str:
        lying = (self.shape[0], *self.size, self.shape[1]) if self.last else self.shape
        words = [f"abs(r{lying})" if self.kind == "lp" else f"r{lying}"]
        words += [repr(argument) for argument in self.arguments()]
        words += ["data_format='channels_last'"] if self.last else []
        return f"fc.{self.function}({', '.join(words)})"

    @property
    def output_size(self) -> tuple[int, ...]:
        if self.output:
            return self.output
        return tuple(self._length(axis) for axis in range(self.rank))

    def _length(self, axis: int) -> int:
        n, k, s, p = self.size[axis], self.kernel[axis], self.stride[axis], self.pad[axis]
        left = n + 2 * p - self.dilation * (k - 1) - 1
        if not self.ceil:
            return left // s + 1
        length = -(-left // s) + 1
        return length - 1 if (length - 1) * s >= n + p else length  # none begins behind the image

    def window(self, axis: int, at: int) -> tuple[range, int]:
        """The elements of a window without the padding, and how many it has with it."""
        n = self.size[axis]
        if self.output:
            m = self.output[axis]
            found = range(at * n // m, -(-(at + 1) * n // m))
            return found, len(found)
        k, s, p, d = self.kernel[axis], self.stride[axis], self.pad[axis], self.dilation
        start = at * s - p
        places = [i for i in range(start, start + d * (k - 1) + 1, d) if 0 <= i < n]
        end = min(start + k, n + p)
        return range(places[0], places[-1] + 1, d), end - start


def pools(rng: Random) -> Iterator[DrawnPool]:
    """Pools without end."""
    while True:
        if (pool := draw(rng)) is not None:
            yield pool


def draw(rng: Random) -> DrawnPool | None:
    """One pool, or None where what was drawn does not fit together."""
    rank, kind = _one(rng, (1, 2, 2)), _one(rng, KINDS)
    batch, channels = _one(rng, (1, 1, 2, 8, 32)), _one(rng, (1, 3, 8, 16, 32, 64, 100, 256, 512))
    size = _axes(rng, SIZES[rank], rank, 0.7)
    shape = (batch, channels, *size)
    if not LEAST <= prod(shape) <= MOST:
        return None
    last = rng.random() < 0.3
    if kind == "global avg":
        return DrawnPool(kind, shape, output=(1,) * rank, last=last)
    if kind.startswith("adaptive"):
        output = _axes(rng, (1, 2, 3, 7, 13, 28), rank, 0.7)
        return DrawnPool(kind, shape, output=output, last=last)
    kernel = _axes(rng, KERNELS, rank, 0.75)
    stride = _axes(rng, STRIDES, rank, 0.75)
    pad = tuple(_one(rng, (0, k // 2)) for k in kernel) if kind != "lp" else (0,) * rank
    dilation = _one(rng, (1, 1, 1, 2, 3)) if kind in ("max", "indices") else 1
    reach = [dilation * (k - 1) + 1 for k in kernel]
    if any(n + 2 * p < r for n, p, r in zip(size, pad, reach, strict=True)):
        return None
    pool = DrawnPool(kind, shape, kernel, stride, pad, dilation, kind != "lp" and
                     rng.random() < 0.2, rng.random() < 0.5,
                     _one(rng, (1, 2, 3, 2.5)) if kind == "lp" else 0, (), last)  # fmt: skip
    if not _meets_the_image(pool):
        return None
    reads = prod(shape[:2]) * prod(pool.output_size) * prod(kernel)
    return pool if reads <= MOST_READS else None


def _meets_the_image(pool: DrawnPool) -> bool:
    """Whether each window holds an element: a dilated one may step over a small image."""
    for axis, (n, length) in enumerate(zip(pool.size, pool.output_size, strict=True)):
        k, s, p, d = pool.kernel[axis], pool.stride[axis], pool.pad[axis], pool.dilation
        starts = np.arange(length)[:, None] * s - p + np.arange(k) * d
        if not ((starts >= 0) & (starts < n)).any(1).all():
            return False
    return True


def _axes(rng: Random, values: tuple[int, ...], rank: int, alike: float) -> tuple[int, ...]:
    first = _one(rng, values)
    same = rank == 1 or rng.random() < alike
    return (first,) * rank if same else (first, _one(rng, values))


def _one(rng: Random, values: Sequence[Value]) -> Value:
    return values[int(rng.integers(len(values)))]


def _square(kind: str, channels: int, size: int, k: int, s: int, p: int = 0, power: float = 0,
            batch: int = 1) -> DrawnPool:  # fmt: skip
    return DrawnPool(kind, (batch, channels, size, size), (k, k), (s, s), (p, p), power=power,
                     family="reported")  # fmt: skip


REPORTED = [
    _square("max", 4, 256, 33, 1, 16),
    _square("avg", 4, 256, 33, 1),
    _square("lp", 512, 7, 7, 7, power=3),
    _square("lp", 3, 600, 5, 1, power=3),
    *(DrawnPool("global avg", (1, 32, n, n), output=(1, 1), family="reported") for n in (129, 224)),
    DrawnPool("global avg", (1, 128, 56, 56), output=(1, 1), last=True, family="reported"),
    DrawnPool("avg", (32, 64, 14, 56), (1, 1), (8, 8), (0, 0), family="reported"),
]
"""Pools of people's reports, each of which stood for its kind."""


def drawn(seed: int, rows: int) -> list[DrawnPool]:
    """The rows of a seed, no pool twice."""
    found: dict[DrawnPool, None] = {}
    source = pools(np.random.default_rng(seed))
    while len(found) < rows:
        found[next(source)] = None
    return list(found)
