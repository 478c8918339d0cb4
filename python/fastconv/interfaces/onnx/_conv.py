"""Conv and ConvTranspose."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import fastconv
from fastconv.interfaces.onnx._node import (
    Array,
    Node,
    floats,
    images,
    padding_of,
    per_axis,
)
from fastconv.interfaces.onnx._weights import Plans

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["Conv", "ConvTranspose"]

PLANS: dict[tuple[bool, int], Any] = {
    (False, 1): fastconv.Conv1dPlan,
    (False, 2): fastconv.Conv2dPlan,
    (True, 1): fastconv.ConvTranspose1dPlan,
    (True, 2): fastconv.ConvTranspose2dPlan,
}
FUNCTIONS: dict[tuple[bool, int], Any] = {
    (False, 1): fastconv.conv1d,
    (False, 2): fastconv.conv2d,
    (True, 1): fastconv.conv_transpose1d,
    (True, 2): fastconv.conv_transpose2d,
}


class _Weighted(Node):
    """A node with weights: packed once where they stay the same from run to run."""

    transposed: bool

    def __init__(self, onnx_node: Any, run_params: dict[str, Any], schema: Any = None) -> None:
        super().__init__(onnx_node, run_params, schema)
        self._plans = Plans()

    def _fits(self, x: Any, w: Any, b: Any, kernel_shape: Sequence[int] | None, group: int) -> int:
        """Return the number of spatial axes if we take the arrays, else 0."""
        rank = images(x)
        arrays = (x, w) if b is None else (x, w, b)
        if not rank or not floats(*arrays) or w.ndim != x.ndim or 0 in w.shape:
            return 0
        if kernel_shape and tuple(kernel_shape) != w.shape[2:]:
            return 0
        outputs = w.shape[1] * group if self.transposed else w.shape[0]
        return rank if b is None or b.shape == (outputs,) else 0

    def _compute(self, x: Array, w: Array, b: Array | None, **geometry: Any) -> tuple[Array]:
        which = self.transposed, x.ndim - 2
        # Attributes of a node that is part of a function may differ from call to call.
        if not self.has_linked_attribute:
            plan = self._plans.find(x, w, b, lambda: PLANS[which](x.shape, w, b, **geometry))
            if plan is not None:
                return (plan(x),)
        return (FUNCTIONS[which](x, w, b, **geometry),)


class Conv(_Weighted):
    """Conv of every opset."""

    transposed = False

    def take(
        self, x: Any, w: Any, b: Any = None, auto_pad: str | None = None,
        dilations: Sequence[int] | None = None, group: int = 1,
        kernel_shape: Sequence[int] | None = None, pads: Sequence[int] | None = None,
        strides: Sequence[int] | None = None,
    ) -> tuple[Any, ...] | None:  # fmt: skip
        """Return the convolution."""
        rank = self._fits(x, w, b, kernel_shape, group)
        padding = padding_of(auto_pad, pads, rank) if rank else None
        if padding is None:
            return None
        return self._compute(
            x, w, b, stride=per_axis(strides, rank), padding=padding,
            dilation=per_axis(dilations, rank), groups=group,
        )  # fmt: skip


class ConvTranspose(_Weighted):
    """ConvTranspose of every opset."""

    transposed = True

    def take(
        self, x: Any, w: Any, b: Any = None, auto_pad: str | None = None,
        dilations: Sequence[int] | None = None, group: int = 1,
        kernel_shape: Sequence[int] | None = None, output_padding: Sequence[int] | None = None,
        output_shape: Sequence[int] | None = None, pads: Sequence[int] | None = None,
        strides: Sequence[int] | None = None,
    ) -> tuple[Any, ...] | None:  # fmt: skip
        """Return the transposed convolution."""
        rank = self._fits(x, w, b, kernel_shape, group)
        if not rank:
            return None
        stride, dilation = per_axis(strides, rank), per_axis(dilations, rank)
        more = tuple(output_padding) if output_padding else (0,) * rank
        if output_shape or auto_pad in ("SAME_UPPER", "SAME_LOWER"):
            lengths = x.shape[2:]
            # The shape may have all axes, as output_shape_ has in old models.
            wanted = output_shape or [n * s for n, s in zip(lengths, stride, strict=True)]
            full = [
                (n - 1) * s + d * (k - 1) + 1 + o
                for n, s, d, k, o in zip(lengths, stride, dilation, w.shape[2:], more, strict=True)
            ]
            padding, more = _cropped(full, list(wanted)[-rank:], more, auto_pad == "SAME_UPPER")
        else:
            padding = padding_of(auto_pad, pads, rank)
        if padding is None or any(
            o >= max(s, d) for o, s, d in zip(more, stride, dilation, strict=True)
        ):
            return None
        return self._compute(
            x, w, b, stride=stride, padding=padding, output_padding=more, groups=group,
            dilation=dilation,
        )  # fmt: skip


def _cropped(
    full: list[int], wanted: list[int], more: tuple[int, ...], upper: bool
) -> tuple[tuple[tuple[int, int], ...], tuple[int, ...]]:
    """Return padding and output_padding that make a result of `wanted` lengths.

    ONNX crops evenly; the odd element is cut off at the end if `upper`, else at the start.
    """
    pairs = []
    for length, want in zip(full, wanted, strict=True):
        total = max(0, length - want)
        lo = total // 2 if upper else total - total // 2
        pairs.append((lo, total - lo))
    lacking = (max(0, want - length) for length, want in zip(full, wanted, strict=True))
    return tuple(pairs), tuple(o + k for o, k in zip(more, lacking, strict=True))
