"""Every operation and every gradient in NumPy float64, in its plainest form.

This is the specification: each function has the name, the arguments and the meaning of its namesake
in fastconv and is what that one is tested against. Results are float64, but for pools of integers.
It is written to be read: nothing is fast, and few arguments are checked. What an argument
may be is said by the namesake; here stands what is computed.

`reference.grad` holds the gradients, as `fastconv.grad` does.

Examples
--------
>>> from fastconv import reference
>>> reference.conv2d([[[1, 2], [3, 4]]], [[[[1, 1], [1, 1]]]])
array([[[10.]]])
"""

from __future__ import annotations

from . import grad
from ._geometry import pad, resolve_padding
from .activations import (
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
from .adaptive import (
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
from .columns import fold, max_unpool1d, max_unpool2d, unfold
from .conv import conv1d, conv2d, conv_transpose1d, conv_transpose2d
from .norm import add, batch_norm
from .pool import (
    avg_pool1d,
    avg_pool2d,
    lp_pool1d,
    lp_pool2d,
    max_pool1d,
    max_pool2d,
    min_pool1d,
    min_pool2d,
    sum_pool1d,
    sum_pool2d,
)
from .stream import causal_conv1d

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "add",
    "avg_pool1d",
    "avg_pool2d",
    "batch_norm",
    "causal_conv1d",
    "conv1d",
    "conv2d",
    "conv_transpose1d",
    "conv_transpose2d",
    "elu",
    "fold",
    "gelu",
    "global_avg_pool1d",
    "global_avg_pool2d",
    "global_max_pool1d",
    "global_max_pool2d",
    "global_sum_pool1d",
    "global_sum_pool2d",
    "grad",
    "hardsigmoid",
    "hardswish",
    "leaky_relu",
    "lp_pool1d",
    "lp_pool2d",
    "max_pool1d",
    "max_pool2d",
    "max_unpool1d",
    "max_unpool2d",
    "min_pool1d",
    "min_pool2d",
    "pad",
    "prelu",
    "relu",
    "relu6",
    "resolve_padding",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "sum_pool1d",
    "sum_pool2d",
    "tanh",
    "unfold",
]
