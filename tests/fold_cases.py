"""Models whose evaluation runs several layers as one call: one row, one case."""

from __future__ import annotations

import numpy as np
import pytest

from fastconv import nn
from nn_cases import draw

F32, F64 = np.float32, np.float64


def conv2d(c_in, c_out, kernel, dtype=F64, **how):
    return nn.Conv2d(c_in, c_out, kernel, dtype=dtype, rng=c_in + c_out, **how)


def transposed(c_in, c_out, kernel, dtype=F64, **how):
    return nn.ConvTranspose2d(c_in, c_out, kernel, dtype=dtype, rng=c_in + c_out, **how)


def norm2d(channels, dtype=F64, **how):
    """A normalisation with statistics, weights and biases of its own in every channel."""
    norm = nn.BatchNorm2d(num_features=channels, dtype=dtype, **how)
    rng = np.random.default_rng(channels)
    norm.load_state_dict(
        {
            "weight": rng.uniform(-2, 2, channels).astype(dtype),
            "bias": rng.standard_normal(channels).astype(dtype),
            "running_mean": rng.standard_normal(channels).astype(dtype),
            "running_var": rng.uniform(0.2, 3, channels).astype(dtype),
            "num_batches_tracked": np.array(3),
        }
    )
    return norm


LAST = {"data_format": "channels_last"}
MODELS = {  # the layers, the input's shape, and how many calls of plans and of batch_norm they take
    "conv, norm": (lambda t: (conv2d(3, 5, 3, t), norm2d(5, t)), (2, 3, 7, 6), 1, 0),
    "conv, norm, relu": (
        lambda t: (conv2d(3, 5, 3, t, padding=1), norm2d(5, t), nn.ReLU()),
        (2, 3, 7, 6),
        1,
        0,
    ),
    "conv without bias, strided, grouped": (
        lambda t: (conv2d(4, 6, 3, t, stride=2, groups=2, bias=False), norm2d(6, t), nn.SiLU()),
        (2, 4, 7, 6),
        1,
        0,
    ),
    "depthwise, reflected": (
        lambda t: (
            conv2d(4, 8, 3, t, groups=4, padding=1, padding_mode="reflect"),
            norm2d(8, t),
            nn.GELU(),
        ),
        (2, 4, 7, 6),
        1,
        0,
    ),
    "channels last": (
        lambda t: (conv2d(3, 5, 3, t, **LAST), norm2d(5, t, **LAST), nn.LeakyReLU(0.2)),
        (2, 7, 6, 3),
        1,
        0,
    ),
    "transposed, grouped": (
        lambda t: (transposed(4, 6, 3, t, stride=2, groups=2), norm2d(6, t), nn.Tanh()),
        (2, 4, 5, 4),
        1,
        0,
    ),
    "signals": (
        lambda t: (
            nn.Conv1d(3, 4, 3, padding="causal", dtype=t, rng=0),
            nn.BatchNorm1d(num_features=4, dtype=t),
            nn.Sigmoid(),
        ),
        (2, 3, 9),
        1,
        0,
    ),
    "a norm in front": (
        lambda t: (norm2d(3, t), nn.ReLU(), conv2d(3, 5, 3, t)),
        (2, 3, 7, 6),
        1,
        1,
    ),
    "a norm in front and one behind": (
        lambda t: (norm2d(3, t), nn.GELU(), conv2d(3, 5, 3, t), norm2d(5, t)),
        (2, 3, 7, 6),
        1,
        1,
    ),
    "two norms": (
        lambda t: (conv2d(3, 5, 3, t), norm2d(5, t), norm2d(5, t), nn.ReLU()),
        (2, 3, 7, 6),
        1,
        1,
    ),
    "a residual block": (
        lambda t: (
            nn.Residual(
                nn.Sequential(
                    conv2d(4, 4, 3, t, padding=1),
                    norm2d(4, t),
                    nn.ReLU(),
                    conv2d(4, 4, 3, t, padding=1),
                    norm2d(4, t),
                )
            ),
            nn.ReLU(),
        ),
        (2, 4, 6, 5),
        2,
        0,
    ),
    "a residual norm": (lambda t: (nn.Residual(norm2d(4, t)), nn.ReLU()), (2, 4, 6, 5), 0, 1),
    "a residual convolution": (
        lambda t: (nn.Residual(conv2d(4, 4, 1, t)), nn.SiLU()),
        (2, 4, 6, 5),
        1,
        0,
    ),
    "residuals inside each other": (
        lambda t: (nn.Residual(nn.Sequential(nn.Residual(conv2d(4, 4, 1, t)), nn.ReLU())),),
        (2, 4, 6, 5),
        1,
        0,
    ),
    "a residual that ends in an activation": (
        lambda t: (nn.Residual(nn.Sequential(conv2d(4, 4, 1, t), nn.Tanh())), nn.ReLU()),
        (2, 4, 6, 5),
        1,
        0,
    ),
    "a residual of a transposed convolution": (
        lambda t: (nn.Residual(transposed(4, 4, 1, t)), nn.ReLU()),
        (2, 4, 6, 5),
        1,
        0,
    ),
    "nested": (
        lambda t: (nn.Sequential(conv2d(3, 4, 3, t), norm2d(4, t)), nn.ReLU(), nn.Flatten()),
        (2, 3, 6, 5),
        1,
        0,
    ),
    "an activation of its own stays in front of the norm": (
        lambda t: (conv2d(3, 5, 3, t, activation="relu"), norm2d(5, t), nn.Tanh()),
        (2, 3, 7, 6),
        1,
        1,
    ),
    "pools and dense layers between": (
        lambda t: (
            conv2d(3, 4, 3, t),
            norm2d(4, t),
            nn.MaxPool2d(2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(16, 3, dtype=t, rng=1),
            nn.ReLU(),
        ),
        (2, 3, 6, 6),
        1,
        0,
    ),
    "two activations": (
        lambda t: (conv2d(3, 4, 3, t), norm2d(4, t), nn.Tanh(), nn.ReLU(), nn.GELU("tanh")),
        (2, 3, 6, 6),
        1,
        0,
    ),
}
each_model = pytest.mark.parametrize("name", MODELS)


def built(name, dtype=F64):
    layers, shape, *_ = MODELS[name]
    return nn.Sequential(*layers(dtype)).eval(), draw(*shape).astype(dtype)


def one_by_one(model, x):
    """Every layer by itself, in NumPy's order."""
    for layer in model:
        if isinstance(layer, nn.Sequential):
            x = one_by_one(layer, x)
        elif isinstance(layer, nn.Residual):
            inner = layer.layer
            x = x + (one_by_one(inner, x) if isinstance(inner, nn.Sequential) else inner(x))
        else:
            x = layer(x)
    return x
