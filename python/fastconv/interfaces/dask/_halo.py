"""One call for each chunk of a result, on exactly the slices of the input that it reads.

`map_overlap` of dask gives each chunk the same margin and keeps its place; a stride moves the
borders of chunks, and so the slices are our own. What is cut from a neighbour is a task of its own,
so that only it travels between workers.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise, product
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import dask.array as da
import numpy as np
from dask.highlevelgraph import HighLevelGraph

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Axis", "Read", "as_dask", "borders", "chunked_call", "reads_of_windows", "whole"]

Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Read:
    """What one chunk of the result reads along an axis, and what the call is told beside it."""

    start: int
    stop: int
    told: Any = None


@dataclass(frozen=True)
class Axis:
    """The chunks of a result along one axis, with what each of them reads."""

    chunks: tuple[int, ...]
    reads: tuple[Read, ...]


def as_dask(x: Any, name: str = "input") -> Any:
    """`x` as a dask array whose chunks are known."""
    if not isinstance(x, da.Array):
        x = da.asarray(x)
    if any(np.isnan(size) for sizes in x.chunks for size in sizes):
        raise ValueError(
            f"{name} must have chunks of known sizes (compute_chunk_sizes() finds them), "
            f"got {x.chunks}"
        )
    return x


def whole(chunks: tuple[int, ...]) -> Axis:
    """An axis of which each chunk of the result reads the chunk of the input in its place."""
    edges = [0, *np.cumsum(chunks).tolist()]
    return Axis(tuple(chunks), tuple(Read(a, b) for a, b in pairwise(edges)))


def borders(chunks: tuple[int, ...], count: int, outputs_before: Callable[[int], int]) -> list[int]:
    """Where chunks of `count` outputs end, with a border for each border of the input's chunks."""
    edges = {0, count}
    for edge in np.cumsum(chunks)[:-1].tolist():
        edges.add(min(max(outputs_before(edge), 0), count))
    return sorted(edges)


def reads_of_windows(
    chunks: tuple[int, ...], count: int, reach: int, stride: int, padding: tuple[int, int]
) -> Axis:
    """An axis of windows of `reach` elements: what each chunk reads, and its padding on each side.

    The chunk of the result that belongs to a chunk of the input has the windows that begin in it,
    as if there were no padding.
    """
    length, (lo, hi) = sum(chunks), padding

    def read(first: int, last: int) -> Read:
        begin, end = first * stride - lo, (last - 1) * stride - lo + reach
        told = (max(-begin, 0), max(min(end, length + hi) - length, 0), last == count)
        return Read(max(begin, 0), min(end, length), told)

    edges = borders(chunks, count, lambda edge: -(-edge // stride))
    overhangs = (count - 1) * stride - lo + reach > length + hi  # the last one, of `ceil_mode`
    if overhangs and len(edges) > 2 and edges[-1] - edges[-2] == 1:
        del edges[-2]  # pools take no chunk that has no other window
    reads = [read(first, last) for first, last in pairwise(edges)]
    if any(r.start >= r.stop for r in reads):  # one that reads nothing but padding
        edges = [0, count]
        reads = [Read(0, length, (lo, hi, True))]
    return Axis(tuple(b - a for a, b in pairwise(edges)), tuple(reads))


def chunked_call(
    name: str,
    x: Any,
    axes: Sequence[Axis],
    call: Callable[..., Array],
    arguments: Sequence[Any] = (),
    dtype: Any = None,
    inner: tuple[int, ...] | None = None,
) -> Any:
    """A dask array of ``call(part of x, told along each axis, *arguments)`` for each chunk.

    Arguments are put into the graph once, whatever the number of chunks. With `inner` the result
    has the first axis of x and then these lengths, in one chunk.
    """
    name = f"fastconv-{name}-{uuid4().hex}"
    part = f"part-{name}"
    constants = {f"{name}-argument-{i}": value for i, value in enumerate(arguments)}
    graph: dict[Any, Any] = dict(constants)
    edges = [[0, *np.cumsum(sizes).tolist()] for sizes in x.chunks]
    pieces = [
        [_pieces(edge, read) for read in axis.reads] for edge, axis in zip(edges, axes, strict=True)
    ]
    for place in product(*(range(len(axis.chunks)) for axis in axes)):
        found = [pieces[axis][i] for axis, i in enumerate(place)]

        def nested(
            chosen: tuple[tuple[int, slice | None], ...],
            found: list[list[tuple[int, slice | None]]] = found,
            place: tuple[int, ...] = place,
        ) -> Any:
            if len(chosen) < len(found):
                return [nested((*chosen, piece)) for piece in found[len(chosen)]]
            key = (x.name, *(i for i, _ in chosen))
            if all(cut is None for _, cut in chosen):
                return key
            cut_key = (part, place, tuple(i for i, _ in chosen))
            graph[cut_key] = (_cut, key, tuple(cut or slice(None) for _, cut in chosen))
            return cut_key

        told = tuple(axis.reads[i].told for axis, i in zip(axes, place, strict=True))
        key = (name, *place) if inner is None else (name, place[0], *(0 for _ in inner))
        graph[key] = (_called, call, nested(()), told, *constants)
    layers = HighLevelGraph.from_collections(name, graph, dependencies=[x])
    chunks = tuple(axis.chunks for axis in axes)
    if inner is not None:
        chunks = (chunks[0], *((length,) for length in inner))
    meta = np.empty((0,) * len(chunks), dtype or x.dtype)
    return da.Array(layers, name, chunks, meta=meta)


def _pieces(edges: list[int], read: Read) -> list[tuple[int, slice | None]]:
    """The chunks that a read meets, each with what is cut from it, None if it is all."""
    found: list[tuple[int, slice | None]] = []
    for i, (begin, end) in enumerate(pairwise(edges)):
        first, last = max(begin, read.start), min(end, read.stop)
        if first < last:
            all_of_it = (first, last) == (begin, end)
            found.append((i, None if all_of_it else slice(first - begin, last - begin)))
    return found


def _cut(chunk: Array, place: tuple[slice, ...]) -> Array:
    """A part of a chunk; small ones are copied, so that the chunk itself may go."""
    part = chunk[place]
    return part.copy() if 4 * part.size < chunk.size else part


def _called(call: Callable[..., Array], parts: Any, told: Any, *arguments: Any) -> Array:
    return call(_joined(parts, 0), told, *arguments)


def _joined(parts: Any, axis: int) -> Array:
    if not isinstance(parts, list):
        return parts  # type: ignore[no-any-return]
    below = [_joined(p, axis + 1) for p in parts]
    return below[0] if len(below) == 1 else np.concatenate(below, axis=axis)
