"""fastconv for PyTorch: its functions on CPU tensors, and torch's own calls on our kernels.

``conv2d`` and its like have the names, signatures and meaning of `torch.nn.functional`, and
gradients of every order. Inside of ``with enabled():`` torch's own functions, and so ``nn.Conv2d``
and whole models, take them; `explain` tells afterwards which calls did. All are registered as
operators, ``torch.ops.fastconv.*``.
"""

from __future__ import annotations

try:
    import torch
except ImportError as error:
    raise ImportError(
        "fastconv.interfaces.torch needs torch 2.13 or later: pip install 'fastconv[torch]'"
    ) from error

# ruff: noqa: E402
from fastconv.interfaces.torch import _version

_version.check(torch)

from fastconv.interfaces.torch._conv_functions import (
    conv1d,
    conv2d,
    conv_transpose1d,
    conv_transpose2d,
)
from fastconv.interfaces.torch._mode import disable, enable, enabled
from fastconv.interfaces.torch._plans import load_plan
from fastconv.interfaces.torch._pool_functions import (
    adaptive_avg_pool1d,
    adaptive_avg_pool2d,
    adaptive_max_pool1d,
    adaptive_max_pool2d,
    avg_pool1d,
    avg_pool2d,
    fold,
    lp_pool1d,
    lp_pool2d,
    max_pool1d,
    max_pool2d,
    max_unpool1d,
    max_unpool2d,
    unfold,
)
from fastconv.interfaces.torch._report import explain

del torch

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
    "disable",
    "enable",
    "enabled",
    "explain",
    "fold",
    "load_plan",
    "lp_pool1d",
    "lp_pool2d",
    "max_pool1d",
    "max_pool2d",
    "max_unpool1d",
    "max_unpool2d",
    "unfold",
]
