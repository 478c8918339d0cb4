"""Pools that add up each window: average, sum and p-norm; and the shape that a pool gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastconv import _native
from fastconv._docs import completed_by
from fastconv.max_pool import max_pool1d, max_pool2d

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import SupportsIndex

    from numpy.typing import NDArray

    from fastconv.typing import DataFormat, Float, Number, Padding, PerAxis


__all__ = [
    "avg_pool1d",
    "avg_pool2d",
    "lp_pool1d",
    "lp_pool2d",
    "pool_output_shape",
    "sum_pool1d",
    "sum_pool2d",
]


# What all pools explain alike.
SHARED = ("kernel_size", "stride", "padding", "dilation", "threads", "out", "data_format")


@completed_by(max_pool2d, *SHARED)
def avg_pool2d(
    input: NDArray[Float], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None,
    *, dilation: PerAxis = 1, threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the mean of each window of a batch of images: its sum, divided by its elements.

    Names, order and meaning of the arguments are those of ``torch.nn.functional.avg_pool2d``;
    those behind the star are fastconv's own.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W), float32 or float64
        The images. Without N it is one sample, and the result has no N either.
    ceil_mode : bool, default False
        Round the number of windows up: the last one may hang over the end, but starts inside the
        input or the padding before it. What hangs over is never counted.
    count_include_pad : bool, default True
        Whether the divisor counts the elements of the padding. If not, a window without any element
        of the input gives NaN.
    divisor_override : int, optional
        Divide by this number instead.

    Returns
    -------
    y : (N, C, H', W'), the dtype of input
        ``H' = (H + lo + hi - dilation*(KH - 1) - 1) // stride + 1``, and W' likewise
        (`fastconv.pool_output_shape` tells them without pooling).

    Raises
    ------
    TypeError
        If the dtype is neither float32 nor float64 (nothing is cast), or another argument has the
        wrong type.
    ValueError
        If sizes do not fit together, a number is out of range, or a word is unknown. The message
        names the argument.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.avg_pool2d(np.arange(16.0).reshape(1, 4, 4), 2)
    array([[[ 2.5,  4.5],
            [10.5, 12.5]]])
    """
    return _native.avg_pool(
        2, input, (kernel_size, stride, padding, dilation, ceil_mode), count_include_pad,
        divisor_override, threads, out, data_format,
    )  # fmt: skip


@completed_by(avg_pool2d)
@completed_by(max_pool1d, *SHARED)
def avg_pool1d(
    input: NDArray[Float], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None,
    *, dilation: PerAxis = 1, threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the mean of each window of a batch of signals: as `avg_pool2d`, with one axis.

    Parameters
    ----------
    input : (N, C, W) or (C, W), float32 or float64
        The signals, or one without N.
    ceil_mode : bool, default False
        Round the number of windows up; what hangs over the end is never counted.
    count_include_pad : bool, default True
        Whether the divisor counts the elements of the padding.
    divisor_override : int, optional
        Divide by this number instead.

    Returns
    -------
    y : (N, C, W'), the dtype of input
        ``W' = (W + lo + hi - dilation*(kernel_size - 1) - 1) // stride + 1``.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> x = np.array([[3.0, 6.0, 9.0]])
    >>> fastconv.avg_pool1d(x, 2, padding=1)
    array([[1.5, 7.5]])
    >>> fastconv.avg_pool1d(x, 2, padding=1, count_include_pad=False)
    array([[3. , 7.5]])
    """
    return _native.avg_pool(
        1, input, (kernel_size, stride, padding, dilation, ceil_mode), count_include_pad,
        divisor_override, threads, out, data_format,
    )  # fmt: skip


@completed_by(avg_pool2d)
def sum_pool2d(
    input: NDArray[Number], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False, *, dilation: PerAxis = 1, threads: int | None = None,
    out: NDArray[Number] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Number]:  # fmt: skip
    """Return the sum of each window of a batch of images; integers wrap around.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W), float32, float64 or an integer dtype
        The images, or one without N.

    Raises
    ------
    TypeError
        If the dtype is none of these (nothing is cast), or another argument has the wrong type.
    ValueError
        If sizes do not fit together, a number is out of range, or a word is unknown. The message
        names the argument.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.sum_pool2d(np.arange(16).reshape(1, 4, 4), 2)
    array([[[10, 18],
            [42, 50]]])
    """
    return _native.sum_pool(
        2, input, (kernel_size, stride, padding, dilation, ceil_mode), threads, out, data_format
    )


@completed_by(avg_pool1d)
def sum_pool1d(
    input: NDArray[Number], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False, *, dilation: PerAxis = 1, threads: int | None = None,
    out: NDArray[Number] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Number]:  # fmt: skip
    """Return the sum of each window of a batch of signals; integers wrap around.

    Parameters
    ----------
    input : (N, C, W) or (C, W), float32, float64 or an integer dtype
        The signals, or one without N.

    Raises
    ------
    TypeError
        If the dtype is none of these (nothing is cast), or another argument has the wrong type.
    ValueError
        If sizes do not fit together, a number is out of range, or a word is unknown. The message
        names the argument.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.sum_pool1d(np.array([[1, 2, 3, 4]]), 2, stride=1)
    array([[3, 5, 7]])
    """
    return _native.sum_pool(
        1, input, (kernel_size, stride, padding, dilation, ceil_mode), threads, out, data_format
    )


@completed_by(avg_pool2d)
def lp_pool2d(
    input: NDArray[Float], norm_type: float, kernel_size: PerAxis, stride: PerAxis | None = None,
    ceil_mode: bool = False, *, padding: Padding = 0, dilation: PerAxis = 1,
    threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the p-norm of each window of a batch of images: ``(sum |x|**p)**(1/p)``.

    This is the definition of ONNX, which differs from PyTorch's in the absolute value.

    Parameters
    ----------
    norm_type : float
        The p, greater than 0; of infinity the largest ``|x|``.

    Raises
    ------
    TypeError
        If the dtype is neither float32 nor float64 (nothing is cast), or another argument has the
        wrong type.
    ValueError
        If `norm_type` is not positive, sizes do not fit together, a number is out of range, or a
        word is unknown. The message names the argument.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.lp_pool2d(np.array([[[1.0, 2.0], [-4.0, 2.0]]]), 2, 2)
    array([[[5.]]])
    """
    return _native.lp_pool(
        2, input, norm_type, (kernel_size, stride, padding, dilation, ceil_mode), threads, out,
        data_format,
    )  # fmt: skip


@completed_by(lp_pool2d)
@completed_by(avg_pool1d, "ceil_mode", *SHARED)
def lp_pool1d(
    input: NDArray[Float], norm_type: float, kernel_size: PerAxis, stride: PerAxis | None = None,
    ceil_mode: bool = False, *, padding: Padding = 0, dilation: PerAxis = 1,
    threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the p-norm of each window of a batch of signals: as `lp_pool2d`, with one axis.

    Parameters
    ----------
    input : (N, C, W) or (C, W), float32 or float64
        The signals, or one without N.
    norm_type : float
        The p, greater than 0; of infinity the largest ``|x|``.

    Returns
    -------
    y : (N, C, W'), the dtype of input
        ``W' = (W + lo + hi - dilation*(kernel_size - 1) - 1) // stride + 1``.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.lp_pool1d(np.array([[3.0, -4.0, 0.0, 5.0]]), 2, 2)
    array([[5., 5.]])
    """
    return _native.lp_pool(
        1, input, norm_type, (kernel_size, stride, padding, dilation, ceil_mode), threads, out,
        data_format,
    )  # fmt: skip


@completed_by(max_pool2d, "ceil_mode", *SHARED)
def pool_output_shape(
    input_shape: Sequence[SupportsIndex], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0, dilation: PerAxis = 1, ceil_mode: bool = False, *,
    data_format: DataFormat = "channels_first",
) -> tuple[int, ...]:  # fmt: skip
    """Return the shape that a pool gives, without pooling.

    Parameters
    ----------
    input_shape : sequence of int
        Four lengths are (N, C, H, W). Three are (N, C, W), but (C, H, W) if `kernel_size` has two
        entries. Two are (C, W). In the order of `data_format`.
    data_format : {"channels_first", "channels_last"}, default "channels_first"
        The order of axes, of `input_shape` and of the result; ``"channels_last"``: channels at the
        end.

    Returns
    -------
    tuple of int

    Raises
    ------
    ValueError
        As the pool itself would.

    Examples
    --------
    >>> import fastconv
    >>> fastconv.pool_output_shape((1, 64, 112, 112), 3, stride=2, padding=1)
    (1, 64, 56, 56)
    """
    return _native.pool_output_shape(
        input_shape, (kernel_size, stride, padding, dilation, ceil_mode), data_format
    )
