"""How arrays are laid out: every array becomes planes ``(N, C, H, W)`` and goes back again."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Concatenate, ParamSpec, TypeVar

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True)
class Layout:
    """Arrays with `n` spatial axes and `rank` axes in all, in the order of `data_format`."""

    n: int
    rank: int
    data_format: str

    def __post_init__(self) -> None:
        if self.data_format not in ("channels_first", "channels_last"):
            raise ValueError(
                f"data_format must be 'channels_first' or 'channels_last', got {self.data_format!r}"
            )
        if self.rank not in (self.n + 1, self.n + 2):
            raise ValueError(f"expected {self.n + 1} or {self.n + 2} axes, got {self.rank}")

    def planes(self, x: npt.ArrayLike, *, keep_integers: bool = False) -> Array:
        """`x` as ``(N, C, H, W)``: one sample is a batch of one, a line a plane of height 1."""
        x = np.asarray(x)
        integers = keep_integers and np.issubdtype(x.dtype, np.integer)
        x = x.astype(x.dtype.newbyteorder("=") if integers else np.float64)
        if self.data_format == "channels_last":
            x = np.moveaxis(x, -1, -1 - self.n)
        if self.rank == self.n + 1:
            x = x[None]
        return x[:, :, None, :] if self.n == 1 else x

    def shape(self, size: tuple[int, ...]) -> tuple[int, ...]:
        """The shape ``(N, C, H, W)`` that an array of shape `size` takes as planes."""
        return self.planes(np.broadcast_to(0.0, size)).shape

    def back(self, y: Array) -> Array:
        """Undo `planes`."""
        if self.n == 1:
            y = y[:, :, 0, :]
        if self.rank == self.n + 1:
            y = y[0]
        if self.data_format == "channels_last":
            y = np.moveaxis(y, -1 - self.n, -1)
        return np.ascontiguousarray(y)


def kernels(weight: npt.ArrayLike, n: int) -> Array:
    """`weight` as ``(A, B, kh, kw)``; along a line, kh is 1."""
    w = np.asarray(weight, np.float64)
    return w[:, :, None, :] if n == 1 else w


def kernels_back(w: Array, n: int) -> Array:
    """Undo `kernels`."""
    return w[:, :, 0, :] if n == 1 else w


def both(f: Callable[Concatenate[int, P], R]) -> tuple[Callable[P, R], Callable[P, R]]:
    """The 1-D and the 2-D function of one that takes the number of spatial axes first."""

    def bind(n: int) -> Callable[P, R]:
        @functools.wraps(f)
        def bound(*args: P.args, **kwargs: P.kwargs) -> R:
            return f(n, *args, **kwargs)

        bound.__name__ = bound.__qualname__ = f.__name__.removeprefix("_").replace("_nd", f"{n}d")
        signature = inspect.signature(f)
        shown = signature.replace(parameters=list(signature.parameters.values())[1:])
        bound.__dict__["__signature__"] = shown
        return bound

    return bind(1), bind(2)
