"""Convolution kernels for the CPU, on NumPy arrays.

Functions take and return NumPy arrays; names, argument order and semantics are those of
``torch.nn.functional``. Gradients are in `fastconv.grad`, layers in `fastconv.nn`, the
specification of it all in `fastconv.reference`.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from fastconv import grad
from fastconv._native import __version__
from fastconv.activations import gelu, leaky_relu, relu, relu6, sigmoid, silu, softmax, tanh
from fastconv.columns import fold, unfold
from fastconv.conv import conv1d, conv2d, conv_transpose1d, conv_transpose2d
from fastconv.plan import Conv1dPlan, Conv2dPlan, ConvTranspose1dPlan, ConvTranspose2dPlan
from fastconv.runtime import (
    clear_pool,
    get_num_threads,
    isa,
    precision,
    set_isa,
    set_num_threads,
    show_config,
    supported_isas,
    threads,
)
from fastconv.shapes import (
    conv_output_shape,
    conv_transpose_output_shape,
    receptive_field,
    resolve_padding,
)

if TYPE_CHECKING:
    from fastconv import nn, reference

__all__ = [
    "Conv1dPlan",
    "Conv2dPlan",
    "ConvTranspose1dPlan",
    "ConvTranspose2dPlan",
    "__version__",
    "clear_pool",
    "conv1d",
    "conv2d",
    "conv_output_shape",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose_output_shape",
    "fold",
    "gelu",
    "get_num_threads",
    "grad",
    "isa",
    "leaky_relu",
    "nn",
    "precision",
    "receptive_field",
    "reference",
    "relu",
    "relu6",
    "resolve_padding",
    "set_isa",
    "set_num_threads",
    "show_config",
    "sigmoid",
    "silu",
    "softmax",
    "supported_isas",
    "tanh",
    "threads",
    "unfold",
]


def __getattr__(name: str) -> Any:
    """Import `nn` and `reference` when they are first used: an import of fastconv stays cheap."""
    if name in ("nn", "reference"):
        return import_module(f"fastconv.{name}")
    raise AttributeError(f"module 'fastconv' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
