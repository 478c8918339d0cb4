"""The receptive field as it grows from layer to layer."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction


@dataclass(frozen=True)
class Field:
    """How many inputs of the model one element sees along each spatial axis.

    `sizes` and `jumps` (the distance of neighbours, in inputs of the model) have one entry per
    axis; they are empty until a layer with windows says how many axes there are. Follows
    Araujo, Norris and Sim, "Computing Receptive Fields of Convolutional Neural Networks",
    Distill 2019.
    """

    sizes: tuple[Fraction, ...] = ()
    jumps: tuple[Fraction, ...] = ()
    whole: bool = False

    def through(self, reach: tuple[int, ...], step: tuple[Fraction | int, ...]) -> Field:
        """The field behind windows that span `reach` elements and move by `step` elements."""
        sizes = self.sizes or (Fraction(1),) * len(reach)
        jumps = self.jumps or (Fraction(1),) * len(reach)
        if len(sizes) != len(reach):
            return Field(whole=True)
        return Field(
            tuple(size + (r - 1) * jump for size, r, jump in zip(sizes, reach, jumps, strict=True)),
            tuple(jump * s for jump, s in zip(jumps, step, strict=True)),
            self.whole,
        )

    def union(self, other: Field) -> Field:
        """The field of a sum of two branches."""
        if not self.sizes or not other.sizes:
            wider = self if self.sizes else other
            return Field(wider.sizes, wider.jumps, self.whole or other.whole)
        sizes = tuple(max(a, b) for a, b in zip(self.sizes, other.sizes, strict=True))
        return Field(sizes, self.jumps, self.whole or other.whole)

    def __str__(self) -> str:
        if self.whole:
            return "all"
        return "x".join(f"{float(size):g}" for size in self.sizes) or "-"
