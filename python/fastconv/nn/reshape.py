"""Layers that only change the shape."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from ._checks import Array, Shape, array, integer, same_shape, shape_of
from .layer import Layer


class _Shaped(Layer):
    """A layer whose result has the elements of its input, in the same order."""

    def forward(self, x: npt.ArrayLike) -> Array:
        x = array(x)
        if self.training:
            self._saved = (x.shape, x.dtype)
        return x.reshape(self.output_shape(x.shape))

    def backward(self, grad_output: npt.ArrayLike) -> Array:
        shape, dtype = self._recall()
        dy = array(grad_output, "grad_output", dtype)
        return same_shape(dy, self.output_shape(shape), "grad_output").reshape(shape)


class Flatten(_Shaped):
    """Join neighbouring axes, in C order: ``(N, ...)`` to ``(N, product)``.

    Parameters
    ----------
    start_dim, end_dim : int, default 1 and -1
        The first and the last axis to join; negative ones count from the end, as in
        ``torch.nn.Flatten``.

    Raises
    ------
    TypeError, ValueError
        If an argument is no int, or a call finds that there is no such axis.

    Examples
    --------
    >>> from fastconv.nn import Flatten
    >>> Flatten().output_shape((5, 8, 4, 4))
    (5, 128)
    >>> Flatten(2).output_shape((5, 8, 4, 4))
    (5, 8, 16)
    """

    def __init__(self, start_dim: int = 1, end_dim: int = -1) -> None:
        super().__init__()
        self.start_dim = integer(start_dim, "start_dim", -64)
        self.end_dim = integer(end_dim, "end_dim", -64)

    def output_shape(self, input_shape: Shape) -> Shape:
        shape = shape_of(input_shape)
        if len(shape) == 1 and (self.start_dim, self.end_dim) == (1, -1):
            return (*shape, 1)
        first = _axis(self.start_dim, shape, "start_dim")
        last = _axis(self.end_dim, shape, "end_dim")
        if first > last:
            raise ValueError(
                f"start_dim must not lie behind end_dim, got {self.start_dim} and {self.end_dim} "
                f"for shape {shape}"
            )
        return (*shape[:first], math.prod(shape[first : last + 1]), *shape[last + 1 :])

    def _describe(self) -> str:
        parts = [f"{self.start_dim}"] if self.start_dim != 1 or self.end_dim != -1 else []
        parts += [f"{self.end_dim}"] if self.end_dim != -1 else []
        return ", ".join(parts)


class Unflatten(_Shaped):
    """Split one axis into several, in C order: the inverse of `Flatten`.

    Parameters
    ----------
    dim : int
        The axis to split; negative ones count from the end.
    unflattened_size : sequence of int
        The lengths that it is split into. One of them may be -1: whatever is left.

    Raises
    ------
    TypeError, ValueError
        If an argument is no int, more than one length is -1, or a call finds an axis whose length
        is not their product.

    Examples
    --------
    >>> from fastconv.nn import Unflatten
    >>> Unflatten(1, (8, 4, 4)).output_shape((5, 128))
    (5, 8, 4, 4)
    """

    def __init__(self, dim: int, unflattened_size: Sequence[int]) -> None:
        super().__init__()
        self.dim = integer(dim, "dim", -64)
        self.unflattened_size = _lengths(unflattened_size, "unflattened_size")

    def output_shape(self, input_shape: Shape) -> Shape:
        shape = shape_of(input_shape)
        at = _axis(self.dim, shape, "dim")
        inner = _resolved(self.unflattened_size, shape[at])
        if inner is None:
            raise ValueError(
                f"axis {self.dim} must have a length that {self.unflattened_size} can be made of, "
                f"got shape {shape}"
            )
        return (*shape[:at], *inner, *shape[at + 1 :])

    def _describe(self) -> str:
        return f"{self.dim}, {self.unflattened_size}"


class Reshape(_Shaped):
    """Give each sample another shape: ``(N, ...)`` to ``(N, *shape)``, in C order.

    Parameters
    ----------
    *shape : int
        The shape of one sample, as ints or as one sequence of ints. One of them may be -1:
        whatever is left.

    Raises
    ------
    TypeError, ValueError
        If a length is no int, more than one is -1, or a call finds another number of elements.

    Examples
    --------
    >>> from fastconv.nn import Reshape
    >>> Reshape(8, 4, -1).output_shape((5, 128))
    (5, 8, 4, 4)
    """

    def __init__(self, *shape: int | Sequence[int]) -> None:
        super().__init__()
        self.shape = _lengths(shape[0] if len(shape) == 1 else shape, "shape")

    def output_shape(self, input_shape: Shape) -> Shape:
        given = shape_of(input_shape)
        inner = _resolved(self.shape, math.prod(given[1:]))
        if inner is None:
            raise ValueError(f"a sample must have as many elements as {self.shape}, got {given}")
        return (given[0], *inner)

    def _describe(self) -> str:
        return ", ".join(map(str, self.shape))


def _axis(dim: int, shape: Shape, name: str) -> int:
    """An axis of `shape`, counted from the front."""
    at = dim + len(shape) if dim < 0 else dim
    if not 0 <= at < len(shape):
        raise ValueError(f"{name} must be an axis of the input, got {dim} for shape {shape}")
    return at


def _lengths(value: Any, name: str) -> Shape:
    """Lengths of at least 1, of which one may be -1."""
    entries = value if isinstance(value, Sequence | np.ndarray) else (value,)
    if isinstance(entries, str) or len(entries) == 0:
        raise TypeError(f"{name} must hold at least one int, got {value!r}")
    lengths = tuple(integer(entry, name, -1) for entry in entries)
    if 0 in lengths or lengths.count(-1) > 1:
        raise ValueError(f"{name} must hold lengths of at least 1, one of them may be -1: {value}")
    return lengths


def _resolved(lengths: Shape, total: int) -> Shape | None:
    """`lengths` with -1 filled in; None if their product cannot be `total`."""
    known = math.prod(length for length in lengths if length != -1)
    if total % known or (-1 not in lengths and known != total):
        return None
    return tuple(total // known if length == -1 else length for length in lengths)
