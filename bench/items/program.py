"""Layers as programs call them: after a pause or other work, beside it, from several threads."""

from __future__ import annotations

from dataclasses import dataclass

from .layer import Layer, parse

LAYER = (parse("program", "128@56 -> 128 3x3 s2 p1"),)
CHAIN = tuple(
    parse("program", text)
    for text in ("64@28 -> 64 3x3 p1", "64@28 -> 128 1x1", "128@28 -> 64 1x1", "64@28 -> 64 3x3 p1",
                 "64@28 -> 128 3x3 s2 p1", "128@14 -> 128 3x3 p1")
)  # fmt: skip
"""Six small layers, each on what the one before gave."""
PRODUCT, RELU = "a @ b", "numpy relu"


@dataclass(frozen=True)
class Case:
    """What is called, and what the program does meanwhile: a call is timed, the rest is not.

    `pause` is in seconds, before each call; then comes the work of `before`. `callers` are threads
    of Python that share the calls; `busy`: another process keeps one core busy.
    """

    name: str
    layers: tuple[Layer, ...]
    calls: int
    pause: float = 0
    before: str = ""
    callers: int = 1
    busy: bool = False
    family: str = "program"
    n: int = 1


CASES = [
    Case("in a loop", LAYER, 40),
    Case("after a pause of 2 ms", LAYER, 12, 0.002),
    Case("after a pause of 150 ms", LAYER, 5, 0.15),
    Case("after a @ b", LAYER, 5, 0.05, PRODUCT),
    Case("after a NumPy relu", LAYER, 5, 0.005, RELU),
    Case("one core busy", LAYER, 12, 0.002, busy=True),
    Case("six layers, every 20 ms", CHAIN, 5, 0.02),
    Case("six layers after a @ b", CHAIN, 5, 0.05, PRODUCT),
    Case("four threads of Python", LAYER, 24, callers=4),
]
"""`calls` are those of a turn."""
