"""ConstantOfShape, whose result stays what it is while its shape does."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastconv.interfaces.onnx._node import Array, Node

__all__ = ["ConstantOfShape"]


class ConstantOfShape(Node):
    """ConstantOfShape of every opset: made by onnx once, and kept, for nobody to write into.

    Models have weights made by such nodes: onnx's nine light networks have no others. Made anew in
    each run they cost more memory traffic than the network, and would have to be compared before
    packed weights are known to be theirs. A node whose shape has changed once keeps nothing.
    """

    def __init__(self, onnx_node: Any, run_params: dict[str, Any], schema: Any = None) -> None:
        super().__init__(onnx_node, run_params, schema)
        self._known: tuple[tuple[int, ...], Array] | None = None
        self._changes = False

    def take(self, shape: Any, **attributes: Any) -> tuple[Any, ...] | None:
        """Return the array, which cannot be written into."""
        if self._changes or self.has_linked_attribute or not isinstance(shape, np.ndarray):
            return None
        lengths, known = tuple(shape.ravel().tolist()), self._known
        if known is None:
            (made,) = self._theirs((shape,), attributes)
            made.flags.writeable = False
            self._known = known = lengths, made
        if known[0] != lengths:
            self._changes, self._known = True, None
            return None
        return (known[1],)
