"""What is hashed: a name, and a call that computes the arrays behind it from fixed inputs."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from hashlib import blake2b
from typing import Any, NamedTuple, TypeVar

import numpy as np

Array = np.ndarray[Any, Any]
T = TypeVar("T")


class Output(NamedTuple):
    """One hash of the record; `cheap` ones are computed on one thread as well as on two."""

    name: str
    call: Callable[[], Iterable[Array]]
    cheap: bool = True

    def digest(self) -> str:
        """64 bits of the arrays' dtypes, shapes and elements, in the order of their indices."""
        found = blake2b(digest_size=8)
        for array in self.call():
            found.update(f"{array.dtype.str}{array.shape}".encode())
            found.update(np.ascontiguousarray(array).data)
        return found.hexdigest()


def generator(name: str) -> np.random.Generator:
    """Random numbers that depend on the name alone, today and in every process."""
    return np.random.default_rng(int.from_bytes(blake2b(name.encode(), digest_size=8).digest()))


def normal(name: str, dtype: str, *shapes: tuple[int, ...]) -> list[Array]:
    """Arrays of normal numbers."""
    rng = generator(name)
    return [rng.standard_normal(shape).astype(dtype) for shape in shapes]


def integers(name: str, dtype: str, *shapes: tuple[int, ...], most: int = 7) -> list[Array]:
    """Arrays of small integers, of which every sum is exact."""
    rng = generator(name)
    return [rng.integers(-most, most + 1, shape).astype(dtype) for shape in shapes]


def sizes(shape: Iterable[int]) -> str:
    """A shape as it is written in a name."""
    return "x".join(str(n) for n in shape)


def words(options: dict[str, Any]) -> str:
    """Keyword arguments as they are written in a name: the first letter of the usual ones."""
    short = {"stride": "s", "padding": "p", "dilation": "d", "groups": "g", "padding_mode": ""}
    pairs = [f"{short.get(k, k + '=')}{v}" for k, v in options.items()]
    return "".join(f" {pair}" for pair in pairs).replace(", ", ",")


def channels_last(array: Array, rank: int) -> Array:
    """The same numbers with the channels behind the `rank` spatial axes."""
    return np.ascontiguousarray(np.moveaxis(array, -1 - rank, -1))


def each(calls: Iterable[Callable[[], Iterable[Array]]]) -> Callable[[], Iterator[Array]]:
    """One call that gives the arrays of all of them."""
    return partial(_each, list(calls))


def _each(calls: list[Callable[[], Iterable[Array]]]) -> Iterator[Array]:
    for call in calls:
        yield from call()


def lazy(build: Callable[[], T]) -> Callable[[], T]:
    """A call that builds once: inputs are shared by the outputs of a case, and die with them."""
    made: list[T] = []

    def get() -> T:
        if not made:
            made.append(build())
        return made[0]

    return get
