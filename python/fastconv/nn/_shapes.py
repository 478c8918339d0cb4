"""Padding arguments and shapes of layers with windows."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from fastconv.typing import DataFormat

from ._checks import Shape, choice, integer, shape_of


def checked_padding(padding: Any, n: int, words: tuple[str, ...]) -> Any:
    """Return `padding` (an int, ints, (lo, hi) pairs or a word) if its form is a legal one.

    What it must fulfil next to a kernel and an input is checked by the function that is called.
    """
    if isinstance(padding, str):
        return choice(padding, "padding", words)
    if not isinstance(padding, Sequence | np.ndarray):
        return integer(padding, "padding", 0)
    if len(padding) not in (1, n):
        raise ValueError(f"padding must hold 1 or {n} entries, got {padding!r}")
    return tuple(_side(entry) for entry in padding)


def _side(entry: Any) -> int | tuple[int, int]:
    """One axis of a padding sequence: an int, or a (lo, hi) pair."""
    if not isinstance(entry, Sequence | np.ndarray):
        return integer(entry, "padding", 0)
    if isinstance(entry, str) or len(entry) != 2:
        raise ValueError(f"padding must be made of ints or (lo, hi) pairs, got {entry!r}")
    return integer(entry[0], "padding", 0), integer(entry[1], "padding", 0)


def channels_first(shape: Any, n: int, data_format: DataFormat, name: str = "input_shape") -> Shape:
    """The shape of a batch or a sample with `n` spatial axes, channels before them."""
    if len(shape) not in (n + 1, n + 2):
        raise ValueError(f"{name} must have {n + 1} or {n + 2} axes, got {tuple(shape)}")
    found = tuple(shape)
    # Only a batch may be empty: of a sample, the first axis is a real one.
    found = shape_of(found, name) if len(found) == n + 2 else tuple(integer(v, name) for v in found)
    if data_format == "channels_first":
        return found
    return (*found[: -n - 1], found[-1], *found[-n - 1 : -1])


def in_format(shape: Shape, n: int, data_format: DataFormat) -> Shape:
    """A channels-first shape in the order of `data_format`."""
    shape = tuple(shape)
    if data_format == "channels_first":
        return shape
    return (*shape[: -n - 1], *shape[-n:], shape[-n - 1])


def short(numbers: tuple[int, ...]) -> int | tuple[int, ...]:
    """One number for all axes where they agree; for `repr`."""
    return numbers[0] if len(set(numbers)) == 1 else numbers
