"""Gradients of transposed convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastconv import _native
from fastconv import conv_transpose as forward
from fastconv._docs import completed_by
from fastconv.grad import conv as gradient
from fastconv.grad.conv import SHARED

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import SupportsIndex

    from numpy.typing import NDArray

    from fastconv.typing import Activation, DataFormat, Float, Padding, PerAxis, Precision

    Size = Sequence[SupportsIndex]
    Gradients = tuple[NDArray[Float] | None, NDArray[Float] | None, NDArray[Float] | None]

__all__ = [
    "conv_transpose1d",
    "conv_transpose1d_input",
    "conv_transpose1d_weight",
    "conv_transpose2d",
    "conv_transpose2d_input",
    "conv_transpose2d_weight",
]


@completed_by(gradient.conv2d)
@completed_by(forward.conv_transpose2d, *SHARED)
def conv_transpose2d(
    input: NDArray[Float],
    weight: NDArray[Float],
    grad_output: NDArray[Float],
    stride: PerAxis = 1,
    padding: Padding = 0,
    groups: int = 1,
    dilation: PerAxis = 1,
    *,
    output_mask: tuple[bool, bool, bool] = (True, True, True),
    activation: Activation | None = None,
    output: NDArray[Float] | None = None,
    threads: int | None = None,
    data_format: DataFormat = "channels_first",
    precision: Precision | None = None,
) -> Gradients[Float]:
    """Return the gradients of `fastconv.conv_transpose2d` in input, weight and bias, in one call.

    Of the arguments of the forward call those that shape the result are given again, but for the
    output_padding, which follows from the shapes; every array must have the shape that follows.

    Parameters
    ----------
    weight : (C_in, C_out // groups, KH, KW), the dtype of input
        The filters of the forward call.

    Notes
    -----
    The sums of d_weight are split by the problem, never by the threads, and added in double
    precision. Kernels of 2, 3 and 5 taps at stride 1 may be summed by Winograd's algorithm
    [1]_, in float32 within 2e-6 of the result's norm, unless `precision` is ``"highest"``.

    References
    ----------
    .. [1] Lavin, Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> args = np.ones((1, 2, 4, 4)), np.ones((2, 3, 2, 2)), np.ones((1, 3, 8, 8)), 2
    >>> dx, dw, db = grad.conv_transpose2d(*args, output_mask=(False, True, True))
    >>> dx is None, dw.shape, db.shape
    (True, (2, 3, 2, 2), (3,))
    """
    return _native.conv_grad(
        2, True, input, weight, grad_output, stride, padding, dilation, groups,
        "zeros", output_mask, activation, output, threads, data_format, precision,
    )  # fmt: skip


@completed_by(conv_transpose2d)
@completed_by(forward.conv_transpose2d, "out")
def conv_transpose2d_input(
    input_size: Size,
    weight: NDArray[Float],
    grad_output: NDArray[Float],
    stride: PerAxis = 1,
    padding: Padding = 0,
    groups: int = 1,
    dilation: PerAxis = 1,
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
    precision: Precision | None = None,
) -> NDArray[Float]:
    """Return the gradient of `fastconv.conv_transpose2d` in its input.

    The output_padding of the forward call follows from the shapes.

    Parameters
    ----------
    input_size : (N, C_in, H, W) or (C_in, H, W)
        The full shape of the forward call's input, in the order of `data_format`.
    weight : (C_in, C_out // groups, KH, KW), float32 or float64
        The filters of the forward call.
    grad_output : (N, C_out, H', W') or (C_out, H', W'), the dtype of weight
        The gradient with respect to the result of the forward call.

    Returns
    -------
    d_input : of shape input_size, the dtype of weight

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> w, dy = np.ones((2, 3, 2, 2)), np.ones((1, 3, 8, 8))
    >>> grad.conv_transpose2d_input((1, 2, 4, 4), w, dy, stride=2).shape
    (1, 2, 4, 4)
    """
    return _native.conv_grad_input(
        2, True, input_size, weight, grad_output, stride, padding, dilation, groups,
        "zeros", threads, out, data_format, precision,
    )  # fmt: skip


@completed_by(conv_transpose2d)
@completed_by(forward.conv_transpose2d, "out")
def conv_transpose2d_weight(
    input: NDArray[Float],
    weight_size: Size,
    grad_output: NDArray[Float],
    stride: PerAxis = 1,
    padding: Padding = 0,
    groups: int = 1,
    dilation: PerAxis = 1,
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
    precision: Precision | None = None,
) -> NDArray[Float]:
    """Return the gradient of `fastconv.conv_transpose2d` in its weight, summed over the batch.

    The output_padding of the forward call follows from the shapes. `conv2d_weight` says how the
    sums are formed.

    Parameters
    ----------
    weight_size : (C_in, C_out // groups, KH, KW)
        The full shape of the forward call's weight.

    Returns
    -------
    d_weight : of shape weight_size, the dtype of input

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> x, dy = np.ones((1, 2, 4, 4)), np.ones((1, 3, 8, 8))
    >>> grad.conv_transpose2d_weight(x, (2, 3, 2, 2), dy, stride=2).shape
    (2, 3, 2, 2)
    """
    return _native.conv_grad_weight(
        2, True, input, weight_size, grad_output, stride, padding, dilation, groups,
        "zeros", threads, out, data_format, precision,
    )  # fmt: skip


@completed_by(gradient.conv1d)
@completed_by(forward.conv_transpose1d, *SHARED)
def conv_transpose1d(
    input: NDArray[Float],
    weight: NDArray[Float],
    grad_output: NDArray[Float],
    stride: PerAxis = 1,
    padding: Padding = 0,
    groups: int = 1,
    dilation: PerAxis = 1,
    *,
    output_mask: tuple[bool, bool, bool] = (True, True, True),
    activation: Activation | None = None,
    output: NDArray[Float] | None = None,
    threads: int | None = None,
    data_format: DataFormat = "channels_first",
    precision: Precision | None = None,
) -> Gradients[Float]:
    """Return the gradients of `fastconv.conv_transpose1d`: as `conv_transpose2d`, with one axis.

    Parameters
    ----------
    weight : (C_in, C_out // groups, K), the dtype of input
        The filters of the forward call.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> args = np.ones((1, 2, 4)), np.ones((2, 3, 2)), np.ones((1, 3, 8)), 2
    >>> dx, dw, db = grad.conv_transpose1d(*args, output_mask=(False, True, True))
    >>> dx is None, dw.shape, db.shape
    (True, (2, 3, 2), (3,))
    """
    return _native.conv_grad(
        1, True, input, weight, grad_output, stride, padding, dilation, groups,
        "zeros", output_mask, activation, output, threads, data_format, precision,
    )  # fmt: skip


@completed_by(conv_transpose1d)
@completed_by(forward.conv_transpose1d, "out")
def conv_transpose1d_input(
    input_size: Size,
    weight: NDArray[Float],
    grad_output: NDArray[Float],
    stride: PerAxis = 1,
    padding: Padding = 0,
    groups: int = 1,
    dilation: PerAxis = 1,
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
    precision: Precision | None = None,
) -> NDArray[Float]:
    """Return the gradient of `fastconv.conv_transpose1d` in its input.

    As `conv_transpose2d_input`, with one axis.

    Parameters
    ----------
    input_size : (N, C_in, W) or (C_in, W)
        The full shape of the forward call's input, in the order of `data_format`.
    weight : (C_in, C_out // groups, K), float32 or float64
        The filters of the forward call.
    grad_output : (N, C_out, W') or (C_out, W'), the dtype of weight
        The gradient with respect to the result of the forward call.

    Returns
    -------
    d_input : of shape input_size, the dtype of weight

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.conv_transpose1d_input((1, 2, 4), np.ones((2, 3, 2)), np.ones((1, 3, 8)), 2).shape
    (1, 2, 4)
    """
    return _native.conv_grad_input(
        1, True, input_size, weight, grad_output, stride, padding, dilation, groups,
        "zeros", threads, out, data_format, precision,
    )  # fmt: skip


@completed_by(conv_transpose1d)
@completed_by(forward.conv_transpose1d, "out")
def conv_transpose1d_weight(
    input: NDArray[Float],
    weight_size: Size,
    grad_output: NDArray[Float],
    stride: PerAxis = 1,
    padding: Padding = 0,
    groups: int = 1,
    dilation: PerAxis = 1,
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
    precision: Precision | None = None,
) -> NDArray[Float]:
    """Return the gradient of `fastconv.conv_transpose1d` in its weight, summed over the batch.

    As `conv_transpose2d_weight`, with one axis.

    Parameters
    ----------
    weight_size : (C_in, C_out // groups, K)
        The full shape of the forward call's weight.

    Returns
    -------
    d_weight : of shape weight_size, the dtype of input

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.conv_transpose1d_weight(np.ones((1, 2, 4)), (2, 3, 2), np.ones((1, 3, 8)), 2).shape
    (2, 3, 2)
    """
    return _native.conv_grad_weight(
        1, True, input, weight_size, grad_output, stride, padding, dilation, groups,
        "zeros", threads, out, data_format, precision,
    )  # fmt: skip
