"""Gradients of every function, as functions: they take the forward call's arguments.

The forward geometry is derived again and every shape must agree with it. All of them take and
return NumPy arrays; there is no tape.
"""

from __future__ import annotations

from fastconv.grad.activations import (
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
from fastconv.grad.adaptive_pool import (
    adaptive_avg_pool1d_input,
    adaptive_avg_pool2d_input,
    adaptive_max_pool1d_input,
    adaptive_max_pool2d_input,
    global_avg_pool1d_input,
    global_avg_pool2d_input,
    global_max_pool1d_input,
    global_max_pool2d_input,
    global_sum_pool1d_input,
    global_sum_pool2d_input,
)
from fastconv.grad.columns import fold_input, unfold_input
from fastconv.grad.conv import (
    conv1d,
    conv1d_input,
    conv1d_weight,
    conv2d,
    conv2d_input,
    conv2d_weight,
)
from fastconv.grad.conv_bias import (
    conv1d_bias,
    conv2d_bias,
    conv_transpose1d_bias,
    conv_transpose2d_bias,
)
from fastconv.grad.conv_transpose import (
    conv_transpose1d,
    conv_transpose1d_input,
    conv_transpose1d_weight,
    conv_transpose2d,
    conv_transpose2d_input,
    conv_transpose2d_weight,
)
from fastconv.grad.max_pool import (
    max_pool1d_input,
    max_pool2d_input,
    max_unpool1d_input,
    max_unpool2d_input,
    min_pool1d_input,
    min_pool2d_input,
)
from fastconv.grad.norm import batch_norm
from fastconv.grad.pool import (
    avg_pool1d_input,
    avg_pool2d_input,
    lp_pool1d_input,
    lp_pool2d_input,
    sum_pool1d_input,
    sum_pool2d_input,
)

__all__ = [
    "adaptive_avg_pool1d_input",
    "adaptive_avg_pool2d_input",
    "adaptive_max_pool1d_input",
    "adaptive_max_pool2d_input",
    "avg_pool1d_input",
    "avg_pool2d_input",
    "batch_norm",
    "conv1d",
    "conv1d_bias",
    "conv1d_input",
    "conv1d_weight",
    "conv2d",
    "conv2d_bias",
    "conv2d_input",
    "conv2d_weight",
    "conv_transpose1d",
    "conv_transpose1d_bias",
    "conv_transpose1d_input",
    "conv_transpose1d_weight",
    "conv_transpose2d",
    "conv_transpose2d_bias",
    "conv_transpose2d_input",
    "conv_transpose2d_weight",
    "elu",
    "fold_input",
    "gelu",
    "global_avg_pool1d_input",
    "global_avg_pool2d_input",
    "global_max_pool1d_input",
    "global_max_pool2d_input",
    "global_sum_pool1d_input",
    "global_sum_pool2d_input",
    "hardsigmoid",
    "hardswish",
    "leaky_relu",
    "lp_pool1d_input",
    "lp_pool2d_input",
    "max_pool1d_input",
    "max_pool2d_input",
    "max_unpool1d_input",
    "max_unpool2d_input",
    "min_pool1d_input",
    "min_pool2d_input",
    "prelu",
    "relu",
    "relu6",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "sum_pool1d_input",
    "sum_pool2d_input",
    "tanh",
    "unfold_input",
]
