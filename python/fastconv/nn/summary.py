"""The table that `Sequential.summary` prints."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ._checks import Shape, shape_of
from ._field import Field
from .layer import Layer

_HEAD = ("layer", "output shape", "parameters", "FLOPs", "receptive field")
Row = tuple[str, ...]


def table(model: Layer, input_shape: Sequence[int]) -> str:
    """Lay out one row for each layer of `model`, and the totals."""
    shape = shape_of(input_shape)
    n = _spatial_axes(model)
    sample = n is not None and len(shape) == n + 1
    batch = (1, *shape) if sample else shape
    rows = list(_rows(model, batch, Field(), "", 1 if sample else 0))
    total = ("total", "", f"{_count(model):,}", f"{model._flops(batch):,}", "")
    widths = [max(map(len, column)) for column in zip(_HEAD, *rows, total, strict=True)]
    rule = "-" * (sum(widths) + 2 * (len(widths) - 1))
    lines = [_line(_HEAD, widths), rule, *(_line(row, widths) for row in rows), rule]
    return "\n".join([*lines, _line(total, widths)])


def _rows(model: Layer, shape: Shape, field: Field, prefix: str, hidden: int) -> Iterator[Row]:
    """The rows of the layers inside `model`; containers are followed by their contents.

    `hidden` is the number of leading axes that the shapes are shown without.
    """
    for name, layer in model._children():
        out = layer.output_shape(shape)
        before = field
        inner = list(layer._children())
        label = type(layer).__name__ if inner else repr(layer)
        cells = (f"{prefix}{name} {label}", str(out[hidden:]))
        if inner:
            yield (*cells, "", "", "")
            yield from _rows(layer, shape, field, f"  {prefix}{name}.", hidden)
            field = layer._see(field, shape)
        else:
            field = layer._see(field, shape)
            yield (*cells, f"{_count(layer):,}", f"{layer._flops(shape):,}", str(field))
        if model._parallel:
            field = before
        else:
            shape = out


def _count(layer: Layer) -> int:
    """The number of learned values in a layer and what it holds."""
    own = sum(value.size for value in layer._values.values())
    return own + sum(_count(child) for _, child in layer._children())


def _spatial_axes(model: Layer) -> int | None:
    """The number of spatial axes that the first layer with windows works on."""
    for _, layer in model._children():
        n = getattr(layer, "_n", None)
        found = n if n is not None else _spatial_axes(layer)
        if found is not None:
            return int(found)
    return None


def _line(cells: Row, widths: Sequence[int]) -> str:
    """Words to the left, numbers to the right."""
    left = [cell.ljust(width) for cell, width in zip(cells[:2], widths[:2], strict=True)]
    right = [cell.rjust(width) for cell, width in zip(cells[2:], widths[2:], strict=True)]
    return "  ".join(left + right).rstrip()
