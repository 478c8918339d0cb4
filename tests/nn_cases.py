"""Every layer with an input that suits it: one row, one case."""

from __future__ import annotations

import re
from typing import get_args

import numpy as np
import pytest

from fastconv import nn
from fastconv.typing import ActivationName

F64 = {"dtype": np.float64, "rng": 3}


def draw(*shape):
    """Distinct values: no ties for pools, nothing within a step of a kink at zero."""
    values = np.linspace(-1, 1, int(np.prod(shape)) + 1)[1:]
    values = np.where(np.abs(values) < 0.01, 0.01, values)
    return np.random.default_rng(11).permutation(values).reshape(shape)


def prelu_of(n, **how):
    """A PReLU whose slopes differ."""
    layer = nn.PReLU(n, dtype=F64["dtype"], **how)
    layer.weight = np.linspace(0.2, -0.3, n).astype(F64["dtype"])
    return layer


def scaled(layer):
    """A layer whose weights, and bias, differ."""
    shape, dtype = layer.weight.shape, layer.weight.dtype
    layer.weight = np.linspace(0.5, -1.5, layer.weight.size, dtype=dtype).reshape(shape)
    if layer.bias is not None:
        layer.bias = np.linspace(-1, 2, layer.bias.size, dtype=dtype).reshape(shape)
    return layer


LAYERS = {
    "conv2d": (lambda: nn.Conv2d(3, 4, 3, padding="same", **F64), (2, 3, 5, 6)),
    "conv2d strided, dilated, grouped": (
        lambda: nn.Conv2d(4, 6, (3, 2), stride=(2, 1), dilation=(1, 2), groups=2, **F64),
        (2, 4, 7, 6),
    ),
    "conv2d reflect, no bias": (
        lambda: nn.Conv2d(2, 3, 3, padding=1, padding_mode="reflect", bias=False, **F64),
        (2, 2, 5, 4),
    ),
    "conv2d channels last": (
        lambda: nn.Conv2d(2, 3, 3, padding=((1, 2), (0, 1)), data_format="channels_last", **F64),
        (2, 5, 4, 2),
    ),
    "conv2d of one sample": (lambda: nn.Conv2d(2, 3, 3, **F64), (2, 5, 4)),
    "conv1d causal": (lambda: nn.Conv1d(2, 3, 3, padding="causal", dilation=2, **F64), (2, 2, 9)),
    "conv_transpose2d": (
        lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2, **F64),
        (2, 4, 3, 4),
    ),
    "conv_transpose1d": (
        lambda: nn.ConvTranspose1d(2, 3, 4, stride=3, activation="tanh", **F64),
        (2, 2, 4),
    ),
    **{
        f"conv2d with {a}": (
            lambda a=a: nn.Conv2d(2, 3, 3, padding=1, activation=a, **F64),
            (2, 2, 4, 4),
        )
        for a in get_args(ActivationName)
    },
    "conv2d with a negative slope": (
        lambda: nn.Conv2d(2, 3, 3, activation=("leaky_relu", -0.5), **F64),
        (2, 2, 4, 4),
    ),
    "conv2d with an alpha": (
        lambda: nn.Conv2d(2, 3, 3, activation=("elu", 0.5), **F64),
        (2, 2, 4, 4),
    ),
    "conv2d with a negative alpha": (
        lambda: nn.Conv2d(2, 3, 3, activation=("elu", -0.5), **F64),
        (2, 2, 4, 4),
    ),
    "conv2d and prelu by channel": (
        lambda: nn.Sequential(nn.Conv2d(2, 3, 3, **F64), prelu_of(3)),
        (2, 2, 4, 4),
    ),
    "conv1d and prelu, channels last": (
        lambda: nn.Sequential(
            nn.Conv1d(2, 3, 3, data_format="channels_last", **F64),
            prelu_of(3, data_format="channels_last"),
        ),
        (2, 6, 2),
    ),
    "conv2d and one slope": (
        lambda: nn.Sequential(nn.Conv2d(2, 3, 3, **F64), prelu_of(1)),
        (2, 2, 4, 4),
    ),
    "conv2d of one sample and prelu by its rows": (
        lambda: nn.Sequential(nn.Conv2d(2, 3, 3, **F64), prelu_of(3)),
        (2, 5, 6),
    ),
    "conv_transpose2d with gelu": (
        lambda: nn.ConvTranspose2d(2, 3, 2, activation="gelu", **F64),
        (2, 2, 3, 3),
    ),
    "linear": (lambda: nn.Linear(5, 3, **F64), (4, 5)),
    "linear on more axes": (lambda: nn.Linear(5, 3, bias=False, **F64), (2, 3, 5)),
    "flatten": (nn.Flatten, (2, 3, 2, 2)),
    "relu": (nn.ReLU, (3, 7)),
    "leaky_relu": (lambda: nn.LeakyReLU(0.2), (3, 7)),
    "sigmoid": (nn.Sigmoid, (3, 7)),
    "tanh": (nn.Tanh, (3, 7)),
    "silu": (nn.SiLU, (3, 7)),
    "gelu": (nn.GELU, (3, 7)),
    "gelu tanh": (lambda: nn.GELU("tanh"), (3, 7)),
    "hardsigmoid": (nn.Hardsigmoid, (3, 7)),
    "hardswish": (nn.Hardswish, (3, 7)),
    "elu": (lambda: nn.ELU(0.5), (3, 7)),
    "softplus": (nn.Softplus, (3, 7)),
    "prelu": (lambda: prelu_of(1), (3, 7)),
    "prelu by channel": (lambda: prelu_of(3), (2, 3, 7)),
    "softmax": (nn.Softmax, (3, 7)),
    "softmax on channels": (lambda: nn.Softmax(axis=1), (2, 3, 4)),
    "max_pool2d": (lambda: nn.MaxPool2d(3, 2, 1), (2, 2, 6, 7)),
    "max_pool1d": (lambda: nn.MaxPool1d(2, dilation=2, ceil_mode=True), (2, 2, 8)),
    "min_pool2d": (lambda: nn.MinPool2d(2), (2, 2, 4, 6)),
    "min_pool1d": (lambda: nn.MinPool1d(3, 1), (2, 2, 6)),
    "avg_pool2d": (
        lambda: nn.AvgPool2d(3, 2, 1, ceil_mode=True, count_include_pad=False),
        (2, 2, 6, 7),
    ),
    "avg_pool1d": (lambda: nn.AvgPool1d(2, divisor_override=3, dilation=2), (2, 2, 7)),
    "sum_pool2d": (lambda: nn.SumPool2d(2, padding="same"), (2, 2, 5, 5)),
    "sum_pool1d": (lambda: nn.SumPool1d(2, 1, dilation=2), (2, 2, 7)),
    "lp_pool2d": (lambda: nn.LPPool2d(3, 2), (2, 2, 4, 6)),
    "lp_pool1d": (lambda: nn.LPPool1d(2, 3, 1), (2, 2, 6)),
    "adaptive_avg_pool2d": (lambda: nn.AdaptiveAvgPool2d((3, None)), (2, 2, 7, 5)),
    "adaptive_avg_pool1d": (lambda: nn.AdaptiveAvgPool1d(3), (2, 2, 7)),
    "adaptive_max_pool2d": (lambda: nn.AdaptiveMaxPool2d(2), (2, 2, 5, 5)),
    "adaptive_max_pool1d": (lambda: nn.AdaptiveMaxPool1d(3), (2, 2, 7)),
    "global_avg_pool2d": (
        lambda: nn.GlobalAvgPool2d(data_format="channels_last"),
        (2, 3, 4, 2),
    ),
    "global_avg_pool1d": (nn.GlobalAvgPool1d, (2, 3, 5)),
    "global_max_pool2d": (nn.GlobalMaxPool2d, (2, 3, 4, 4)),
    "global_max_pool1d": (nn.GlobalMaxPool1d, (2, 3, 5)),
    "batch_norm2d": (lambda: nn.BatchNorm2d(num_features=3, dtype=np.float64), (4, 3, 2, 3)),
    "batch_norm2d channels last": (
        lambda: nn.BatchNorm2d(data_format="channels_last"),
        (4, 2, 3, 3),
    ),
    "batch_norm1d": (nn.BatchNorm1d, (6, 3)),
    "batch_norm1d of a sequence": (nn.BatchNorm1d, (3, 3, 4)),
    "residual": (lambda: nn.Residual(nn.Conv2d(3, 3, 3, padding=1, **F64)), (2, 3, 4, 4)),
    "residual with a shortcut": (
        lambda: nn.Residual(nn.Conv2d(3, 4, 3, 2, 1, **F64), nn.Conv2d(3, 4, 1, 2, **F64)),
        (2, 3, 5, 4),
    ),
    "residual with batch_norm": (
        lambda: nn.Residual(
            nn.Sequential(nn.Conv1d(3, 4, 3, padding=1, **F64), nn.BatchNorm1d()),
            shortcut=nn.Sequential(nn.Conv1d(3, 4, 1, **F64), nn.BatchNorm1d()),
        ),
        (2, 3, 5),
    ),
    "concat of convs": (
        lambda: nn.Concat(
            nn.Sequential(),
            nn.Conv2d(3, 2, 3, padding=1, **F64),
            nn.Sequential(nn.Conv2d(3, 4, 1, **F64), nn.Tanh()),
        ),
        (2, 3, 4, 5),
    ),
    "concat, channels last": (
        lambda: nn.Concat(
            nn.AvgPool2d(3, 1, 1, data_format="channels_last"), nn.Sigmoid(), axis=-1
        ),
        (2, 4, 5, 3),
    ),
    "flatten some axes": (lambda: nn.Flatten(-2), (2, 3, 4, 5)),
    "unflatten": (lambda: nn.Unflatten(1, (2, -1)), (3, 8, 2)),
    "reshape": (lambda: nn.Reshape(2, -1, 3), (2, 6, 4)),
    "upsample nearest": (lambda: nn.Upsample(scale_factor=2), (2, 3, 4, 5)),
    "upsample nearest, no whole factor": (lambda: nn.Upsample(scale_factor=1.7), (2, 3, 7)),
    "upsample nearest, channels last": (
        lambda: nn.Upsample(scale_factor=(2, 3), data_format="channels_last"),
        (2, 3, 4, 5),
    ),
    "upsample to smaller": (lambda: nn.Upsample(size=(3, 2)), (2, 3, 7, 5)),
    "upsample linear": (lambda: nn.Upsample(9, mode="linear"), (2, 3, 4)),
    "upsample bilinear": (lambda: nn.Upsample(None, (2, 1.5), "bilinear"), (2, 3, 4, 5)),
    "upsample bilinear, corners aligned": (
        lambda: nn.Upsample((7, 3), mode="bilinear", align_corners=True),
        (2, 3, 4, 5),
    ),
    "upsample bilinear, channels last": (
        lambda: nn.Upsample(scale_factor=2, mode="bilinear", data_format="channels_last"),
        (2, 3, 4, 5),
    ),
    "group_norm": (lambda: scaled(nn.GroupNorm(2, 4, dtype=F64["dtype"])), (3, 4, 2, 3)),
    "group_norm channels last": (
        lambda: scaled(nn.GroupNorm(3, 6, data_format="channels_last", dtype=F64["dtype"])),
        (2, 5, 6),
    ),
    "group_norm without parameters": (
        lambda: nn.GroupNorm(2, 4, 1e-3, False, dtype=F64["dtype"]),
        (2, 4),
    ),
    "layer_norm": (lambda: scaled(nn.LayerNorm(5, dtype=F64["dtype"])), (2, 3, 5)),
    "layer_norm over two axes, no bias": (
        lambda: scaled(nn.LayerNorm((3, 5), bias=False, dtype=F64["dtype"])),
        (2, 3, 5),
    ),
    "layer_norm without parameters": (
        lambda: nn.LayerNorm((4,), 1e-5, False, dtype=F64["dtype"]),
        (2, 3, 4),
    ),
    "sequential": (
        lambda: nn.Sequential(
            nn.Conv2d(1, 4, 3, padding="same", **F64),
            nn.BatchNorm2d(),
            nn.SiLU(),
            nn.AvgPool2d(2),
            nn.Residual(nn.Sequential(nn.Conv2d(4, 4, 3, padding=1, **F64), nn.Tanh())),
            nn.Flatten(),
            nn.Linear(16, 3, **F64),
        ),
        (3, 1, 4, 4),
    ),
}
NORMS = [name for name in LAYERS if "batch_norm" in name or name == "sequential"]
WITHOUT_NORMS = [name for name in LAYERS if name not in NORMS]
FLOAT64 = [
    name for name in LAYERS if re.search("conv|prelu|^linear|residual|group_norm|layer_norm", name)
]
each_layer = pytest.mark.parametrize("name", LAYERS)


def made(name):
    make, shape = LAYERS[name]
    return make(), draw(*shape)
