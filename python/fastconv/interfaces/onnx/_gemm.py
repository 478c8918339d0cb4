"""Gemm with the weights of a layer: a convolution of images of one pixel."""

from __future__ import annotations

from typing import Any

import fastconv
from fastconv.interfaces.onnx._node import Node, floats
from fastconv.interfaces.onnx._weights import Plans

__all__ = ["Gemm"]


class Gemm(Node):
    """Gemm as linear layers have it: ``a @ b + c``, where `b` may be transposed.

    It is not that NumPy's product were slow. After it the threads of NumPy's BLAS wait, spinning,
    longer than a network takes, and the convolutions of the next run have one CPU less: ResNet-50
    takes 100 ms with such a product at its end, 49 without, on two CPUs.
    """

    def __init__(self, onnx_node: Any, run_params: dict[str, Any], schema: Any = None) -> None:
        super().__init__(onnx_node, run_params, schema)
        self._plans = Plans()

    def take(
        self, a: Any, b: Any, c: Any = None, alpha: float | None = None, beta: float | None = None,
        transA: int | None = None, transB: int | None = None, **_: Any,
    ) -> tuple[Any, ...] | None:  # fmt: skip
        """Return the product, where `c` is one number for each column."""
        arrays = (a, b) if c is None else (a, b, c)
        if not floats(*arrays) or a.ndim != 2 or b.ndim != 2 or 0 in (*a.shape, *b.shape):
            return None
        weight = b if transB else b.T
        if transA or alpha not in (None, 1) or beta not in (None, 1):
            return None
        if a.shape[1] != weight.shape[1]:
            return None
        if c is not None and c.shape not in ((len(weight),), (1, len(weight))):
            return None
        if self.has_linked_attribute:
            return None
        images, filters = a[:, :, None, None], weight[:, :, None, None]
        bias = None if c is None else c.reshape(-1)
        plan = self._plans.find(
            images, b, c, lambda: fastconv.Conv2dPlan(images.shape, filters, bias)
        )
        y = fastconv.conv2d(images, filters, bias) if plan is None else plan(images)
        return (y.reshape(len(a), -1),)
