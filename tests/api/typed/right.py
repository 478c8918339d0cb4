"""Calls that type checkers must accept, and the types they must find; never run."""

from __future__ import annotations

from typing import Any, assert_type

import numpy as np
from numpy.typing import NDArray

import fastconv as fc

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I64 = NDArray[np.int64]


def convolutions(x: F32, w: F32, b: F32, x64: F64, w64: F64) -> None:
    assert_type(fc.conv1d(x, w), F32)
    assert_type(fc.conv2d(x, w, b, 2, (1, 2), dilation=(1, 1), groups=2), F32)
    assert_type(fc.conv2d(x64, w64, padding="same", padding_mode="reflect"), F64)
    assert_type(fc.conv2d(x, w, activation=("leaky_relu", 0.1), residual=x, out=x), F32)
    assert_type(fc.conv2d(x, w, activation=("elu", 0.1)), F32)
    assert_type(fc.conv2d(x, w, activation=("prelu", x)), F32)
    assert_type(fc.conv2d(x, w, data_format="channels_last", precision="highest"), F32)
    assert_type(fc.conv2d(x64, w64, precision="medium"), F64)
    assert_type(fc.conv2d(x, w, padding=((0, 1), (2, 3)), algorithm="direct", threads=2), F32)
    assert_type(fc.conv1d(x, w, padding="causal", algorithm=str(w.dtype)), F32)
    assert_type(fc.conv_transpose1d(x64, w64, None, 2, output_padding=1), F64)
    assert_type(fc.conv_transpose2d(x, w, b, stride=np.int64(2), output_size=(9, 9)), F32)
    assert_type(fc.unfold(x64, 3), F64)
    assert_type(fc.fold(x, (4, 4), 3), F32)


def pools(x: F32, x64: F64, i: NDArray[np.uint8], where: I64) -> None:
    assert_type(fc.max_pool2d(x, 2), F32)
    assert_type(fc.max_pool1d(i, 2), NDArray[np.uint8])
    assert_type(fc.min_pool2d(x64, 2, return_indices=True), tuple[F64, I64])
    assert_type(fc.avg_pool1d(x, 3, count_include_pad=False), F32)
    assert_type(fc.sum_pool2d(i, 3, ceil_mode=True), NDArray[np.uint8])
    assert_type(fc.lp_pool2d(x64, 2.0, 3), F64)
    assert_type(fc.adaptive_avg_pool2d(x, (None, 3)), F32)
    assert_type(fc.adaptive_max_pool1d(x, 3, return_indices=True), tuple[F32, I64])
    assert_type(fc.global_sum_pool2d(i), NDArray[np.uint8])
    assert_type(fc.global_avg_pool1d(x64), F64)
    assert_type(fc.max_unpool2d(x, where, 2), F32)


def elementwise(x: F32, x64: F64) -> None:
    assert_type(fc.relu(x), F32)
    assert_type(fc.batch_norm(x, x, x, x, activation="relu", out=x), F32)
    assert_type(fc.add(x, x, activation=("leaky_relu", 0.1)), F32)
    assert_type(fc.batch_norm(x, x, x, activation=("prelu", x)), F32)
    assert_type(fc.grad.batch_norm(x, x, x, x), tuple[F32, F32, F32])
    assert_type(fc.leaky_relu(x64, 0.1), F64)
    assert_type(fc.elu(x64, 0.1), F64)
    assert_type(fc.prelu(x, x, data_format="channels_last"), F32)
    assert_type(fc.grad.prelu(x64, x64, x64), tuple[F64, F64])
    assert_type(fc.gelu(x, approximate="tanh"), F32)
    assert_type(fc.softmax(x64, axis=0), F64)


def gradients(x: F32, w: F32, dy: F32, x64: F64, w64: F64, where: I64) -> None:
    assert_type(fc.grad.conv2d_input((1, 3, 8, 8), w, dy, padding=1), F32)
    assert_type(fc.grad.conv1d_weight(x64, w64.shape, x64), F64)
    assert_type(fc.grad.conv2d_bias(dy), F32)
    dx, dw, db = fc.grad.conv2d(x, w, dy, activation="relu", output=dy)
    assert_type(dx, F32 | None)
    assert_type(dw, F32 | None)
    assert_type(db, F32 | None)
    assert_type(fc.grad.conv_transpose2d_input(x.shape, w, dy), F32)
    assert_type(fc.grad.max_pool2d_input(dy, where, (1, 3, 8, 8)), F32)
    assert_type(fc.grad.avg_pool1d_input(x64, (1, 3, 8), 2), F64)
    assert_type(fc.grad.silu(dy, x), F32)


def plans(x: F32, w: F32, b: F32, w64: F64) -> None:
    plan = fc.Conv2dPlan((1, 3, 8, 8), w, b, padding="same", activation="relu")
    assert_type(plan, fc.Conv2dPlan[np.float32])
    assert_type(plan(x, residual=x), F32)
    assert_type(plan.input_grad(x), F32)
    assert_type(plan.with_shape((2, 3, 9, 9)), fc.Conv2dPlan[np.float32])
    assert_type(fc.tune(plan), fc.Conv2dPlan[np.float32])
    assert_type(fc.ConvTranspose1dPlan((3, 8), w64), fc.ConvTranspose1dPlan[np.float64])


def the_rest(anything: NDArray[Any]) -> None:
    assert_type(fc.conv_output_shape((1, 3, 8, 8), (4, 3, 3, 3)), tuple[int, ...])
    assert_type(fc.resolve_padding("same", 8, 3), tuple[int, int])
    assert_type(fc.get_include(), str)
    assert_type(fc.supported_isas(), list[str])
    fc.relu(anything)
    with fc.threads(2), fc.precision("highest"):
        fc.set_num_threads(1)
