"""The base of our operators: attributes of the model's opset, and onnx's own implementation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from onnx.defs import get_schema
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun
from onnx.reference.ops import load_op

try:
    # Until 1.22 onnx has two classes for Conv, and an evaluator takes that of these, which is the
    # faster by far. Later the only one is as fast.
    from onnx.reference.ops_optimized import optimized_operators
except ImportError:
    optimized_operators = []

if TYPE_CHECKING:
    from collections.abc import Sequence

Array = np.ndarray[Any, np.dtype[Any]]

FLOATS = (np.float32, np.float64)


class Node(OpRun):  # type: ignore[misc]  # onnx's operators have no types here
    """An operator of ours. `take` computes a node, or returns None for onnx's own to compute."""

    op_domain = ""

    def __init__(self, onnx_node: Any, run_params: dict[str, Any], schema: Any = None) -> None:
        # The base would load the attributes of the newest opset, which onnx's own class for the
        # opset of the model does not know.
        self._opset = run_params["opsets"][onnx_node.domain]
        if schema is None:
            schema = get_schema(onnx_node.op_type, self._opset, onnx_node.domain)
        super().__init__(onnx_node, run_params, schema)
        self._own: OpRun | None = None

    def _run(self, *inputs: Any, **attributes: Any) -> tuple[Any, ...]:
        y = self.take(*inputs, **attributes)
        return self._theirs(inputs, attributes) if y is None else y

    def take(self, *inputs: Any, **attributes: Any) -> tuple[Any, ...] | None:
        """Return the outputs, or None where onnx's own implementation is to compute them."""
        raise NotImplementedError

    def _theirs(self, inputs: tuple[Any, ...], attributes: dict[str, Any]) -> tuple[Any, ...]:
        """Compute the node as onnx does without us."""
        if self._own is None:
            faster = (op for op in optimized_operators if op.__name__ == self.op_type)
            own = next(faster, None) or load_op(
                self.domain, self.op_type, self._opset,
                evaluator_cls=self.run_params.get("evaluator_cls", ReferenceEvaluator),
            )  # fmt: skip
            self._own = own(self.onnx_node, self.run_params)
        known = {key: attributes[key] for key in self._own.attributes_names_ if key in attributes}
        outputs: tuple[Any, ...] = self._own._run(*inputs, **known)
        return outputs

    @property
    def _wants_second(self) -> bool:
        """Whether the model asks for the node's second output."""
        return len(self.output) > 1 and self.output[1] != ""


def floats(*arrays: Any) -> bool:
    """Whether all of them are arrays of the same dtype, one that our functions compute in."""
    return all(
        isinstance(array, np.ndarray) and array.dtype == arrays[0].dtype for array in arrays
    ) and (arrays[0].dtype in FLOATS)


def images(x: Any) -> int:
    """Return the number of spatial axes: 1 or 2, and 0 where we do not take the array."""
    if not isinstance(x, np.ndarray) or x.ndim not in (3, 4) or 0 in x.shape[1:]:
        return 0
    return int(x.ndim) - 2


def per_axis(value: Sequence[int] | None, rank: int) -> tuple[int, ...]:
    """Return strides or dilations: ones where the model has none."""
    return tuple(value) if value else (1,) * rank


WORDS = {"VALID": "valid", "SAME_UPPER": "same", "SAME_LOWER": "same_lower"}


def padding_of(auto_pad: str | None, pads: Sequence[int] | None, rank: int) -> Any:
    """Return our padding, a word or a pair for each axis; None where only onnx may know it."""
    if auto_pad in WORDS:
        return WORDS[auto_pad]
    pads = pads or [0] * (2 * rank)
    if len(pads) != 2 * rank or min(pads) < 0:
        return None
    return tuple(zip(pads[:rank], pads[rank:], strict=True))
