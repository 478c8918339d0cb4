"""Batch normalisation in evaluation, and sums."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ._layout import Array
from .activations import Activation, activate, quietly, real


def along(values: npt.ArrayLike, ndim: int, data_format: str) -> Array:
    """A value for each channel, laid along the channels' axis of an array of `ndim` axes."""
    if data_format not in ("channels_first", "channels_last"):
        raise ValueError(
            f"data_format must be 'channels_first' or 'channels_last', got {data_format!r}"
        )
    behind = ndim - 2 if data_format == "channels_first" else 0
    return real(values).reshape(-1, *(1,) * behind)


@quietly
def batch_norm(
    input: npt.ArrayLike,
    running_mean: npt.ArrayLike,
    running_var: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    bias: npt.ArrayLike | None = None,
    eps: float = 1e-5,
    *,
    activation: Activation = None,
    data_format: str = "channels_first",
) -> Array:
    """Return ``(input - mean) / sqrt(var + eps) * weight + bias`` of each channel.

    Ioffe and Szegedy, "Batch normalization", ICML 2015, in evaluation.

    Examples
    --------
    >>> batch_norm([[1.0], [3.0]], [2.0], [4.0], [10.0], [1.0], eps=0)
    array([[-4.],
           [ 6.]])
    """
    x = real(input)
    mean, var = (along(v, x.ndim, data_format) for v in (running_mean, running_var))
    w, b = along(1 if weight is None else weight, x.ndim, data_format), 0 if bias is None else bias
    y = (x - mean) / np.sqrt(var + eps) * w + along(b, x.ndim, data_format)
    return activate(y, activation, data_format)


@quietly
def add(a: npt.ArrayLike, b: npt.ArrayLike, *, activation: Activation = None) -> Array:
    """Return ``activation(a + b)``; shapes broadcast by NumPy's rule, prelu's channels are axis 1.

    Examples
    --------
    >>> add([[1.0, -2.0]], [1.0], activation="relu")
    array([[2., 0.]])
    """
    return activate(np.asarray(real(a) + real(b)), activation)
