"""Training steps: forward, loss, backward and the optimiser's step of whole networks.

`fastconv.nn` as its users write it, against the same modules in PyTorch, eager, from the same
weights and on the same batch.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

import fastconv
from fastconv import nn

from ..items.steps import STEPS, Step
from ..items.words import named
from ..peers import pytorch_steps
from ..race.contest import ONE, OURS, Row, Settings, contest, invite
from ..race.machine import Peak

ALLOWED = (1e-5, 1e-3)
"""Relative errors of the losses of two steps: the second one depends on all gradients."""
Arrays = tuple[np.ndarray, np.ndarray]


def choose(settings: Settings) -> list[Step]:
    """The steps, in float32 as the networks are."""
    if settings.dtype != "float32":
        return []
    found = named(STEPS, settings.only)
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
