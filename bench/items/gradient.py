"""One gradient of one layer."""

from __future__ import annotations

from dataclasses import dataclass

from .layer import Layer


@dataclass(frozen=True)
class Gradient:
    """Which gradient of which layer: "dX", "dW", or "all" in one call.

    The depthwise mode also lists the layer itself, as "forward".
    """

    layer: Layer
    what: str

    @property
    def family(self) -> str:
        return self.layer.family

    @property
    def name(self) -> str:
        return f"{self.layer.name} {self.what}"

    @property
    def n(self) -> int:
        return self.layer.n
