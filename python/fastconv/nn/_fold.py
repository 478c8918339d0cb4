"""Batch normalisation folded into the convolution before it, for evaluation mode.

With ``scale = norm.weight / sqrt(running_var + eps)``, a convolution of the weights
``weight * scale`` and of the bias ``(bias - running_mean) * scale + norm.bias`` gives what both
layers give. Jacob et al., "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference", CVPR 2018, section 3.2.
"""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from fastconv.typing import Activation

from ._checks import Array, Shape, array
from ._conv import ConvBase
from ._plans import PlanCache, Values
from .activations import key_of
from .norm import BatchNormBase


class FoldedNorm:
    """A convolution and the batch normalisation behind it as one convolution.

    The layers stay as they are; the folded weights exist in plans only, which never outlive any of
    the arrays that they were computed from (see `PlanCache`).
    """

    def __init__(self, conv: ConvBase, norm: BatchNormBase) -> None:
        self._conv, self._norm = conv, norm
        self._plans = PlanCache()
        # What `fused_behind` asks of the layer in front of an activation.
        self.out_channels, self.activation = conv.out_channels, conv.activation
        self.data_format = conv.data_format if norm.data_format == conv.data_format else None

    def run(
        self, x: Array, activation: Activation | None = None, residual: Array | None = None
    ) -> Array:
        """``activation(norm(conv(x)) + residual)`` in one call where that can be."""
        conv, norm = self._conv, self._norm
        if conv.activation is not None or (residual is not None and not conv.takes_residual):
            return norm.run(conv.run(x), activation, residual)
        key = (key_of(activation), norm.eps)
        marks, values = (conv._mark, norm._mark), (conv._values, norm._values)
        plan = self._plans.find(x, key, marks, values)
        if plan is None:
            if not self._fits(x):
                return norm.run(conv.run(x), activation, residual)
            x = array(x, "x", conv.dtype)
            build = functools.partial(self._plan, x.shape, activation, norm.eps)
            plan = self._plans.get(x, key, (conv, norm), build)
        y: Array = plan(x, residual) if residual is not None else plan(x)
        return y

    def _fits(self, x: Array) -> bool:
        """Whether the normalisation would take the result; if not, it is to say so itself."""
        conv, norm = self._conv, self._norm
        return (
            norm.takes(conv.out_channels, conv.dtype)
            and norm.takes_rank(x.ndim)
            and x.ndim == len(conv.kernel_size) + 2
            and norm.data_format == conv.data_format
        )

    def _plan(
        self, shape: Shape, activation: Activation | None, eps: float, conv: Values, norm: Values
    ) -> Any:
        wide = {name: value.astype(np.float64) for name, value in norm.items()}
        with np.errstate(all="ignore"):  # a NaN goes into the result, as without folding
            scale = wide["weight"] / np.sqrt(wide["running_var"] + eps)
            bias = conv.get("bias", np.float64(0)) - wide["running_mean"]
            folded = {
                "weight": self._conv.scaled(conv["weight"].astype(np.float64), scale),
                "bias": bias * scale + wide["bias"],
            }
            dtype = conv["weight"].dtype
            values = {name: value.astype(dtype) for name, value in folded.items()}
        return self._conv.plan_of(shape, activation, values)
