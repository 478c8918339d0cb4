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
from .containers import Residual, Sequential
from .conv import Conv1d, Conv2d, ConvTranspose1d, ConvTranspose2d
from .dense import Dense, Dropout, Flatten, Linear
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
from .layer import Layer
from .loading import load_keras_weights, load_torch_state
from .losses import MSE, SoftmaxCrossEntropy
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
    "BatchNorm1d",
    "BatchNorm2d",
    "Conv1d",
    "Conv2d",
    "ConvTranspose1d",
    "ConvTranspose2d",
    "Dense",
    "Dropout",
    "Flatten",
    "GlobalAvgPool1d",
    "GlobalAvgPool2d",
    "GlobalMaxPool1d",
    "GlobalMaxPool2d",
    "Hardsigmoid",
    "Hardswish",
    "LPPool1d",
    "LPPool2d",
    "Layer",
    "LeakyReLU",
    "Linear",
    "MaxPool1d",
    "MaxPool2d",
    "MinPool1d",
    "MinPool2d",
    "Optimizer",
    "PReLU",
    "ReLU",
    "Residual",
    "Sequential",
    "SiLU",
    "Sigmoid",
    "Softmax",
    "SoftmaxCrossEntropy",
    "Softplus",
    "SumPool1d",
    "SumPool2d",
    "Tanh",
    "fit",
    "load_keras_weights",
    "load_torch_state",
    "predict",
]
