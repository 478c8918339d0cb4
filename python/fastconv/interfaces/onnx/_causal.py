"""CausalConvWithState."""

from __future__ import annotations

from typing import Any

import numpy as np

import fastconv
from fastconv.interfaces.onnx._node import Node, floats

__all__ = ["CausalConvWithState"]

ACTIVATIONS: dict[str | None, Any] = {None: None, "none": None, "silu": "silu", "swish": "silu"}


class CausalConvWithState(Node):
    """A depthwise convolution of the next samples of signals, whose ends the model hands on."""

    def take(
        self, x: Any, w: Any, b: Any = None, past: Any = None, activation: str | None = None
    ) -> tuple[Any, ...] | None:
        """Return the outputs, and the ends for the next run."""
        given = [array for array in (x, w, b, past) if array is not None]
        if not floats(*given) or x.ndim != 3 or w.ndim != 3 or activation not in ACTIVATIONS:
            return None
        images, channels, _ = x.shape
        taps = w.shape[2]
        ends = (images, channels, taps - 1)
        if w.shape[:2] != (channels, 1) or 0 in x.shape or taps == 0:
            return None
        if (b is not None and b.shape != (channels,)) or (past is not None and past.shape != ends):
            return None
        state = np.zeros(ends, x.dtype) if past is None else past
        return fastconv.causal_conv1d(
            x, w, b, state, groups=channels, activation=ACTIVATIONS[activation]
        )
