"""Convolution kernels for the CPU, on NumPy arrays.

Functions take and return NumPy arrays; names, argument order and semantics are those of
``torch.nn.functional``. Gradients are in `fastconv.grad`, layers in `fastconv.nn`, the
specification of it all in `fastconv.reference`.
"""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

from fastconv import _openmp

_openmp.load()  # before anything else imports the compiled module

# ruff: noqa: E402
from fastconv import grad
from fastconv._native import __version__
from fastconv.activations import (
    elu,
    gelu,
    hardsigmoid,
    hardswish,
    leaky_relu,
    prelu,
    relu,
    relu6,
    sigmoid,
    silu,
    softmax,
    softplus,
    tanh,
)
from fastconv.adaptive_pool import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    global_avg_pool1d,
    global_avg_pool2d,
    global_max_pool1d,
    global_max_pool2d,
    global_sum_pool1d,
    global_sum_pool2d,
)
from fastconv.columns import fold, unfold
from fastconv.conv import conv1d, conv2d
from fastconv.conv_transpose import conv_transpose1d, conv_transpose2d
from fastconv.max_pool import max_pool1d, max_pool2d, min_pool1d, min_pool2d
from fastconv.max_unpool import max_unpool1d, max_unpool2d
from fastconv.norm import add, batch_norm
from fastconv.paths import get_cmake_dir, get_include
from fastconv.plan import Conv1dPlan, Conv2dPlan, ConvTranspose1dPlan, ConvTranspose2dPlan
from fastconv.pool import (
    avg_pool1d,
    avg_pool2d,
    lp_pool1d,
    lp_pool2d,
    pool_output_shape,
    sum_pool1d,
    sum_pool2d,
)
from fastconv.pool_stream import AvgPoolStream1d, MaxPoolStream1d
from fastconv.runtime import (
    clear_pool,
    get_num_threads,
    isa,
    precision,
    set_isa,
    set_num_threads,
    set_threading,
    show_config,
    supported_isas,
    threading,
    threads,
)
from fastconv.shapes import (
    conv_output_shape,
    conv_transpose_output_shape,
    receptive_field,
    resolve_padding,
)
from fastconv.stream import ConvStream1d, ConvTransposeStream1d, causal_conv1d
from fastconv.tuning import tune

if TYPE_CHECKING:
    from fastconv import interfaces, nn, reference

__all__ = [
    "AvgPoolStream1d",
    "Conv1dPlan",
    "Conv2dPlan",
    "ConvStream1d",
    "ConvTranspose1dPlan",
    "ConvTranspose2dPlan",
    "ConvTransposeStream1d",
    "MaxPoolStream1d",
    "__version__",
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "add",
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "causal_conv1d",
    "clear_pool",
    "conv1d",
    "conv2d",
    "conv_output_shape",
    "conv_transpose1d",
    "conv_transpose2d",
    "conv_transpose_output_shape",
    "elu",
    "fold",
    "gelu",
    "get_cmake_dir",
    "get_include",
    "get_num_threads",
    "global_avg_pool1d",
    "global_avg_pool2d",
    "global_max_pool1d",
    "global_max_pool2d",
    "global_sum_pool1d",
    "global_sum_pool2d",
    "grad",
    "hardsigmoid",
    "hardswish",
    "interfaces",
    "isa",
    "leaky_relu",
    "lp_pool1d",
    "lp_pool2d",
    "max_pool1d",
    "max_pool2d",
    "max_unpool1d",
    "max_unpool2d",
    "min_pool1d",
    "min_pool2d",
    "nn",
    "pool_output_shape",
    "precision",
    "prelu",
    "receptive_field",
    "reference",
    "relu",
    "relu6",
    "resolve_padding",
    "set_isa",
    "set_num_threads",
    "set_threading",
    "show_config",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "sum_pool1d",
    "sum_pool2d",
    "supported_isas",
    "tanh",
    "threading",
    "threads",
    "tune",
    "unfold",
]


def __getattr__(name: str) -> Any:
    """Import these when they are first used: an import of fastconv stays cheap."""
    if name in ("interfaces", "nn", "reference"):
        return import_module(f"fastconv.{name}")
    raise AttributeError(f"module 'fastconv' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__


# Whoever imported threadpoolctl means it to reach all libraries; before its version 3.2 it knows
# none but its own.
if hasattr(sys.modules.get("threadpoolctl"), "register"):
    import_module("fastconv.interfaces.threadpoolctl").register()
