"""What is done to a layer's result where the layer cannot do it in its own pass."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import fastconv as fc
from fastconv.typing import Activation

from ._checks import Array, same_shape
from .activations import Elementwise, activate
from .layer import Layer


def finished(y: Array, activation: Activation | None, residual: Array | None) -> Array:
    """``activation(y + residual)``; without a residual only the activation."""
    if residual is None:
        return y if activation is None else activate(y, activation)
    same_shape(y, residual.shape, "the result of the layer inside Residual")
    if y.dtype != residual.dtype:
        total: Array = y + residual
        return total if activation is None else activate(total, activation)
    return fc.add(y, residual, activation=activation)


class Runs(Protocol):
    """A layer, or several of them, that take what comes behind them into their own pass."""

    def run(
        self, x: Array, activation: Activation | None = None, residual: Array | None = None
    ) -> Array:
        """``activation(self(x) + residual)`` in evaluation mode."""


class Alone(NamedTuple):
    """A layer that takes nothing into its own pass."""

    layer: Layer

    def run(
        self, x: Array, activation: Activation | None = None, residual: Array | None = None
    ) -> Array:
        """``activation(layer(x) + residual)``."""
        return finished(self.layer(x), activation, residual)


class Activated(NamedTuple):
    """Something that runs, and the activation layer behind it."""

    before: Runs
    layer: Elementwise

    def run(
        self, x: Array, activation: Activation | None = None, residual: Array | None = None
    ) -> Array:
        """``activation(layer(before(x)) + residual)``."""
        fused = self.layer.fused_behind(self.before)
        y = self.layer(self.before.run(x)) if fused is None else self.before.run(x, fused)
        if activation is None and residual is None:
            return y
        return finished(y, activation, residual)
