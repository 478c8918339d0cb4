"""Gradients of the bias of convolutions and transposed convolutions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastconv import _native
from fastconv._docs import completed_by
from fastconv.conv import conv1d, conv2d

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastconv.typing import DataFormat, Float

__all__ = ["conv1d_bias", "conv2d_bias", "conv_transpose1d_bias", "conv_transpose2d_bias"]


@completed_by(conv2d, "threads", "out", "data_format")
def conv2d_bias(
    grad_output: NDArray[Float],
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:
    """Return the gradient of `fastconv.conv2d` in its bias: the sum over batch and places.

    Parameters
    ----------
    grad_output : (N, C_out, H', W') or (C_out, H', W'), float32 or float64
        The gradient with respect to the result of the forward call.

    Returns
    -------
    d_bias : (C_out,), the dtype of grad_output

    Raises
    ------
    TypeError
        If `grad_output` is neither float32 nor float64.
    ValueError
        If it has the wrong number of dimensions.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.conv2d_bias(np.ones((2, 3, 4, 4)))
    array([32., 32., 32.])
    """
    return _native.conv_grad_bias(2, grad_output, threads, out, data_format)


@completed_by(conv2d_bias)
@completed_by(conv1d, "threads", "out", "data_format")
def conv1d_bias(
    grad_output: NDArray[Float],
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:
    """Return the gradient of `fastconv.conv1d` in its bias: the sum over batch and places.

    Parameters
    ----------
    grad_output : (N, C_out, W') or (C_out, W'), float32 or float64
        The gradient with respect to the result of the forward call.

    Returns
    -------
    d_bias : (C_out,), the dtype of grad_output

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.conv1d_bias(np.ones((2, 3, 16)))
    array([32., 32., 32.])
    """
    return _native.conv_grad_bias(1, grad_output, threads, out, data_format)


@completed_by(conv2d_bias)
def conv_transpose2d_bias(
    grad_output: NDArray[Float],
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:
    """Return the gradient of `fastconv.conv_transpose2d` in its bias.

    It is the sum over batch and places, as for `conv2d_bias`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.conv_transpose2d_bias(np.ones((2, 3, 4, 4)))
    array([32., 32., 32.])
    """
    return _native.conv_grad_bias(2, grad_output, threads, out, data_format)


@completed_by(conv1d_bias)
def conv_transpose1d_bias(
    grad_output: NDArray[Float],
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:
    """Return the gradient of `fastconv.conv_transpose1d` in its bias.

    It is the sum over batch and places, as for `conv1d_bias`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.conv_transpose1d_bias(np.ones((2, 3, 16)))
    array([32., 32., 32.])
    """
    return _native.conv_grad_bias(1, grad_output, threads, out, data_format)
