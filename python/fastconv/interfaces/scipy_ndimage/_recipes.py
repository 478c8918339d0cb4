"""What a call came down to, for the next one like it.

To judge arguments takes Python ten microseconds, which small images do not have. A call that gave a
new array by one pass over its input, as it lay, leaves a recipe: the arguments of that pass. They
follow from the arguments of the call, and from the shape and the dtype of its input.
"""

from __future__ import annotations

import threading
from typing import Any

import numpy as np

from fastconv import _native

from ._arrays import Array

__all__ = ["cook", "keep", "key_of", "pass_over", "recorded"]

_MOST = 512
_recipes: dict[Any, Any] = {}
_local = threading.local()
_SCALARS = frozenset({int, float, str, bool, type(None)})


def pass_over(
    x: Array, y: Array, sizes: tuple[int, ...], column: Any, row: Any, plane: Any, cval: float,
    how: int,
) -> None:  # fmt: skip
    """Filter x, seen as images of these sizes, into y; and note it where that is asked for."""
    _native.filter(x.reshape(sizes), y.reshape(sizes), column, row, plane, cval, how, None)
    calls = getattr(_local, "calls", None)
    if calls is not None:
        calls.append((x, y, (sizes, column, row, plane, cval, how)))


def _part(value: Any) -> Any:
    kind = type(value)
    if kind in _SCALARS:
        return kind, value
    if kind is np.ndarray and value.size <= 128:
        return value.shape, value.dtype, value.tobytes()
    if kind is list or kind is tuple:
        return (kind, *map(_part, value))
    raise TypeError


def key_of(name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """A key for a call, or None for one that leaves no recipe."""
    x = args[0] if args else None
    # Of magnitudes the pass is not the whole call.
    if type(x) is not np.ndarray or "output" in kwargs or name == "gaussian_gradient_magnitude":
        return None
    try:
        if kwargs:
            named = tuple((k, _part(v)) for k, v in kwargs.items())
            return name, x.shape, x.dtype, *map(_part, args[1:]), named
        return name, x.shape, x.dtype, *map(_part, args[1:])
    except TypeError:
        return None


def cook(key: Any, x: Array) -> Array | None:
    """Return the result by the recipe, or None if there is none."""
    recipe = _recipes.get(key)
    if recipe is None:
        return None
    flags = x.flags
    if not flags.c_contiguous or not flags.aligned:
        return None
    sizes, column, row, plane, cval, how = recipe
    y = np.empty(x.shape, x.dtype)
    _native.filter(x.reshape(sizes), y.reshape(sizes), column, row, plane, cval, how, None)
    return y


class recorded:
    """Notes the passes of this thread inside of a ``with`` statement."""

    def __enter__(self) -> list[Any]:
        self._outer = getattr(_local, "calls", None)
        calls: list[Any] = []
        _local.calls = calls
        return calls

    def __exit__(self, *error: object) -> None:
        _local.calls = self._outer


def keep(key: Any, x: Any, y: Any, calls: list[Any]) -> None:
    """Keep a recipe, if the call was one pass from `x` to `y`, which is new."""
    if len(calls) != 1 or calls[0][0] is not x or calls[0][1] is not y or y.dtype != x.dtype:
        return
    if len(_recipes) >= _MOST:
        _recipes.clear()
    _recipes[key] = calls[0][2]
