"""Gradients of convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastconv import _native
from fastconv import conv as forward
from fastconv._docs import completed_by

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import SupportsIndex

    from numpy.typing import NDArray

    from fastconv.typing import (
        Activation,
        ConvPadding,
        ConvPadding1d,
        DataFormat,
        Float,
        PaddingMode,
        PerAxis,
        Precision,
    )

    Size = Sequence[SupportsIndex]
    Gradients = tuple[NDArray[Float] | None, NDArray[Float] | None, NDArray[Float] | None]

__all__ = [
    "conv1d",
    "conv1d_input",
    "conv1d_weight",
    "conv2d",
    "conv2d_input",
    "conv2d_weight",
]

# What a gradient has in common with the forward call.
SHARED = (
    "stride", "padding", "dilation", "groups", "padding_mode", "threads", "data_format",
    "precision",
)  # fmt: skip


@completed_by(forward.conv2d)
def conv2d(
    input: NDArray[Float],
    weight: NDArray[Float],
    grad_output: NDArray[Float],
    stride: PerAxis = 1,
    padding: ConvPadding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    output_mask: tuple[bool, bool, bool] = (True, True, True),
    activation: Activation | None = None,
    output: NDArray[Float] | None = None,
    threads: int | None = None,
    data_format: DataFormat = "channels_first",
    precision: Precision | None = None,
) -> Gradients[Float]:
    """Return the gradients of `fastconv.conv2d` in input, weight and bias, in one call.

    Of the arguments of the forward call those that shape the result are given again, and every
    array must have the shape that follows from them. The gradient in the residual is `grad_output`
    itself, or with `activation` the gradient in front of it.

    Parameters
    ----------
    input : (N, C_in, H, W) or (C_in, H, W), float32 or float64
        The images of the forward call.
    weight : (C_out, C_in // groups, KH, KW), the dtype of input
        The filters of the forward call.
    grad_output : (N, C_out, H', W') or (C_out, H', W'), the dtype of input
        The gradient with respect to the result of the forward call.
    output_mask : three bools, default (True, True, True)
        Which gradients are wanted: those in input, weight and bias. The others are None.
    activation : str or a pair of it and a parameter, optional
        The activation of the forward call, if its derivative follows from the result: "relu",
        "relu6", "leaky_relu", "sigmoid", "tanh", "hardsigmoid", "elu" or "softplus"; also
        ``("leaky_relu", slope)``, ``("elu", alpha)`` and ``("prelu", slopes)`` where no slope or
        alpha is negative. `grad_output` is then the gradient behind it. For the others, and for the
        gradient of prelu's slopes, call their own functions (`fastconv.grad.hardswish`) first.
    output : the shape and dtype of grad_output, optional
        The result of the forward call; needed with `activation`.

    Returns
    -------
    d_input : the shape and dtype of input, or None
    d_weight : the shape and dtype of weight, or None
        Summed over the batch; zero for an empty one.
    d_bias : (C_out,), the dtype of input, or None
        Summed over batch and positions.

    Raises
    ------
    TypeError
        If an array is neither float32 nor float64, if the dtypes differ (nothing is cast), or if
        another argument has the wrong type.
    ValueError
        If a shape does not follow from the forward call's arguments (nothing is broadcast), a
        number is out of range, or a word is unknown. The message names the argument.

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
    >>> args = np.ones((1, 2, 4, 4)), np.ones((3, 2, 3, 3)), np.ones((1, 3, 2, 2))
    >>> dx, dw, db = grad.conv2d(*args, output_mask=(False, True, True))
    >>> dx is None, dw.shape, db.shape
    (True, (3, 2, 3, 3), (3,))
    """
    return _native.conv_grad(
        2, False, input, weight, grad_output, stride, padding, dilation, groups,
        padding_mode, output_mask, activation, output, threads, data_format, precision,
    )  # fmt: skip


@completed_by(conv2d)
@completed_by(forward.conv2d, "out")
def conv2d_input(
    input_size: Size,
    weight: NDArray[Float],
    grad_output: NDArray[Float],
    stride: PerAxis = 1,
    padding: ConvPadding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
    precision: Precision | None = None,
) -> NDArray[Float]:
    """Return the gradient of `fastconv.conv2d` in its input.

    Parameters
    ----------
    input_size : (N, C_in, H, W) or (C_in, H, W)
        The full shape of the forward call's input, in the order of `data_format`.
    grad_output : (N, C_out, H', W') or (C_out, H', W'), the dtype of weight
        The gradient with respect to the result of the forward call.
    weight : (C_out, C_in // groups, KH, KW), float32 or float64
        The filters of the forward call.

    Returns
    -------
    d_input : of shape input_size, the dtype of weight

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.conv2d_input((1, 2, 4, 4), np.ones((3, 2, 3, 3)), np.ones((1, 3, 2, 2))).shape
    (1, 2, 4, 4)
    """
    return _native.conv_grad_input(
        2, False, input_size, weight, grad_output, stride, padding, dilation, groups,
        padding_mode, threads, out, data_format, precision,
    )  # fmt: skip


@completed_by(conv2d)
@completed_by(forward.conv2d, "out")
def conv2d_weight(
    input: NDArray[Float],
    weight_size: Size,
    grad_output: NDArray[Float],
    stride: PerAxis = 1,
    padding: ConvPadding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
    precision: Precision | None = None,
) -> NDArray[Float]:
    """Return the gradient of `fastconv.conv2d` in its weight, summed over the batch.

    Parameters
    ----------
    weight_size : (C_out, C_in // groups, KH, KW)
        The full shape of the forward call's weight.

    Returns
    -------
    d_weight : of shape weight_size, the dtype of input
        Zero for an empty batch.

    Notes
    -----
    Sums are split by the problem, never by the threads, and added in double precision. Kernels
    of 2, 3 and 5 taps at stride 1 may be summed by Winograd's algorithm [1]_, in float32 within
    2e-6 of the result's norm, unless `precision` is ``"highest"``.

    References
    ----------
    .. [1] Lavin, Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.conv2d_weight(np.ones((1, 2, 4, 4)), (3, 2, 3, 3), np.ones((1, 3, 2, 2))).shape
    (3, 2, 3, 3)
    """
    return _native.conv_grad_weight(
        2, False, input, weight_size, grad_output, stride, padding, dilation, groups,
        padding_mode, threads, out, data_format, precision,
    )  # fmt: skip


@completed_by(conv2d)
@completed_by(forward.conv1d, *SHARED)
def conv1d(
    input: NDArray[Float],
    weight: NDArray[Float],
    grad_output: NDArray[Float],
    stride: PerAxis = 1,
    padding: ConvPadding1d = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    output_mask: tuple[bool, bool, bool] = (True, True, True),
    activation: Activation | None = None,
    output: NDArray[Float] | None = None,
    threads: int | None = None,
    data_format: DataFormat = "channels_first",
    precision: Precision | None = None,
) -> Gradients[Float]:
    """Return the gradients of `fastconv.conv1d` in input, weight and bias: as `conv2d`, one axis.

    Parameters
    ----------
    input : (N, C_in, W) or (C_in, W), float32 or float64
        The signals of the forward call.
    weight : (C_out, C_in // groups, K), the dtype of input
        The filters of the forward call.
    grad_output : (N, C_out, W') or (C_out, W'), the dtype of input
        The gradient with respect to the result of the forward call.
    output_mask : three bools, default (True, True, True)
        Which gradients are wanted; the others are None.
    activation : str or a pair of it and a parameter, optional
        The activation of the forward call; `grad_output` is then the gradient behind it.
    output : the shape and dtype of grad_output, optional
        The result of the forward call; needed with `activation`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> args = np.ones((1, 2, 4)), np.ones((3, 2, 3)), np.ones((1, 3, 2))
    >>> dx, dw, db = grad.conv1d(*args, output_mask=(False, True, True))
    >>> dx is None, dw.shape, db.shape
    (True, (3, 2, 3), (3,))
    """
    return _native.conv_grad(
        1, False, input, weight, grad_output, stride, padding, dilation, groups,
        padding_mode, output_mask, activation, output, threads, data_format, precision,
    )  # fmt: skip


@completed_by(conv1d)
@completed_by(forward.conv1d, "out")
def conv1d_input(
    input_size: Size,
    weight: NDArray[Float],
    grad_output: NDArray[Float],
    stride: PerAxis = 1,
    padding: ConvPadding1d = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
    precision: Precision | None = None,
) -> NDArray[Float]:
    """Return the gradient of `fastconv.conv1d` in its input: as `conv2d_input`, with one axis.

    Parameters
    ----------
    input_size : (N, C_in, W) or (C_in, W)
        The full shape of the forward call's input, in the order of `data_format`.
    weight : (C_out, C_in // groups, K), float32 or float64
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
    >>> grad.conv1d_input((1, 2, 4), np.ones((3, 2, 3)), np.ones((1, 3, 2))).shape
    (1, 2, 4)
    """
    return _native.conv_grad_input(
        1, False, input_size, weight, grad_output, stride, padding, dilation, groups,
        padding_mode, threads, out, data_format, precision,
    )  # fmt: skip


@completed_by(conv1d)
@completed_by(forward.conv1d, "out")
def conv1d_weight(
    input: NDArray[Float],
    weight_size: Size,
    grad_output: NDArray[Float],
    stride: PerAxis = 1,
    padding: ConvPadding1d = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
    precision: Precision | None = None,
) -> NDArray[Float]:
    """Return the gradient of `fastconv.conv1d` in its weight: as `conv2d_weight`, with one axis.

    Parameters
    ----------
    weight_size : (C_out, C_in // groups, K)
        The full shape of the forward call's weight.

    Returns
    -------
    d_weight : of shape weight_size, the dtype of input

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.conv1d_weight(np.ones((1, 2, 4)), (3, 2, 3), np.ones((1, 3, 2))).shape
    (3, 2, 3)
    """
    return _native.conv_grad_weight(
        1, False, input, weight_size, grad_output, stride, padding, dilation, groups,
        padding_mode, threads, out, data_format, precision,
    )  # fmt: skip
