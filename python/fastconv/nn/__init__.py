"""Layers, losses and optimisers: thin, on the functions and gradients of fastconv.

A layer holds parameters, calls a function, and knows its gradient; there is no tape.

Examples
--------
>>> import numpy as np
>>> from fastconv import nn
>>> model = nn.Sequential(
...     nn.Conv2d(1, 8, 3, padding="same", rng=0), nn.ReLU(), nn.Flatten(), nn.Linear(128, 2, rng=1)
... )
>>> x, target = np.ones((6, 1, 4, 4), np.float32), np.array([0, 1, 0, 1, 0, 1])
>>> optimizer = nn.Adam(model.parameters(), lr=1e-3)
>>> value, grad = nn.SoftmaxCrossEntropy()(model(x), target)
>>> dx = model.backward(grad)
>>> optimizer.step()
>>> model.zero_grad()
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ._habits import missing as _missing
from .activations import (
    ELU,
    GELU,
    Hardsigmoid,
    Hardswish,
    LeakyReLU,
    ReLU,
    Sigmoid,
    SiLU,
    Softmax,
    Softplus,
    Tanh,
)
from .branches import Concat
from .callbacks import EarlyStopping, ReduceLROnPlateau
from .containers import Residual, Sequential
from .conv import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from .dense import Dense, Linear
from .dropout import Dropout, Dropout1d, Dropout2d
from .global_pool import (
    AdaptiveAvgPool1d,
    AdaptiveAvgPool2d,
    AdaptiveMaxPool1d,
    AdaptiveMaxPool2d,
    GlobalAvgPool1d,
    GlobalAvgPool2d,
    GlobalMaxPool1d,
    GlobalMaxPool2d,
)
from .group_norm import GroupNorm, LayerNorm
from .layer import Layer
from .loading import load_keras_weights, load_torch_state
from .losses import MSE, BCEWithLogits, SoftmaxCrossEntropy
from .norm import BatchNorm1d, BatchNorm2d
from .optim import SGD, Adam, Optimizer
from .pool import (
    AvgPool1d,
    AvgPool2d,
    LPPool1d,
    LPPool2d,
    MaxPool1d,
    MaxPool2d,
    MinPool1d,
    MinPool2d,
    SumPool1d,
    SumPool2d,
)
from .predict import predict
from .prelu import PReLU
from .reshape import Flatten, Reshape, Unflatten
from .resize import Upsample
from .schedules import CosineLR, ExponentialLR, LambdaLR, MultiStepLR, StepLR
from .training import fit

__all__ = [
    "ELU",
    "GELU",
    "MSE",
    "SGD",
    "Adam",
    "AdaptiveAvgPool1d",
    "AdaptiveAvgPool2d",
    "AdaptiveMaxPool1d",
    "AdaptiveMaxPool2d",
    "AvgPool1d",
    "AvgPool2d",
    "BCEWithLogits",
    "BatchNorm1d",
    "BatchNorm2d",
    "Concat",
    "Conv1d",
    "Conv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "CosineLR",
    "Dense",
    "Dropout",
    "Dropout1d",
    "Dropout2d",
    "EarlyStopping",
    "ExponentialLR",
    "Flatten",
    "GlobalAvgPool1d",
    "GlobalAvgPool2d",
    "GlobalMaxPool1d",
    "GlobalMaxPool2d",
    "GroupNorm",
    "Hardsigmoid",
    "Hardswish",
    "LPPool1d",
    "LPPool2d",
    "LambdaLR",
    "Layer",
    "LayerNorm",
    "LeakyReLU",
    "Linear",
    "MaxPool1d",
    "MaxPool2d",
    "MinPool1d",
    "MinPool2d",
    "MultiStepLR",
    "Optimizer",
    "PReLU",
    "ReLU",
    "ReduceLROnPlateau",
    "Reshape",
    "Residual",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "SoftmaxCrossEntropy",
    "Softplus",
    "StepLR",
    "SumPool1d",
    "SumPool2d",
    "Tanh",
    "Unflatten",
    "Upsample",
    "fit",
    "load_keras_weights",
    "load_torch_state",
    "predict",
]

if not TYPE_CHECKING:  # a checker would take every name for one that exists

    def __getattr__(name: str) -> Any:
        raise _missing(name)
