"""Pools that add up each window: average, sum and p-norm; and the shape that a pool gives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastconv import _native

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


def avg_pool1d(
    input: NDArray[Float], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None,
    *, dilation: PerAxis = 1, threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the mean of each window of a batch of signals: its sum, divided by its elements.

    Parameters
    ----------
    input : (N, C, W) or (C, W), float32 or float64
        Without N it is one sample, and the result has no N either.
    kernel_size : int
        Elements of a window.
    stride : int, optional
        From one window to the next; default `kernel_size`.
    padding : int, a (lo, hi) pair nested as ``((lo, hi),)``, or a word, default 0
        An int may be at most half of what the kernel reaches. ``"valid"``: none. ``"same"``: output
        length ``ceil(W / stride)``, the odd element at the end; ``"same_lower"``: at the start.
    ceil_mode : bool, default False
        Round the number of windows up: the last one may hang over, but starts inside the input or
        the padding before it. What hangs over is never counted.
    count_include_pad : bool, default True
        Whether the divisor counts the elements of the padding. If not, a window without any element
        of the input gives NaN.
    divisor_override : int, optional
        Divide by this instead.
    dilation : int, default 1
        From one element of a window to the next.
    threads : int, optional
        OpenMP threads of this call; default `fastconv.get_num_threads()`. Never changes a result.
    out : writable array of the result's shape and dtype, optional
        Written and returned. It may overlap the input.
    data_format : {"channels_first", "channels_last"}
        ``"channels_last"`` means (N, W, C), for input and result.

    Returns
    -------
    y : (N, C, W'), the dtype of input
        ``W' = (W + lo + hi - dilation*(kernel_size-1) - 1) // stride + 1``.

    Raises
    ------
    TypeError
        If the dtype is neither float32 nor float64; nothing is cast.
    ValueError
        If the sizes do not fit together; the message names them.

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


def avg_pool2d(
    input: NDArray[Float], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False, count_include_pad: bool = True, divisor_override: int | None = None,
    *, dilation: PerAxis = 1, threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the mean of each window of a batch of images: its sum, divided by its elements.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W), float32 or float64
        Without N it is one sample, and the result has no N either.
    kernel_size, stride, dilation : int or (int, int)
        Per axis (height, width), in pixels; the stride is by default the kernel size.
    padding : int, (int, int), ((lo, hi), (lo, hi)) or a word, default 0
        Per axis. Ints may be at most half of what the kernel reaches. ``"valid"``: none.
        ``"same"``: output lengths ``ceil(n / stride)``, the odd pixel at the end; ``"same_lower"``:
        at the start.
    ceil_mode, count_include_pad, divisor_override, threads, out
        As in `avg_pool1d`.
    data_format : {"channels_first", "channels_last"}
        ``"channels_last"`` means (N, H, W, C), for input and result.

    Returns
    -------
    y : (N, C, H', W'), the dtype of input
        Lengths as in `avg_pool1d`.

    Raises
    ------
    TypeError, ValueError
        As in `avg_pool1d`.

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


def sum_pool1d(
    input: NDArray[Number], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False, *, dilation: PerAxis = 1, threads: int | None = None,
    out: NDArray[Number] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Number]:  # fmt: skip
    """Return the sum of each window of a batch of signals.

    Arguments, result and errors are those of `avg_pool1d`; the integer dtypes are taken too, and
    wrap around.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.sum_pool1d(np.array([[1, 2, 3, 4]]), 2, stride=1)
    array([[3, 5, 7]])
    """
    return _native.sum_pool(
        1, input, (kernel_size, stride, padding, dilation, ceil_mode), threads, out, data_format
    )


def sum_pool2d(
    input: NDArray[Number], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0,
    ceil_mode: bool = False, *, dilation: PerAxis = 1, threads: int | None = None,
    out: NDArray[Number] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Number]:  # fmt: skip
    """Return the sum of each window of a batch of images.

    Arguments, result and errors are those of `avg_pool2d`; the integer dtypes are taken too, and
    wrap around.

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


def lp_pool1d(
    input: NDArray[Float], norm_type: float, kernel_size: PerAxis, stride: PerAxis | None = None,
    ceil_mode: bool = False, *, padding: Padding = 0, dilation: PerAxis = 1,
    threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the p-norm of each window of a batch of signals: ``(sum |x|**p)**(1/p)``.

    This is the definition of ONNX, which differs from PyTorch's in the absolute value.

    Parameters
    ----------
    input : (N, C, W) or (C, W), float32 or float64
    norm_type : float
        The p, greater than 0; of infinity the largest ``|x|``.
    kernel_size, stride, ceil_mode, padding, dilation, threads, out, data_format
        As in `avg_pool1d`.

    Returns
    -------
    y : (N, C, W'), the dtype of input
        Lengths as in `avg_pool1d`.

    Raises
    ------
    TypeError, ValueError
        As in `avg_pool1d`; a ValueError also if `norm_type` is not positive.

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


def lp_pool2d(
    input: NDArray[Float], norm_type: float, kernel_size: PerAxis, stride: PerAxis | None = None,
    ceil_mode: bool = False, *, padding: Padding = 0, dilation: PerAxis = 1,
    threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the p-norm of each window of a batch of images: ``(sum |x|**p)**(1/p)``.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W), float32 or float64
    norm_type : float
        The p, greater than 0; of infinity the largest ``|x|``.
    kernel_size, stride, ceil_mode, padding, dilation, threads, out, data_format
        As in `avg_pool2d`.

    Returns
    -------
    y : (N, C, H', W'), the dtype of input
        Lengths as in `avg_pool1d`.

    Raises
    ------
    TypeError, ValueError
        As in `lp_pool1d`.

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
        entries. Two are (C, W). With channels last if `data_format` says so.
    kernel_size, stride, padding, dilation, ceil_mode, data_format
        Those of the pool.

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
