"""What is called for each kind of step: arrays are bound ahead, so that a call names none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

import fastconv

from .graph import Array
from .join import Step

Run = Callable[..., Any]


def plan(step: Step, shape: tuple[int, ...], threads: int) -> fastconv.Conv2dPlan:
    """The plan of a convolution; of a dense layer, on an image of one pixel."""
    o = step.options
    pixels = shape if len(shape) == 4 else (*shape, 1, 1)
    weight, bias = (o[name].astype(np.float32) for name in ("weight", "bias"))
    return fastconv.Conv2dPlan(
        pixels, weight, bias, **o["geometry"], activation=o.get("activation"), threads=threads
    )


def of(step: Step, given: Sequence[Array], out: Array, threads: int) -> Run:
    """The call of a step that is no convolution."""
    return CALLS[step.kind](step, given, out, threads)


def convolution(plan: fastconv.Conv2dPlan, given: Sequence[Array | None], out: Array) -> Run:
    """The call of a plan; where the first input is not bound, the call takes it."""
    x, *residual = given
    out = out.reshape(plan.output_shape)
    added = residual[0] if residual else None
    if x is None:
        return lambda x: plan(x, added, out)
    return partial(plan, x.reshape(*x.shape, 1, 1) if x.ndim == 2 else x, added, out)


def _pool(step: Step, given: Sequence[Array], out: Array, threads: int) -> Run:
    function = fastconv.max_pool2d if step.kind == "max pool" else fastconv.avg_pool2d
    return partial(function, given[0], **step.options, out=out, threads=threads)


def _global(step: Step, given: Sequence[Array], out: Array, threads: int) -> Run:
    return partial(fastconv.global_avg_pool2d, given[0], out=out, threads=threads)


def _softmax(step: Step, given: Sequence[Array], out: Array, threads: int) -> Run:
    """Over all that is one image's, as ONNX has it before version 13."""
    x, y = (a.reshape(len(a), -1) for a in (given[0], out))
    if not (np.may_share_memory(x, given[0]) and np.may_share_memory(y, out)):
        raise ValueError("there is no softmax over several axes of a part of several images")
    return partial(fastconv.softmax, x, axis=1, out=y, threads=threads)


def _affine(step: Step, given: Sequence[Array], out: Array, threads: int) -> Run:
    """A batch norm by its factors and shifts: of mean 0 and variance 1."""
    o, (x,) = step.options, given
    factor, shift = (o[name].astype(np.float32) for name in ("weight", "bias"))
    known = np.zeros_like(factor), np.ones_like(factor)
    return partial(
        fastconv.batch_norm, x, *known, factor, shift, 0.0,
        activation=o.get("activation"), out=out, threads=threads,
    )  # fmt: skip


def _add(step: Step, given: Sequence[Array], out: Array, threads: int) -> Run:
    activation = step.options.get("activation")
    return partial(fastconv.add, *given, activation=activation, out=out, threads=threads)


def _relu(step: Step, given: Sequence[Array], out: Array, threads: int) -> Run:
    return partial(fastconv.relu, given[0], out=out, threads=threads)


def _lrn(step: Step, given: Sequence[Array], out: Array, threads: int) -> Run:
    """x / (bias + alpha / size * (the squares of `size` channels around it)) ** beta.

    The sum over channels is a convolution along the first axis of an image of channels by pixels,
    which adds the bias as well. One image after the other, so that what is between stays in cache.
    """
    o, (x,) = step.options, given
    size, beta = o["size"], o["beta"]
    square = np.empty((1, 1, x.shape[1], x[0, 0].size), np.float32)
    below = np.empty_like(square)
    weight = np.full((1, 1, size, 1), o["alpha"] / size, np.float32)
    pads = (((size - 1) // 2, size // 2), (0, 0))
    bias = np.full(1, o["bias"], np.float32)
    plan = fastconv.Conv2dPlan(square.shape, weight, bias, padding=pads, threads=threads)
    squared, divisor = square.reshape(x.shape[1:]), below.reshape(x.shape[1:])

    def normalise(x: Array, y: Array) -> None:
        np.multiply(x, x, squared)
        plan(square, None, below)
        if beta == 0.75:  # two roots take less than a power: 0.57 ms of 0.69 at 192@56
            np.sqrt(below, below)
            np.sqrt(below, square)
            np.multiply(below, square, below)
        else:
            np.power(below, beta, below)
        np.divide(x, divisor, y)

    def call() -> None:
        for image, result in zip(x, out, strict=True):
            normalise(image, result)

    return call


def _copy(step: Step, given: Sequence[Array], out: Array, threads: int) -> Run:
    x = given[0]
    return partial(np.copyto, out.reshape(x.shape), x)


def _concat(step: Step, given: Sequence[Array], out: Array, threads: int) -> Run | None:
    """Copies what does not lie there already."""
    copies, channel = [], 0
    for x in given:
        part = out[:, channel : channel + x.shape[1]]
        channel += x.shape[1]
        if part.ctypes.data != x.ctypes.data:
            copies.append((part, x))
    if not copies:
        return None

    def call() -> None:
        for part, x in copies:
            np.copyto(part, x)

    return call


CALLS: dict[str, Any] = {
    "max pool": _pool,
    "average pool": _pool,
    "global average": _global,
    "softmax": _softmax,
    "affine": _affine,
    "add": _add,
    "relu": _relu,
    "lrn": _lrn,
    "reshape": _copy,
    "concat": _concat,
}
