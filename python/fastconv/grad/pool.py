"""Gradients of the pools that add up each window: average, sum and p-norm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastconv import _native
from fastconv._docs import completed_by
from fastconv.pool import SHARED, avg_pool1d, avg_pool2d, lp_pool1d, lp_pool2d

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import SupportsIndex

    from numpy.typing import NDArray

    from fastconv.typing import DataFormat, Float, Padding, PerAxis

    Shape = Sequence[SupportsIndex]

__all__ = [
    "avg_pool1d_input",
    "avg_pool2d_input",
    "lp_pool1d_input",
    "lp_pool2d_input",
    "sum_pool1d_input",
    "sum_pool2d_input",
]

# What a gradient has in common with the forward call.
WINDOW = (*SHARED, "ceil_mode", "count_include_pad", "divisor_override", "norm_type")


@completed_by(avg_pool2d, *WINDOW)
def avg_pool2d_input(
    grad_output: NDArray[Float], input_size: Shape, kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0, ceil_mode: bool = False, count_include_pad: bool = True,
    divisor_override: int | None = None, *, dilation: PerAxis = 1,
    threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `fastconv.avg_pool2d`: each output's share, to all of its window.

    Parameters
    ----------
    grad_output : (N, C, H', W') or (C, H', W'), float32 or float64
        The gradient with respect to the pool's result.
    input_size : (N, C, H, W) or (C, H, W)
        The full shape of the pool's input, in the order of `data_format`.

    Returns
    -------
    grad_input : of shape input_size, the dtype of grad_output

    Raises
    ------
    TypeError
        If grad_output is neither float32 nor float64, or another argument has the wrong type.
    ValueError
        If grad_output has not the shape that the pool gives, or an argument is one that the pool
        refuses.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.avg_pool2d_input(np.array([[[8.0]]]), (1, 2, 2), 2)
    array([[[2., 2.],
            [2., 2.]]])
    """
    return _native.avg_pool_input(
        2, grad_output, input_size, (kernel_size, stride, padding, dilation, ceil_mode),
        count_include_pad, divisor_override, threads, out, data_format,
    )  # fmt: skip


@completed_by(avg_pool2d_input)
@completed_by(avg_pool1d, *WINDOW)
def avg_pool1d_input(
    grad_output: NDArray[Float], input_size: Shape, kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0, ceil_mode: bool = False, count_include_pad: bool = True,
    divisor_override: int | None = None, *, dilation: PerAxis = 1,
    threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `fastconv.avg_pool1d`: as `avg_pool2d_input`, with one axis.

    Parameters
    ----------
    grad_output : (N, C, W') or (C, W'), float32 or float64
        The gradient with respect to the pool's result.
    input_size : (N, C, W) or (C, W)
        The full shape of the pool's input, in the order of `data_format`.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.avg_pool1d_input(np.array([[2.0, 4.0]]), (1, 3), 2, ceil_mode=True)
    array([[1., 1., 4.]])
    """
    return _native.avg_pool_input(
        1, grad_output, input_size, (kernel_size, stride, padding, dilation, ceil_mode),
        count_include_pad, divisor_override, threads, out, data_format,
    )  # fmt: skip


@completed_by(avg_pool2d_input)
def sum_pool2d_input(
    grad_output: NDArray[Float], input_size: Shape, kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0, ceil_mode: bool = False, *, dilation: PerAxis = 1,
    threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `fastconv.sum_pool2d`: each output's, to all of its window.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.sum_pool2d_input(np.array([[[1.0, 2.0]]]), (1, 1, 3), (1, 2), 1)
    array([[[1., 3., 2.]]])
    """
    return _native.sum_pool_input(
        2, grad_output, input_size, (kernel_size, stride, padding, dilation, ceil_mode),
        threads, out, data_format,
    )  # fmt: skip


@completed_by(avg_pool1d_input)
def sum_pool1d_input(
    grad_output: NDArray[Float], input_size: Shape, kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0, ceil_mode: bool = False, *, dilation: PerAxis = 1,
    threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `fastconv.sum_pool1d`: each output's, to all of its window.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> grad.sum_pool1d_input(np.array([[1.0, 2.0]]), (1, 3), 2, 1)
    array([[1., 3., 2.]])
    """
    return _native.sum_pool_input(
        1, grad_output, input_size, (kernel_size, stride, padding, dilation, ceil_mode),
        threads, out, data_format,
    )  # fmt: skip


@completed_by(lp_pool2d, *WINDOW)
def lp_pool2d_input(
    grad_output: NDArray[Float], input: NDArray[Float], output: NDArray[Float], norm_type: float,
    kernel_size: PerAxis, stride: PerAxis | None = None, ceil_mode: bool = False, *,
    padding: Padding = 0, dilation: PerAxis = 1, threads: int | None = None,
    out: NDArray[Float] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of the p-norm pool `fastconv.lp_pool2d`.

    Of output y it is ``sign(x) * (|x| / y)**(p - 1)`` times its gradient for each x that its window
    holds, and 0 where x or y is 0; of p = inf all of it goes to the first of the largest.

    Parameters
    ----------
    grad_output : (N, C, H', W') or (C, H', W'), float32 or float64
        The gradient with respect to the pool's result.
    input : (N, C, H, W) or (C, H, W), the dtype of grad_output
        What the pool took.
    output : the shape and dtype of grad_output
        What the pool returned.

    Returns
    -------
    grad_input : the shape and dtype of input

    Raises
    ------
    TypeError
        If the arrays are not float32 or float64, or their dtypes differ.
    ValueError
        If the shapes do not fit together, or `norm_type` is not positive.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> x, y = np.array([[[3.0, -4.0]]]), np.array([[[5.0]]])
    >>> grad.lp_pool2d_input(np.array([[[1.0]]]), x, y, 2, (1, 2))
    array([[[ 0.6, -0.8]]])
    """
    return _native.lp_pool_input(
        2, grad_output, input, output, norm_type,
        (kernel_size, stride, padding, dilation, ceil_mode), threads, out, data_format,
    )  # fmt: skip


@completed_by(lp_pool2d_input)
@completed_by(lp_pool1d, *WINDOW)
def lp_pool1d_input(
    grad_output: NDArray[Float], input: NDArray[Float], output: NDArray[Float], norm_type: float,
    kernel_size: PerAxis, stride: PerAxis | None = None, ceil_mode: bool = False, *,
    padding: Padding = 0, dilation: PerAxis = 1, threads: int | None = None,
    out: NDArray[Float] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `fastconv.lp_pool1d`: as `lp_pool2d_input`, with one axis.

    Parameters
    ----------
    grad_output : (N, C, W') or (C, W'), float32 or float64
        The gradient with respect to the pool's result.
    input : (N, C, W) or (C, W), the dtype of grad_output
        What the pool took.

    Examples
    --------
    >>> import numpy as np
    >>> from fastconv import grad
    >>> x, y = np.array([[3.0, -4.0]]), np.array([[5.0]])
    >>> grad.lp_pool1d_input(np.array([[1.0]]), x, y, 2, 2)
    array([[ 0.6, -0.8]])
    """
    return _native.lp_pool_input(
        1, grad_output, input, output, norm_type,
        (kernel_size, stride, padding, dilation, ceil_mode), threads, out, data_format,
    )  # fmt: skip
