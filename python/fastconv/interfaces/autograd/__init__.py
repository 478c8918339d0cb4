"""fastconv for HIPS autograd: its convolutions, pools and activations as primitives.

::

    import autograd.numpy as np
    from autograd import grad
    from fastconv.interfaces.autograd import conv2d, max_pool2d

    def loss(w, x):
        return np.sum(max_pool2d(conv2d(x, w, padding=1, activation="relu"), 2) ** 2)

    dw = grad(loss)(w, x)

Each function has the name and the arguments of fastconv's, but `out`, and is differentiable as
often as one likes, backwards (``grad``, ``make_vjp``) and forwards (``make_jvp``): by its arrays
`input`, `weight`, `bias` and `residual`, and `x`. Gradients are fastconv's own kernels.
"""

from __future__ import annotations

from importlib import metadata

try:
    from fastconv.interfaces.autograd._activations import (
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
    from fastconv.interfaces.autograd._conv import (
        conv1d,
        conv2d,
        conv_transpose1d,
        conv_transpose2d,
    )
    from fastconv.interfaces.autograd._linear import (
        adaptive_avg_pool1d,
        adaptive_avg_pool2d,
        avg_pool1d,
        avg_pool2d,
        fold,
        global_avg_pool1d,
        global_avg_pool2d,
        global_sum_pool1d,
        global_sum_pool2d,
        sum_pool1d,
        sum_pool2d,
        unfold,
    )
    from fastconv.interfaces.autograd._pool import (
        adaptive_max_pool1d,
        adaptive_max_pool2d,
        global_max_pool1d,
        global_max_pool2d,
        lp_pool1d,
        lp_pool2d,
        max_pool1d,
        max_pool2d,
        max_unpool1d,
        max_unpool2d,
        min_pool1d,
        min_pool2d,
    )
except (ImportError, AttributeError) as error:  # the second from older ones, of NumPy 2
    try:
        _found = f", got {metadata.version('autograd')}"
    except metadata.PackageNotFoundError:
        _found = ""
    raise ImportError(
        f"fastconv.interfaces.autograd needs autograd 1.7 or later{_found}: "
        "pip install 'fastconv[autograd]'"
    ) from error

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "avg_pool1d",
    "avg_pool2d",
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
    "prelu",
    "relu",
    "relu6",
    "sigmoid",
    "silu",
    "softmax",
    "softplus",
    "sum_pool1d",
    "sum_pool2d",
    "tanh",
    "unfold",
]
