"""What a streamed network is made of: each layer as a stage that takes samples and gives some."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np

from fastconv import _native
from fastconv._stream import BaseStream

from ._checks import Array

# Blocks are (batch, channels, samples), or (batch, samples, channels) with channels last. A stage
# knows the axis of its samples.


class Stage(Protocol):
    """A layer that remembers its signal."""

    state: Any

    def __call__(self, x: Array, /) -> Array:
        """Take samples, and return those that come with them."""

    def finish(self) -> Array | None:
        """Return what is owed at the end, None if that is nothing."""

    def reset(self, mask: Array | None, /) -> None:
        """Begin anew, or let some items do so."""

    def outputs(self, n: int, /) -> int:
        """How many samples come if n are taken now."""


class Window(BaseStream[Any]):
    """A layer with windows: at the end it takes `tail` zeros, and gives at most `most` samples."""

    def __init__(
        self, options: dict[str, Any], axis: int, tail: int = 0, most: int | None = None
    ) -> None:
        self._arguments = {"options": options, "axis": axis, "tail": tail, "most": most}
        self._axis, self._tail, self._most = axis, tail, most
        self._options = options
        self._adopt(_native.make_stream(*options.values()))

    def finish(self, out: Any = None) -> Any:
        y = None
        if self._tail and self._stream.begun:
            shape = [self._options["batch"], self._options["channels"]]
            shape.insert(self._axis, self._tail)
            y = self(np.zeros(shape, self._options["dtype"]))
            if self._most is not None:
                y = y[:, : self._most] if self._axis == 1 else y[..., : self._most]
        self.reset()
        return y

    def outputs(self, n: int) -> int:
        return self._stream.outputs(n)


class Each:
    """A layer that takes each sample by itself, and remembers none."""

    state: tuple[()] = ()

    def __init__(self, function: Callable[[Array], Array]) -> None:
        self._function = function

    def __call__(self, x: Array) -> Array:
        return self._function(x) if x.size else x

    def finish(self) -> None:
        return None

    def reset(self, mask: Array | None) -> None:
        pass

    def outputs(self, n: int) -> int:
        return n


class Chain:
    """Stages one after the other."""

    def __init__(self, stages: list[Stage], axis: int) -> None:
        self._stages, self._axis = stages, axis

    def __call__(self, x: Array) -> Array:
        for stage in self._stages:
            x = stage(x)
        return x

    def finish(self) -> Array | None:
        left: Array | None = None
        for stage in self._stages:
            parts = [stage(left) if left is not None else None, stage.finish()]
            there = [part for part in parts if part is not None]
            left = np.concatenate(there, self._axis) if there else None
        return left

    def reset(self, mask: Array | None) -> None:
        for stage in self._stages:
            stage.reset(mask)

    def outputs(self, n: int) -> int:
        for stage in self._stages:
            n = stage.outputs(n)
        return n

    @property
    def state(self) -> tuple[Any, ...]:
        return tuple(stage.state for stage in self._stages)

    @state.setter
    def state(self, value: tuple[Any, ...]) -> None:
        for stage, own in zip(self._stages, value, strict=True):
            if not isinstance(stage, Each):
                stage.state = own


class Sum:
    """A residual connection: what comes earlier, the layer's or the shortcut's, waits."""

    def __init__(self, inner: Stage, around: Stage | None, nothing: Array, axis: int) -> None:
        self._inner, self._around, self._axis = inner, around or Each(_same), axis
        self._nothing = nothing  # no samples of all channels
        self._waiting = [nothing, nothing]  # of the shortcut, and of the layer

    def __call__(self, x: Array) -> Array:
        return self._add(self._around(x), self._inner(x))

    def finish(self) -> Array | None:
        left = [self._around.finish(), self._inner.finish()]
        y = self._add(*(self._nothing if part is None else part for part in left))
        self._waiting = [self._nothing, self._nothing]
        return y

    def reset(self, mask: Array | None) -> None:
        self._inner.reset(mask)
        self._around.reset(mask)
        if mask is None:
            self._waiting = [self._nothing, self._nothing]
            return
        self._waiting = [part.copy() for part in self._waiting]
        for part in self._waiting:
            part[mask] = 0

    def outputs(self, n: int) -> int:
        around, inner = (int(part.shape[self._axis]) for part in self._waiting)
        return min(around + self._around.outputs(n), inner + self._inner.outputs(n))

    def _add(self, x: Array, y: Array) -> Array:
        both = [
            np.concatenate([old, new], self._axis) if old.shape[self._axis] else new
            for old, new in zip(self._waiting, (x, y), strict=True)
        ]
        n = min(part.shape[self._axis] for part in both)
        cut = [np.split(part, [n], self._axis) for part in both]
        self._waiting = [rest.copy() for _, rest in cut]
        total: Array = cut[0][0] + cut[1][0]
        return total

    @property
    def state(self) -> tuple[Any, ...]:
        return (self._inner.state, self._around.state, *(part.copy() for part in self._waiting))

    @state.setter
    def state(self, value: tuple[Any, ...]) -> None:
        inner, around, *waiting = value
        rest = list(self._nothing.shape)
        rest[self._axis] = -1
        held = [np.array(part, self._nothing.dtype) for part in waiting]
        if len(held) != 2:
            raise ValueError(f"a sum has two parts that wait, got {len(held)}")
        for part in held:
            found = list(part.shape)
            found[self._axis : self._axis + 1] = [-1]
            if found != rest:
                raise ValueError(
                    f"a sum waits for samples of shape {tuple(rest)}, got {part.shape}"
                )
        self._inner.state = inner
        if not isinstance(self._around, Each):
            self._around.state = around
        self._waiting = held


def _same(x: Array) -> Array:
    return x
