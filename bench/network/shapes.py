"""The shape of what each step makes."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

import fastconv

from .join import Step

Shape = tuple[int, ...]


def infer(steps: Sequence[Step], name: str, shape: Shape) -> dict[str, Shape]:
    """The shapes of all values, from that of the input."""
    shapes = {name: shape}
    for step in steps:
        shapes[step.output] = of(step, [shapes[name] for name in step.inputs])
    return shapes


def of(step: Step, given: Sequence[Shape]) -> Shape:
    """One step's output, of inputs of these shapes."""
    first, options = given[0], step.options
    match step.kind:
        case "conv":
            pixels = first if len(first) == 4 else (*first, 1, 1)
            shape = fastconv.conv_output_shape(
                pixels, options["weight"].shape, **options["geometry"]
            )
            return shape[: len(first)]
        case "max pool" | "average pool":
            names = ("kernel_size", "stride", "padding", "ceil_mode")
            return fastconv.pool_output_shape(first, **{name: options[name] for name in names})
        case "global average":
            return (*first[:2], *(1 for _ in first[2:]))
        case "concat":
            return (first[0], sum(shape[1] for shape in given), *first[2:])
        case "transpose":
            return tuple(first[axis] for axis in options["perm"])
        case "reshape":
            known = prod(n for n in options["shape"] if n > 0)
            shape = tuple(first[i] if n == 0 else n for i, n in enumerate(options["shape"]))
            return tuple(prod(first) // known if n == -1 else n for n in shape)
    return first
