"""Layers side by side, whose results are joined."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ._checks import Array, Shape, array, integer
from ._field import Field
from .containers import checked_layers, refuse_repeats
from .layer import Layer


class Concat(Layer):
    """Every branch applied to the input, and their results joined along the channels.

    The modules of Inception, the blocks of DenseNet and the skips of U-Net: ``Sequential()``, which
    has no layers, passes the input itself on.

    Parameters
    ----------
    *branches : Layer
        At least one, each of them once. Their results agree in every axis but `axis`.
    axis : int, default 1
        The axis to join along: 1 are the channels of a batch with channels first, -1 those with
        channels last.

    Raises
    ------
    TypeError
        If a branch is no layer.
    ValueError
        If there is none, one stands in it twice, or a call finds results that do not fit.

    References
    ----------
    .. [1] Szegedy et al., "Going Deeper with Convolutions", CVPR 2015.
    .. [2] Ronneberger, Fischer and Brox, "U-Net: Convolutional Networks for Biomedical Image
       Segmentation", MICCAI 2015.

    Examples
    --------
    >>> from fastconv.nn import Concat, Conv2d, Sequential
    >>> block = Concat(Sequential(), Conv2d(8, 4, 1), Conv2d(8, 4, 3, padding=1))
    >>> block.output_shape((1, 8, 16, 16))
    (1, 16, 16, 16)
    """

    _parallel = True

    def __init__(self, *branches: Layer, axis: int = 1) -> None:
        super().__init__()
        if not branches:
            raise ValueError("Concat needs at least one branch, got none")
        self.branches = checked_layers(branches, "Concat", "branches")
        self.axis = integer(axis, "axis", -64)
        refuse_repeats(self)

    def forward(self, x: npt.ArrayLike) -> Array:
        x = array(x)
        parts = [branch(x) for branch in self.branches]
        axis, shapes = self._checked([part.shape for part in parts])
        if self.training:
            self._saved = (axis, [shape[axis] for shape in shapes])
        return np.concatenate(parts, axis=axis)

    def backward(self, grad_output: npt.ArrayLike) -> Array:
        axis, lengths = self._recall()
        dy = array(grad_output, "grad_output")
        if dy.ndim <= axis or dy.shape[axis] != sum(lengths):
            raise ValueError(
                f"grad_output must have {sum(lengths)} elements along axis {axis}, got {dy.shape}"
            )
        parts = np.split(dy, np.cumsum(lengths)[:-1], axis=axis)
        gradients = [
            branch.backward(part) for branch, part in zip(self.branches, parts, strict=True)
        ]
        dx = gradients[0]
        for each in gradients[1:]:
            dx = dx + each
        return dx

    def output_shape(self, input_shape: Shape) -> Shape:
        axis, shapes = self._checked([b.output_shape(input_shape) for b in self.branches])
        joined = sum(shape[axis] for shape in shapes)
        return (*shapes[0][:axis], joined, *shapes[0][axis + 1 :])

    def _checked(self, shapes: list[Shape]) -> tuple[int, list[Shape]]:
        """The axis to join along, counted from the front, and shapes that can be joined there."""
        ranks = {len(shape) for shape in shapes}
        rank = ranks.pop()
        axis = self.axis + rank if self.axis < 0 else self.axis
        if not ranks and not 0 <= axis < rank:
            raise ValueError(f"axis {self.axis} of Concat does not exist in {shapes[0]}")
        rest = {(*shape[:axis], *shape[axis + 1 :]) for shape in shapes}
        if ranks or len(rest) > 1:
            raise ValueError(
                f"the branches of Concat must agree in all axes but {self.axis}, got shapes "
                f"{', '.join(map(str, shapes))}"
            )
        return axis, shapes

    def _children(self) -> Iterator[tuple[str, Layer]]:
        for i, branch in enumerate(self.branches):
            yield str(i), branch

    def _flops(self, input_shape: Shape) -> int:
        return sum(branch._flops(input_shape) for branch in self.branches)

    def _see(self, field: Field, input_shape: Shape) -> Field:
        seen = [branch._see(field, input_shape) for branch in self.branches]
        joined = seen[0]
        for each in seen[1:]:
            joined = joined.union(each)
        return joined

    def __repr__(self) -> str:
        inner = ",\n".join(textwrap.indent(repr(branch), "  ") for branch in self.branches)
        axis = "" if self.axis == 1 else f",\n  axis={self.axis}"
        return f"Concat(\n{inner}{axis}\n)"
