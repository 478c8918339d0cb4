"""Training steps: the networks, and how each is trained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from fastconv import demo, nn


@dataclass(frozen=True)
class Step:
    """A network, the shape of one of its images, and its optimiser: Adam, or SGD with momentum.

    The rate is small where a network is deep: float32 and float64 soon part ways otherwise.
    """

    name: str
    network: Callable[[np.random.Generator], nn.Sequential]
    image: tuple[int, ...]
    n: int
    adam: bool = False
    rate: float = 1e-3
    decay: float = 1e-4
    family: str = "training step"

    def model(self) -> nn.Sequential:
        """The network with the weights that every contestant starts from."""
        return self.network(np.random.default_rng(4))


def resnet(rng: np.random.Generator, width: int = 64, stages: int = 4) -> nn.Sequential:
    """ResNet-18 for 32x32 images, without the shortcuts that change the shape."""
    layers = _conv(3, width, 3, rng=rng)
    for stage in range(stages):
        c = width << stage
        if stage:
            layers += [*_conv(c // 2, c, 3, stride=2, rng=rng), *_conv(c, c, 3, rng=rng)]
        for _ in range(1 if stage else 2):
            block = nn.Sequential(*_conv(c, c, 3, rng=rng), *_conv(c, c, 3, rng=rng)[:2])
            layers += [nn.Residual(block), nn.ReLU()]
    return nn.Sequential(*layers, *_head(c, rng))


def mobilenet(rng: np.random.Generator, width: int = 32, depth: int = 13) -> nn.Sequential:
    """MobileNet for 32x32 images: depthwise 3x3 and pointwise layers by turns."""
    layers, c = _conv(3, width, 3, rng=rng), width
    for i in range(depth):
        wider, stride = (2, 2) if i in (1, 3, 5, 11) else (2, 1) if i == 0 else (1, 1)
        layers += _conv(c, c, 3, stride=stride, groups=c, rng=rng)
        layers += _conv(c, c * wider, 1, rng=rng)
        c *= wider
    return nn.Sequential(*layers, *_head(c, rng))


def _conv(c_in: int, c_out: int, kernel: int, **more: Any) -> list[nn.Layer]:
    """Convolution, batch norm, ReLU."""
    conv = nn.Conv2d(c_in, c_out, kernel, padding=kernel // 2, bias=False, **more)
    return [conv, nn.BatchNorm2d(num_features=c_out), nn.ReLU()]


def _head(c: int, rng: np.random.Generator) -> list[nn.Layer]:
    return [nn.GlobalAvgPool2d(), nn.Flatten(), nn.Linear(c, 10, rng=rng)]


_DEMO = Step("demo", demo.network, (1, 8, 8), 32, True, demo.COARSE, demo.WEIGHT_DECAY)
STEPS = [
    _DEMO,
    replace(_DEMO, n=128),
    Step("ResNet-18-like", resnet, (3, 32, 32), 32),
    Step("MobileNet-like", mobilenet, (3, 32, 32), 32),
]
