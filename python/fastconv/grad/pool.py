"""Gradients of the pools that add up each window: average, sum and p-norm."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastconv import _native

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


def avg_pool1d_input(
    grad_output: NDArray[Float], input_size: Shape, kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0, ceil_mode: bool = False, count_include_pad: bool = True,
    divisor_override: int | None = None, *, dilation: PerAxis = 1,
    threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `avg_pool1d`: each output's share, to all that its window holds.

    Parameters
    ----------
    grad_output : (N, C, W') or (C, W'), float32 or float64
        Gradient with respect to the pool's output.
    input_size : sequence of int
        The full shape of the pool's input, in the order of `data_format`.
    kernel_size, stride, padding, ceil_mode, count_include_pad, divisor_override, dilation
        Those of the forward call.
    threads, out, data_format
        As in `max_pool1d_input`.

    Returns
    -------
    grad_input : input_size, the dtype of grad_output

    Raises
    ------
    TypeError
        If grad_output is neither float32 nor float64.
    ValueError
        If grad_output has not the shape that the pool gives.

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


def avg_pool2d_input(
    grad_output: NDArray[Float], input_size: Shape, kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0, ceil_mode: bool = False, count_include_pad: bool = True,
    divisor_override: int | None = None, *, dilation: PerAxis = 1,
    threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `avg_pool2d`: each output's share, to all that its window holds.

    Arguments, result and errors are those of `avg_pool1d_input`, for images.

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


def sum_pool1d_input(
    grad_output: NDArray[Float], input_size: Shape, kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0, ceil_mode: bool = False, *, dilation: PerAxis = 1,
    threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `sum_pool1d`: each output's, to all that its window holds.

    Arguments, result and errors are those of `avg_pool1d_input`.

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


def sum_pool2d_input(
    grad_output: NDArray[Float], input_size: Shape, kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0, ceil_mode: bool = False, *, dilation: PerAxis = 1,
    threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of `sum_pool2d`: each output's, to all that its window holds.

    Arguments, result and errors are those of `avg_pool2d_input`.

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


def lp_pool1d_input(
    grad_output: NDArray[Float], input: NDArray[Float], output: NDArray[Float], norm_type: float,
    kernel_size: PerAxis, stride: PerAxis | None = None, ceil_mode: bool = False, *,
    padding: Padding = 0, dilation: PerAxis = 1, threads: int | None = None,
    out: NDArray[Float] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of the p-norm pool `lp_pool1d`.

    Of output y it is ``sign(x) * (|x| / y)**(p - 1)`` times its gradient for each x that its window
    holds, and 0 where x or y is 0; of p = inf all of it goes to the first of the largest.

    Parameters
    ----------
    grad_output : (N, C, W') or (C, W'), float32 or float64
        Gradient with respect to the pool's output.
    input, output : the shapes of the forward call, the dtype of grad_output
        What it took and returned.
    norm_type, kernel_size, stride, ceil_mode, padding, dilation
        Those of the forward call.
    threads, out, data_format
        As in `max_pool1d_input`.

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
    >>> x, y = np.array([[3.0, -4.0]]), np.array([[5.0]])
    >>> grad.lp_pool1d_input(np.array([[1.0]]), x, y, 2, 2)
    array([[ 0.6, -0.8]])
    """
    return _native.lp_pool_input(
        1, grad_output, input, output, norm_type,
        (kernel_size, stride, padding, dilation, ceil_mode), threads, out, data_format,
    )  # fmt: skip


def lp_pool2d_input(
    grad_output: NDArray[Float], input: NDArray[Float], output: NDArray[Float], norm_type: float,
    kernel_size: PerAxis, stride: PerAxis | None = None, ceil_mode: bool = False, *,
    padding: Padding = 0, dilation: PerAxis = 1, threads: int | None = None,
    out: NDArray[Float] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the gradient of the p-norm pool `lp_pool2d`.

    Arguments, result and errors are those of `lp_pool1d_input`, for images.

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
