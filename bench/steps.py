"""Training steps: forward, loss, backward and the optimiser's step of whole networks.

`fastconv.nn` as its users write it, against the same modules in PyTorch, eager, from the same
weights and on the same batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

import fastconv
from fastconv import demo, nn

from .contest import Row, Settings, contest, invite
from .machine import Peak
from .peers import pytorch_steps
from .standing import ONE, OURS

ALLOWED = (1e-5, 1e-3)
"""Relative errors of the losses of two steps: the second one depends on all gradients."""
Arrays = tuple[np.ndarray, np.ndarray]


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


def choose(settings: Settings) -> list[Step]:
    """The steps, in float32 as the networks are."""
    words = [word.strip().lower() for word in settings.only.split(",")]
    if settings.dtype != "float32":
        return []
    found = [x for x in STEPS if any(w in f"{x.family}: {x.name}".lower() for w in words)]
    if settings.batch is None:
        return found
    return list(dict.fromkeys(replace(x, n=n) for n in settings.batch for x in found))


def prepare(step: Step, settings: Settings) -> Arrays:
    """A batch and its classes."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((step.n, *step.image), np.float32)
    return x, rng.integers(0, 10, step.n)


def our_calls(step: Step, arrays: Arrays, settings: Settings) -> dict[str, Any]:
    """A step of `fastconv.nn` on all threads, and on one."""

    def call(threads: int) -> Callable[[], float]:
        (x, target), model, loss = arrays, step.model(), nn.SoftmaxCrossEntropy()
        # The decay keeps the moments of dead units from becoming subnormal numbers.
        optimizer: nn.Optimizer
        if step.adam:
            optimizer = nn.Adam(model.parameters(), step.rate, weight_decay=step.decay)
        else:
            optimizer = nn.SGD(model.parameters(), step.rate, 0.9, step.decay)

        def once() -> float:
            with fastconv.threads(threads):
                model.zero_grad()
                value, dy = loss(model(x), target)
                model.backward(dy)
                optimizer.step()
            return value

        return once

    calls = {OURS: call(settings.threads)}
    if settings.threads > 1:
        calls[ONE] = call(1)
    return calls


def measure(step: Step, settings: Settings, peak: Peak) -> Row:
    """One row; raises AssertionError if our losses are wrong.

    The truth is PyTorch's step in float64; without PyTorch, our own first two losses.
    """
    arrays = prepare(step, settings)
    ours = our_calls(step, arrays, settings)
    try:
        exact = pytorch_steps.losses(step, arrays, len(ALLOWED))
    except ImportError:
        again = our_calls(step, arrays, settings)[OURS]
        exact = [again() for _ in ALLOWED]

    def judge(_: str, call: Callable[[], float]) -> tuple[float, float]:
        errors = [abs(call() - right) / abs(right) for right in exact]
        pairs = zip(errors, ALLOWED, strict=True)
        return max(error / allowed for error, allowed in pairs), max(errors)

    theirs = invite({"torch": pytorch_steps.steps}, step, arrays, settings)
    found = contest(f"{step.name}, N = {step.n}", ours, theirs, judge, settings, peak)
    return {
        "family": step.family,
        "layer": step.name,
        "n": step.n,
        "kind": "training steps",
        **found,
    }
