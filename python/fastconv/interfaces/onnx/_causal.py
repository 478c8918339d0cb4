"""CausalConvWithState: a depthwise layer of a signal that comes in blocks."""

from __future__ import annotations

from typing import Any

import fastconv
from fastconv.interfaces.onnx._node import Node, floats

__all__ = ["CausalConvWithState"]


class CausalConvWithState(Node):
    """CausalConvWithState, which opset 27 brought."""

    def take(
        self, x: Any, w: Any, b: Any = None, past: Any = None, activation: str | None = None
    ) -> tuple[Any, ...] | None:
        """Return the outputs and the state of the next call."""
        given = [array for array in (x, w, b, past) if array is not None]
        if activation not in (None, "none", "silu", "swish") or not floats(*given):
            return None
        if x.ndim != 3 or w.shape[:2] != (x.shape[1], 1) or 0 in w.shape or x.shape[1] == 0:
            return None
        if b is not None and b.shape != (x.shape[1],):
            return None
        if past is not None and past.shape != (*x.shape[:2], w.shape[2] - 1):
            return None
        silu = "silu" if activation in ("silu", "swish") else None
        y, state = fastconv.causal_conv1d(
            x,
            w,
            b,
            past,
            groups=x.shape[1],
            activation=silu,  # type: ignore[arg-type]
        )
        return y, state
