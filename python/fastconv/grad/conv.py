"""Gradients of convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastconv import _native

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import SupportsIndex

    from numpy.typing import NDArray

    from fastconv.typing import (
        Activation,
        DataFormat,
        Float,
        Padding,
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


def conv1d_input(
    input_size: Size,
    weight: NDArray[Float],
    grad_output: NDArray[Float],
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
    precision: Precision | None = None,
) -> NDArray[Float]:
    """Return the gradient of `conv1d` in its input.

    Parameters
    ----------
    input_size : the full shape of the input, (N, C_in, W) or (C_in, W)
    weight : (C_out, C_in // groups, K)
    grad_output : (N, C_out, W') or (C_out, W'), the dtype of weight
    stride, padding, dilation, groups, padding_mode, threads, out, data_format, precision
        As in the forward call.

    Returns
    -------
    d_input : of shape `input_size`

    Raises
    ------
    TypeError
        If an array is neither float32 nor float64, or the dtypes differ; nothing is cast.
    ValueError
        If a shape does not follow from the forward call's arguments; nothing is broadcast.

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


def conv1d_weight(
    input: NDArray[Float],
    weight_size: Size,
    grad_output: NDArray[Float],
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
    precision: Precision | None = None,
) -> NDArray[Float]:
    """Return the gradient of `conv1d` in its weight, summed over the batch.

    Sums are split by the problem, never by the threads, and added in double precision. In float32
    kernels of 3 and 5 taps at stride 1 may be summed by Winograd's algorithm, within 2e-6 of the
    result's norm, unless `precision` is "highest".

    Parameters
    ----------
    input : (N, C_in, W) or (C_in, W)
    weight_size : the full shape of the weight, (C_out, C_in // groups, K)
    grad_output : (N, C_out, W') or (C_out, W'), the dtype of input
    stride, padding, dilation, groups, padding_mode, threads, out, data_format, precision
        As in the forward call.

    Returns
    -------
    d_weight : of shape `weight_size`
        Zero for an empty batch.

    Raises
    ------
    TypeError
        If an array is neither float32 nor float64, or the dtypes differ; nothing is cast.
    ValueError
        If a shape does not follow from the forward call's arguments; nothing is broadcast.

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


def conv1d(
    input: NDArray[Float],
    weight: NDArray[Float],
    grad_output: NDArray[Float],
    stride: PerAxis = 1,
    padding: Padding = 0,
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
    """Return the gradients of `conv1d` in input, weight and bias, in one call.

    Parameters
    ----------
    input : (N, C_in, W) or (C_in, W)
    weight : (C_out, C_in // groups, K)
    grad_output : (N, C_out, W') or (C_out, W')
    stride, padding, dilation, groups, padding_mode, threads, data_format, precision
        As in the forward call.
    output_mask : three bools
        Which gradients are wanted; the others are None.
    activation : "relu", "relu6", "leaky_relu", ("leaky_relu", slope), "sigmoid" or "tanh", optional
        The forward call's fused activation; `grad_output` is then the gradient behind it.
    output : the result of the forward call, optional
        Needed with `activation`, whose derivative follows from it.

    Returns
    -------
    d_input, d_weight, d_bias : array or None

    Raises
    ------
    TypeError
        If an array is neither float32 nor float64, or the dtypes differ; nothing is cast.
    ValueError
        If a shape does not follow from the forward call's arguments; nothing is broadcast.

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


def conv2d_input(
    input_size: Size,
    weight: NDArray[Float],
    grad_output: NDArray[Float],
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
    precision: Precision | None = None,
) -> NDArray[Float]:
    """Return the gradient of `conv2d` in its input.

    Parameters
    ----------
    input_size : the full shape of the input, (N, C_in, H, W) or (C_in, H, W)
    weight : (C_out, C_in // groups, KH, KW)
    grad_output : (N, C_out, H', W') or (C_out, H', W'), the dtype of weight
    stride, padding, dilation, groups, padding_mode, threads, out, data_format, precision
        As in the forward call.

    Returns
    -------
    d_input : of shape `input_size`

    Raises
    ------
    TypeError
        If an array is neither float32 nor float64, or the dtypes differ; nothing is cast.
    ValueError
        If a shape does not follow from the forward call's arguments; nothing is broadcast.

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


def conv2d_weight(
    input: NDArray[Float],
    weight_size: Size,
    grad_output: NDArray[Float],
    stride: PerAxis = 1,
    padding: Padding = 0,
    dilation: PerAxis = 1,
    groups: int = 1,
    *,
    padding_mode: PaddingMode = "zeros",
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
    precision: Precision | None = None,
) -> NDArray[Float]:
    """Return the gradient of `conv2d` in its weight, summed over the batch.

    Sums are split by the problem, never by the threads, and added in double precision. In float32
    kernels of 3 and 5 taps at stride 1 may be summed by Winograd's algorithm, within 2e-6 of the
    result's norm, unless `precision` is "highest".

    Parameters
    ----------
    input : (N, C_in, H, W) or (C_in, H, W)
    weight_size : the full shape of the weight, (C_out, C_in // groups, KH, KW)
    grad_output : (N, C_out, H', W') or (C_out, H', W'), the dtype of input
    stride, padding, dilation, groups, padding_mode, threads, out, data_format, precision
        As in the forward call.

    Returns
    -------
    d_weight : of shape `weight_size`
        Zero for an empty batch.

    Raises
    ------
    TypeError
        If an array is neither float32 nor float64, or the dtypes differ; nothing is cast.
    ValueError
        If a shape does not follow from the forward call's arguments; nothing is broadcast.

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


def conv2d(
    input: NDArray[Float],
    weight: NDArray[Float],
    grad_output: NDArray[Float],
    stride: PerAxis = 1,
    padding: Padding = 0,
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
    """Return the gradients of `conv2d` in input, weight and bias, in one call.

    Parameters
    ----------
    input : (N, C_in, H, W) or (C_in, H, W)
    weight : (C_out, C_in // groups, KH, KW)
    grad_output : (N, C_out, H', W') or (C_out, H', W')
    stride, padding, dilation, groups, padding_mode, threads, data_format, precision
        As in the forward call.
    output_mask : three bools
        Which gradients are wanted; the others are None.
    activation : "relu", "relu6", "leaky_relu", ("leaky_relu", slope), "sigmoid" or "tanh", optional
        The forward call's fused activation; `grad_output` is then the gradient behind it.
    output : the result of the forward call, optional
        Needed with `activation`, whose derivative follows from it.

    Returns
    -------
    d_input, d_weight, d_bias : array or None

    Raises
    ------
    TypeError
        If an array is neither float32 nor float64, or the dtypes differ; nothing is cast.
    ValueError
        If a shape does not follow from the forward call's arguments; nothing is broadcast.

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
