"""Gradients of transposed convolution."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastconv import _native

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
    """Return the gradient of `conv_transpose1d` in its input.

    Parameters
    ----------
    input_size : the full shape of the input, (N, C_in, W) or (C_in, W)
    weight : (C_in, C_out // groups, K)
    grad_output : (N, C_out, W') or (C_out, W'), the dtype of weight
    stride, padding, groups, dilation, threads, out, data_format, precision
        As in the forward call. The output_padding follows from the shapes.

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
    >>> grad.conv_transpose1d_input((1, 2, 4), np.ones((2, 3, 2)), np.ones((1, 3, 8)), 2).shape
    (1, 2, 4)
    """
    return _native.conv_grad_input(
        1, True, input_size, weight, grad_output, stride, padding, dilation, groups,
        "zeros", threads, out, data_format, precision,
    )  # fmt: skip


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
    """Return the gradient of `conv_transpose1d` in its weight, summed over the batch.

    Sums are split by the problem, never by the threads, and added in double precision. In float32
    kernels of 3 and 5 taps at stride 1 may be summed by Winograd's algorithm, within 2e-6 of the
    result's norm, unless `precision` is "highest".

    Parameters
    ----------
    input : (N, C_in, W) or (C_in, W)
    weight_size : the full shape of the weight, (C_in, C_out // groups, K)
    grad_output : (N, C_out, W') or (C_out, W'), the dtype of input
    stride, padding, groups, dilation, threads, out, data_format, precision
        As in the forward call. The output_padding follows from the shapes.

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
    >>> grad.conv_transpose1d_weight(np.ones((1, 2, 4)), (2, 3, 2), np.ones((1, 3, 8)), 2).shape
    (2, 3, 2)
    """
    return _native.conv_grad_weight(
        1, True, input, weight_size, grad_output, stride, padding, dilation, groups,
        "zeros", threads, out, data_format, precision,
    )  # fmt: skip


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
    """Return the gradients of `conv_transpose1d` in input, weight and bias, in one call.

    Parameters
    ----------
    input : (N, C_in, W) or (C_in, W)
    weight : (C_in, C_out // groups, K)
    grad_output : (N, C_out, W') or (C_out, W')
    stride, padding, groups, dilation, threads, data_format, precision
        As in the forward call. The output_padding follows from the shapes.
    output_mask : three bools
        Which gradients are wanted; the others are None.
    activation, output
        As in `fastconv.grad.conv2d`.

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
    >>> args = np.ones((1, 2, 4)), np.ones((2, 3, 2)), np.ones((1, 3, 8)), 2
    >>> dx, dw, db = grad.conv_transpose1d(*args, output_mask=(False, True, True))
    >>> dx is None, dw.shape, db.shape
    (True, (2, 3, 2), (3,))
    """
    return _native.conv_grad(
        1, True, input, weight, grad_output, stride, padding, dilation, groups,
        "zeros", output_mask, activation, output, threads, data_format, precision,
    )  # fmt: skip


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
    """Return the gradient of `conv_transpose2d` in its input.

    Parameters
    ----------
    input_size : the full shape of the input, (N, C_in, H, W) or (C_in, H, W)
    weight : (C_in, C_out // groups, KH, KW)
    grad_output : (N, C_out, H', W') or (C_out, H', W'), the dtype of weight
    stride, padding, groups, dilation, threads, out, data_format, precision
        As in the forward call. The output_padding follows from the shapes.

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
    >>> w, dy = np.ones((2, 3, 2, 2)), np.ones((1, 3, 8, 8))
    >>> grad.conv_transpose2d_input((1, 2, 4, 4), w, dy, stride=2).shape
    (1, 2, 4, 4)
    """
    return _native.conv_grad_input(
        2, True, input_size, weight, grad_output, stride, padding, dilation, groups,
        "zeros", threads, out, data_format, precision,
    )  # fmt: skip


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
    """Return the gradient of `conv_transpose2d` in its weight, summed over the batch.

    Sums are split by the problem, never by the threads, and added in double precision. In float32
    kernels of 3 and 5 taps at stride 1 may be summed by Winograd's algorithm, within 2e-6 of the
    result's norm, unless `precision` is "highest".

    Parameters
    ----------
    input : (N, C_in, H, W) or (C_in, H, W)
    weight_size : the full shape of the weight, (C_in, C_out // groups, KH, KW)
    grad_output : (N, C_out, H', W') or (C_out, H', W'), the dtype of input
    stride, padding, groups, dilation, threads, out, data_format, precision
        As in the forward call. The output_padding follows from the shapes.

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
    >>> x, dy = np.ones((1, 2, 4, 4)), np.ones((1, 3, 8, 8))
    >>> grad.conv_transpose2d_weight(x, (2, 3, 2, 2), dy, stride=2).shape
    (2, 3, 2, 2)
    """
    return _native.conv_grad_weight(
        2, True, input, weight_size, grad_output, stride, padding, dilation, groups,
        "zeros", threads, out, data_format, precision,
    )  # fmt: skip


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
    """Return the gradients of `conv_transpose2d` in input, weight and bias, in one call.

    Parameters
    ----------
    input : (N, C_in, H, W) or (C_in, H, W)
    weight : (C_in, C_out // groups, KH, KW)
    grad_output : (N, C_out, H', W') or (C_out, H', W')
    stride, padding, groups, dilation, threads, data_format, precision
        As in the forward call. The output_padding follows from the shapes.
    output_mask : three bools
        Which gradients are wanted; the others are None.
    activation, output
        As in `fastconv.grad.conv2d`.

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
    >>> args = np.ones((1, 2, 4, 4)), np.ones((2, 3, 2, 2)), np.ones((1, 3, 8, 8)), 2
    >>> dx, dw, db = grad.conv_transpose2d(*args, output_mask=(False, True, True))
    >>> dx is None, dw.shape, db.shape
    (True, (2, 3, 2, 2), (3,))
    """
    return _native.conv_grad(
        2, True, input, weight, grad_output, stride, padding, dilation, groups,
        "zeros", output_mask, activation, output, threads, data_format, precision,
    )  # fmt: skip
