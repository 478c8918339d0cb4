"""The gradient of batch normalisation in evaluation, where mean and variance are constants."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from .._layout import Array
from ..activations import Activation, quietly, real
from ..norm import along
from ..norm import batch_norm as forward
from .activations import from_input


@quietly
def batch_norm(
    input: npt.ArrayLike,
    grad_output: npt.ArrayLike,
    running_mean: npt.ArrayLike,
    running_var: npt.ArrayLike,
    weight: npt.ArrayLike | None = None,
    bias: npt.ArrayLike | None = None,
    eps: float = 1e-5,
    *,
    activation: Activation = None,
    output: npt.ArrayLike | None = None,
    data_format: str = "channels_first",
) -> tuple[Array, Array, Array]:
    """Return the gradients of `batch_norm` in input, weight and bias.

    The activation's derivative is taken at what it was applied to; `output` is not needed.

    Examples
    --------
    >>> batch_norm([[1.0], [3.0]], [[1.0], [1.0]], [2.0], [4.0], eps=0)[0]
    array([[0.5],
           [0.5]])
    """
    x, statistics = real(input), (running_mean, running_var)
    before = forward(x, *statistics, weight, bias, eps, data_format=data_format)
    dy = from_input(real(grad_output), before, activation, data_format)
    axes = (0, *(range(2, x.ndim) if data_format == "channels_first" else range(1, x.ndim - 1)))
    w = along(1 if weight is None else weight, x.ndim, data_format)
    normal = forward(x, *statistics, eps=eps, data_format=data_format)
    scale = w / np.sqrt(along(running_var, x.ndim, data_format) + eps)
    return np.asarray(dy * scale), (dy * normal).sum(axes), dy.sum(axes)
