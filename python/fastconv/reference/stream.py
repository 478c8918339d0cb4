"""Convolution of a signal that comes in blocks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ._layout import Array
from .activations import Activation
from .conv import conv1d


def causal_conv1d(
    input: npt.ArrayLike, weight: npt.ArrayLike, bias: npt.ArrayLike | None = None,
    state: npt.ArrayLike | None = None, *, stride: int = 1, dilation: int = 1, groups: int = 1,
    activation: Activation = None, data_format: str = "channels_first",
) -> tuple[Array, Array]:  # fmt: skip
    """Convolve what follows on the samples of `state`, so that no output sees a later sample.

    Outputs come with every `stride`-th sample of the signal, the first included. The state holds
    the samples that an output sees beside its newest one, and those since the last multiple of the
    stride, whose number tells where the next output is due.

    Examples
    --------
    >>> y, state = causal_conv1d([[1, 2, 3]], [[[1, 1]]], stride=2)
    >>> y, state
    (array([[1., 5.]]), array([[2., 3.]]))
    >>> causal_conv1d([[4, 5]], [[[1, 1]]], None, state, stride=2)
    (array([[9.]]), array([[4., 5.]]))
    """
    x, w = np.asarray(input, np.float64), np.asarray(weight, np.float64)
    time = -2 if data_format == "channels_last" else -1
    x = np.moveaxis(x, time, -1)
    past = dilation * (w.shape[-1] - 1)
    before = np.zeros((*x.shape[:-1], past))
    if state is not None:
        before = np.moveaxis(np.asarray(state, np.float64), time, -1)
    x = np.concatenate([before, x], -1)
    phase = before.shape[-1] - past
    due = x[..., stride if phase else 0 :]  # the next output's window begins here
    if due.shape[-1] > past:
        y = conv1d(due, w, bias, stride, 0, dilation, groups, activation=activation)
    else:
        y = np.zeros((*x.shape[:-2], len(w), 0))
    phase = (x.shape[-1] - past) % stride
    end = x[..., x.shape[-1] - past - phase :]
    return np.moveaxis(y, -1, time), np.moveaxis(end, -1, time)
