"""Outputs of a filter behind a signal with zeros in between: each phase is an output channel."""

from __future__ import annotations

from math import gcd
from typing import TYPE_CHECKING, Any

import numpy as np

import fastconv
from fastconv.interfaces.scipy_signal._arrays import Array
from fastconv.interfaces.scipy_signal._borders import extended
from fastconv.interfaces.scipy_signal._linear import along, windowed

if TYPE_CHECKING:
    from fastconv.typing import Precision

__all__ = ["polyphase"]


def polyphase(
    x: Array, h: Array, up: int, down: int, axis: int, first: int, count: int, mode: str,
    cval: Any, precision: Precision | None = None,
) -> Array:  # fmt: skip
    """Outputs ``first``, ``first + down``, ... of h on x with ``up - 1`` zeros after each sample.

    A method of [1]_: the outputs whose positions are equal modulo `up` use the same taps. They are
    channels of one convolution, as wide as the samples that all of its channels read.

    .. [1] Vaidyanathan, "Multirate Systems and Filter Banks", Prentice Hall 1993, section 4.3.
    """
    taps = -(-h.size // up)
    n = x.shape[axis]
    bordered = mode != "constant" or cval != 0
    if bordered:
        oldest, newest = first // up - taps + 1, (first + (count - 1) * down) // up
        lo, hi = max(-oldest, 0), max(newest + 1 - n, 0)
        if lo or hi:
            x = np.moveaxis(extended(np.moveaxis(x, axis, -1), lo, hi, mode, cval), -1, axis)
            first += lo * up
    if up == 1:
        return along(x, h, axis, first, count, down, precision)
    last = axis % x.ndim == x.ndim - 1
    lines = x if last else np.moveaxis(x, axis, -1)
    y = _by_phases(lines.reshape(-1, lines.shape[-1]), h, up, down, first, count, precision)
    y = y.reshape(*lines.shape[:-1], count)
    return y if last else np.ascontiguousarray(np.moveaxis(y, -1, axis))


def _by_phases(
    x: Array, h: Array, up: int, down: int, first: int, count: int, precision: Precision | None
) -> Array:
    batch, n = x.shape
    shared = gcd(up, down)
    step = down // shared  # samples from one output of a phase to its next
    phases = min(up // shared, count)
    rounds = -(-count // phases) if phases else 0
    taps = -(-h.size // up)
    if not batch or not count or not n:
        return np.zeros((batch, count), x.dtype)
    position = first + down * np.arange(phases)
    newest, offset = position // up, position % up
    padded = np.zeros((taps, up), h.dtype)
    padded.reshape(-1)[: h.size] = h
    y = np.empty((batch, rounds, phases), x.dtype)
    begin = 0
    while begin < phases:
        # As many phases as make the common window at most twice the filter's.
        end = int(np.searchsorted(newest, newest[begin] + taps, "right"))
        weight = _common_window(padded, newest[begin:end], offset[begin:end])
        width = weight.shape[-1]
        oldest = int(newest[begin]) - taps + 1
        part, padding = windowed(
            n, width, oldest + width - 1, oldest + width - 1 + (rounds - 1) * step
        )
        if part.start >= part.stop:
            y[:, :, begin:end] = 0
        else:
            fastconv.conv1d(
                x[:, part, None], weight, stride=step, padding=(padding,),
                out=y[:, :, begin:end], data_format="channels_last", precision=precision,
            )  # fmt: skip
        begin = end
    return y.reshape(batch, rounds * phases)[:, :count]


def _common_window(padded: Array, newest: Array, offset: Array) -> Array:
    """Weights of phases as output channels: each has its taps where its own samples are."""
    taps = padded.shape[0]
    shift = newest - newest[0]
    weight = np.zeros((shift.size, 1, int(shift[-1]) + taps), padded.dtype)
    places = shift[:, None] + np.arange(taps - 1, -1, -1)
    weight[np.arange(shift.size)[:, None], 0, places] = padded[:, offset].T
    return weight
