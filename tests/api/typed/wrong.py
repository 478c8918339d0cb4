"""Calls that type checkers must refuse, in each line marked `wrong`; never run."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

import fastconv as fc
from fastconv import nn

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]
Bool = NDArray[np.bool_]


def mixed(x: F32, w: F32, x64: F64, w64: F64, i: I64, mask: Bool) -> None:
    fc.conv2d(x, w64)  # wrong
    fc.conv2d(x64, w64, x)  # wrong
    fc.conv1d(x, w, out=x64)  # wrong
    fc.conv2d(x, w, residual=x64)  # wrong
    fc.conv_transpose2d(x64, w)  # wrong
    fc.conv2d(i, i)  # wrong
    fc.avg_pool2d(i, 2)  # wrong
    fc.max_pool2d(x, 2, out=x64)  # wrong
    fc.max_pool2d(mask, 2)  # wrong
    fc.max_unpool2d(x, x, 2)  # wrong
    fc.relu(i)  # wrong
    fc.add(x, x64)  # wrong
    fc.batch_norm(x, x64, x64)  # wrong
    fc.grad.conv2d(x, w, x64)  # wrong
    fc.grad.conv2d_weight(x, (1, 1, 1, 1), x64)  # wrong
    fc.grad.max_pool2d_input(x, x, (1, 1, 4, 4))  # wrong
    y: F64 = fc.conv2d(x, w)  # wrong
    fc.Conv2dPlan((1, 3, 8, 8), w)(x64)  # wrong
    fc.Conv2dPlan((1, 3, 8, 8), w, w64)  # wrong
    fc.relu(y)


def arguments(x: F32, w: F32) -> None:
    fc.conv2d(x)  # wrong
    fc.conv2d(x, w, stride=1.5)  # wrong
    fc.conv2d(x, w, padding_mode="mirror")  # wrong
    fc.conv2d(x, w, data_format="NHWC")  # wrong
    fc.conv2d(x, w, precision="low")  # wrong
    fc.conv2d(x, w, groups="2")  # wrong
    fc.conv2d(x, w, activation=3)  # wrong
    fc.conv2d(x, w, activation="swish")  # wrong
    fc.conv2d(x, w, activation=("relu", 0.1))  # wrong
    fc.conv2d(x, w, activation="prelu")  # wrong
    fc.conv2d(x, w, activation=("prelu", 0.1))  # wrong
    fc.conv2d(x, w, padding="causal")  # wrong
    fc.conv2d(x, w, padding="SAME")  # wrong
    fc.conv_transpose2d(x, w, padding="full")  # wrong
    fc.max_pool2d(x, 2, padding="full")  # wrong
    fc.gelu(x, approximate="fast")  # wrong
    fc.Conv2dPlan((1, 3, 8, 8), w, precision="low")  # wrong
    nn.Conv2d(3, 8, 3, data_format="NHWC")  # wrong
    nn.GELU("fast")  # wrong
    fc.conv2d(x, w, None, 1, 0, 1, 1, "zeros")  # wrong
    fc.relu(x=x)  # wrong
    fc.lp_pool2d(x, 2.0)  # wrong
    fc.set_isa(3)  # wrong
