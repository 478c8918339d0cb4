"""Where the values of a network lie: one block of memory, used again when its last reader is done.

What is concatenated is written side by side from the start, a view lies where its source does, and
a sum may be written over one of its parts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from .graph import Array
from .join import Step

LINE = 64
"""Bytes of a cache line, and of the widest vector: every room begins with one."""
VIEWS = ("identity", "reshape", "transpose")
Shapes = dict[str, tuple[int, ...]]


@dataclass(eq=False)
class Room:
    """A contiguous array: from the first step that writes it to the last one that reads it."""

    shape: tuple[int, ...]
    first: int
    last: int
    start: int = 0

    @property
    def bytes(self) -> int:
        return -(-4 * prod(self.shape) // LINE) * LINE

    @property
    def end(self) -> int:
        return self.start + self.bytes


class Memory:
    """The rooms of all that the steps make; `block` is the bytes of all of them."""

    def __init__(self, steps: Sequence[Step], shapes: Shapes, outputs: Sequence[str]) -> None:
        self.shapes = shapes
        self.views = {x.output: x for x in steps if x.kind in VIEWS}
        self.parts = self._parts(steps)
        self.copied = {x.output for x in self.views.values() if not self._is_view(x)}
        self.rooms = self._rooms(steps, outputs)
        for i, step in enumerate(steps):
            self._share(i, step)
        self.block = _pack(set(self.rooms.values()))

    def arrays(self) -> dict[str, Array]:
        """An array for each value that a step makes."""
        raw = np.empty(self.block + LINE, np.uint8)
        start = -raw.ctypes.data % LINE
        memory = raw[start : start + self.block].view(np.float32)
        found: dict[str, Array] = {}

        def array(name: str) -> Array:
            if name in found:
                return found[name]
            if name in self.parts:
                whole, at = self.parts[name]
                found[name] = array(whole)[:, at : at + self.shapes[name][1]]
            elif name in self.views and name not in self.copied:
                found[name] = viewed(self.views[name], array(self.views[name].inputs[0]))
            else:
                room = self.rooms[name]
                first = room.start // 4
                found[name] = memory[first : first + prod(room.shape)].reshape(room.shape)
            return found[name]

        return {name: array(name) for name in self.rooms}

    def _parts(self, steps: Sequence[Step]) -> dict[str, tuple[str, int]]:
        """Of what is concatenated, in which value it lies and from which channel on."""
        makers = {step.output: step for step in steps}
        parts: dict[str, tuple[str, int]] = {}
        for step in (x for x in steps if x.kind == "concat"):
            channel = 0
            for name in step.inputs:
                if name in makers and name not in self.views and name not in parts:
                    parts[name] = (step.output, channel)
                channel += self.shapes[name][1]
        return parts

    def _is_view(self, step: Step) -> bool:
        """False for a reshape of what is transposed, or of a part of several images."""
        (name,) = step.inputs
        transposed = False
        while name in self.views:
            transposed |= self.views[name].kind == "transpose"
            (name,) = self.views[name].inputs
        apart = name in self.parts and self.shapes[name][0] > 1
        return step.kind != "reshape" or not (transposed or apart)

    def _owner(self, name: str) -> str:
        """The value whose room another one lies in."""
        while True:
            if name in self.parts:
                name = self.parts[name][0]
            elif name in self.views and name not in self.copied:
                (name,) = self.views[name].inputs
            else:
                return name

    def _rooms(self, steps: Sequence[Step], outputs: Sequence[str]) -> dict[str, Room]:
        rooms: dict[str, Room] = {}
        for i, step in enumerate(steps):
            owner = self._owner(step.output)
            if owner not in rooms:
                rooms[owner] = Room(self.shapes[owner], i, i)
            rooms[step.output] = rooms[owner]
            for name in step.inputs:
                if name in rooms:
                    rooms[name].last = i
        for name in outputs:
            rooms[name].last = len(steps)
        return rooms

    def _share(self, i: int, step: Step) -> None:
        """Let a step write over what it adds, or over an input, if nobody reads that later."""
        if step.kind not in ("conv", "add", "affine", "relu") or step.output in self.parts:
            return
        room = self.rooms[step.output]
        for name in step.inputs[1:] if step.kind == "conv" else step.inputs:
            old = self.rooms.get(name)
            others = [self.rooms.get(x) for x in step.inputs if x != name]
            mine = name not in self.parts and name not in self.views
            if mine and old and old.last == i and old.shape == room.shape and old not in others:
                old.last = room.last
                self.rooms = {x: old if y is room else y for x, y in self.rooms.items()}
                return


def viewed(step: Step, given: Array) -> Array:
    """What a step makes that only looks at its input in another way."""
    if step.kind == "transpose":
        return given.transpose(step.options["perm"])
    return given.reshape(step.options["shape"]) if step.kind == "reshape" else given


def _pack(rooms: set[Room]) -> int:
    """Give each room the first place that is free while it is used; return the bytes of all."""
    placed: list[Room] = []
    for room in sorted(rooms, key=lambda x: (x.first, x.last, x.bytes)):
        for other in sorted(placed, key=lambda x: x.start):
            together = other.first <= room.last and room.first <= other.last
            if together and other.start < room.end and room.start < other.end:
                room.start = other.end
        placed.append(room)
    return max(room.end for room in placed)
