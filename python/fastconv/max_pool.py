"""Pools that keep an element of each window: max and min, and the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from fastconv import _native

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fastconv.typing import DataFormat, Number, Padding, PerAxis


__all__ = ["max_pool1d", "max_pool2d", "max_unpool1d", "max_unpool2d", "min_pool1d", "min_pool2d"]


@overload
def max_pool1d(
    input: NDArray[Number], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1, ceil_mode: bool = False, return_indices: Literal[False] = False, *,
    threads: int | None = None, out: NDArray[Number] | None = None, data_format: DataFormat = ...,
) -> NDArray[Number]: ...  # fmt: skip
@overload
def max_pool1d(
    input: NDArray[Number], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1, ceil_mode: bool = False, *, return_indices: Literal[True],
    threads: int | None = None, out: NDArray[Number] | None = None, data_format: DataFormat = ...,
) -> tuple[NDArray[Number], NDArray[np.int64]]: ...  # fmt: skip
@overload
def max_pool1d(
    input: NDArray[Number], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1, ceil_mode: bool = False, return_indices: bool = False, *,
    threads: int | None = None, out: NDArray[Number] | None = None, data_format: DataFormat = ...,
) -> Any: ...  # fmt: skip
def max_pool1d(
    input: NDArray[Number], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1, ceil_mode: bool = False, return_indices: bool = False, *,
    threads: int | None = None, out: NDArray[Number] | None = None,
    data_format: DataFormat = "channels_first",
) -> Any:  # fmt: skip
    """Return the largest element of each window of a batch of signals.

    NaN wins over all. Padding never wins: a window that holds nothing else gives -Inf, or the
    lowest integer.

    Parameters
    ----------
    input : (N, C, W) or (C, W), float32, float64 or an integer dtype
        Without N it is one sample, and the result has no N either.
    kernel_size : int
        Elements of a window.
    stride : int, optional
        From one window to the next; default `kernel_size`.
    padding : int, a (lo, hi) pair nested as ``((lo, hi),)``, or a word, default 0
        An int may be at most half of what the kernel reaches. ``"valid"``: none. ``"same"``: output
        length ``ceil(W / stride)``, the odd element at the end; ``"same_lower"``: at the start.
    dilation : int, default 1
        From one element of a window to the next.
    ceil_mode : bool, default False
        Round the number of windows up: the last one may hang over, but starts inside the input or
        the padding before it.
    return_indices : bool, default False
        Also return where in the signal each element was: the first of equals, but the last NaN.
    threads : int, optional
        OpenMP threads of this call; default `fastconv.get_num_threads()`. Never changes a result.
    out : writable array of the result's shape and dtype, optional
        Written and returned. It may overlap the input.
    data_format : {"channels_first", "channels_last"}
        ``"channels_last"`` means (N, W, C), for input and results.

    Returns
    -------
    y : (N, C, W'), the dtype of input
        ``W' = (W + lo + hi - dilation*(kernel_size-1) - 1) // stride + 1``.
    indices : the shape of y, int64
        Only with `return_indices`.

    Raises
    ------
    TypeError
        If the dtype is none of these; nothing is cast.
    ValueError
        If the sizes do not fit together, or if indices are asked for where a window holds no
        element of the input.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.max_pool1d(np.array([[1, 3, 3, 2, 5]]), 2, ceil_mode=True, return_indices=True)
    (array([[3, 3, 5]]), array([[1, 2, 4]]))
    """
    return _native.extreme_pool(
        1, False, input, (kernel_size, stride, padding, dilation, ceil_mode), return_indices,
        threads, out, data_format,
    )  # fmt: skip


@overload
def max_pool2d(
    input: NDArray[Number], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1, ceil_mode: bool = False, return_indices: Literal[False] = False, *,
    threads: int | None = None, out: NDArray[Number] | None = None, data_format: DataFormat = ...,
) -> NDArray[Number]: ...  # fmt: skip
@overload
def max_pool2d(
    input: NDArray[Number], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1, ceil_mode: bool = False, *, return_indices: Literal[True],
    threads: int | None = None, out: NDArray[Number] | None = None, data_format: DataFormat = ...,
) -> tuple[NDArray[Number], NDArray[np.int64]]: ...  # fmt: skip
@overload
def max_pool2d(
    input: NDArray[Number], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1, ceil_mode: bool = False, return_indices: bool = False, *,
    threads: int | None = None, out: NDArray[Number] | None = None, data_format: DataFormat = ...,
) -> Any: ...  # fmt: skip
def max_pool2d(
    input: NDArray[Number], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1, ceil_mode: bool = False, return_indices: bool = False, *,
    threads: int | None = None, out: NDArray[Number] | None = None,
    data_format: DataFormat = "channels_first",
) -> Any:  # fmt: skip
    """Return the largest element of each window of a batch of images.

    NaN wins over all. Padding never wins: a window that holds nothing else gives -Inf, or the
    lowest integer.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W), float32, float64 or an integer dtype
        Without N it is one sample, and the result has no N either.
    kernel_size, stride, dilation : int or (int, int)
        Per axis (height, width), in pixels; the stride is by default the kernel size.
    padding : int, (int, int), ((lo, hi), (lo, hi)) or a word, default 0
        Per axis. Ints may be at most half of what the kernel reaches. ``"valid"``: none.
        ``"same"``: output lengths ``ceil(n / stride)``, the odd pixel at the end; ``"same_lower"``:
        at the start.
    ceil_mode, threads, out
        As in `max_pool1d`.
    return_indices : bool, default False
        Also return the place ``h * W + w`` of each element in its plane: in the order of rows, the
        first of equals, but the last NaN.
    data_format : {"channels_first", "channels_last"}
        ``"channels_last"`` means (N, H, W, C), for input and results.

    Returns
    -------
    y : (N, C, H', W'), the dtype of input
        Lengths as in `max_pool1d`.
    indices : the shape of y, int64
        Only with `return_indices`.

    Raises
    ------
    TypeError, ValueError
        As in `max_pool1d`.

    References
    ----------
    .. [1] Ranzato, Huang, Boureau, LeCun, "Unsupervised Learning of Invariant Feature Hierarchies",
       CVPR 2007.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.max_pool2d(np.arange(16).reshape(1, 4, 4), 2)
    array([[[ 5,  7],
            [13, 15]]])
    """
    return _native.extreme_pool(
        2, False, input, (kernel_size, stride, padding, dilation, ceil_mode), return_indices,
        threads, out, data_format,
    )  # fmt: skip


@overload
def min_pool1d(
    input: NDArray[Number], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1, ceil_mode: bool = False, return_indices: Literal[False] = False, *,
    threads: int | None = None, out: NDArray[Number] | None = None, data_format: DataFormat = ...,
) -> NDArray[Number]: ...  # fmt: skip
@overload
def min_pool1d(
    input: NDArray[Number], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1, ceil_mode: bool = False, *, return_indices: Literal[True],
    threads: int | None = None, out: NDArray[Number] | None = None, data_format: DataFormat = ...,
) -> tuple[NDArray[Number], NDArray[np.int64]]: ...  # fmt: skip
@overload
def min_pool1d(
    input: NDArray[Number], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1, ceil_mode: bool = False, return_indices: bool = False, *,
    threads: int | None = None, out: NDArray[Number] | None = None, data_format: DataFormat = ...,
) -> Any: ...  # fmt: skip
def min_pool1d(
    input: NDArray[Number], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1, ceil_mode: bool = False, return_indices: bool = False, *,
    threads: int | None = None, out: NDArray[Number] | None = None,
    data_format: DataFormat = "channels_first",
) -> Any:  # fmt: skip
    """Return the smallest element of each window of a batch of signals.

    Arguments, results and errors are those of `max_pool1d`, with the order reversed. NaN wins here
    too; a window without any element of the input gives +Inf, or the highest integer.

    Parameters
    ----------
    input : (N, C, W) or (C, W), float32, float64 or an integer dtype
    kernel_size, stride, padding, dilation, ceil_mode, return_indices, threads, out, data_format
        As in `max_pool1d`.

    Returns
    -------
    y : as `max_pool1d` returns it, with its indices if `return_indices`

    Raises
    ------
    TypeError, ValueError
        As `max_pool1d` does.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.min_pool1d(np.array([[3, 1, 4, 1, 5]]), 3, 1)
    array([[1, 1, 1]])
    """
    return _native.extreme_pool(
        1, True, input, (kernel_size, stride, padding, dilation, ceil_mode), return_indices,
        threads, out, data_format,
    )  # fmt: skip


@overload
def min_pool2d(
    input: NDArray[Number], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1, ceil_mode: bool = False, return_indices: Literal[False] = False, *,
    threads: int | None = None, out: NDArray[Number] | None = None, data_format: DataFormat = ...,
) -> NDArray[Number]: ...  # fmt: skip
@overload
def min_pool2d(
    input: NDArray[Number], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1, ceil_mode: bool = False, *, return_indices: Literal[True],
    threads: int | None = None, out: NDArray[Number] | None = None, data_format: DataFormat = ...,
) -> tuple[NDArray[Number], NDArray[np.int64]]: ...  # fmt: skip
@overload
def min_pool2d(
    input: NDArray[Number], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1, ceil_mode: bool = False, return_indices: bool = False, *,
    threads: int | None = None, out: NDArray[Number] | None = None, data_format: DataFormat = ...,
) -> Any: ...  # fmt: skip
def min_pool2d(
    input: NDArray[Number], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1, ceil_mode: bool = False, return_indices: bool = False, *,
    threads: int | None = None, out: NDArray[Number] | None = None,
    data_format: DataFormat = "channels_first",
) -> Any:  # fmt: skip
    """Return the smallest element of each window of a batch of images.

    Arguments, results and errors are those of `max_pool2d`, with the order reversed. NaN wins here
    too; a window without any element of the input gives +Inf, or the highest integer.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W), float32, float64 or an integer dtype
    kernel_size, stride, padding, dilation, ceil_mode, return_indices, threads, out, data_format
        As in `max_pool2d`.

    Returns
    -------
    y : as `max_pool2d` returns it, with its indices if `return_indices`

    Raises
    ------
    TypeError, ValueError
        As `max_pool2d` does.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.min_pool2d(np.arange(16).reshape(1, 4, 4), 2)
    array([[[ 0,  2],
            [ 8, 10]]])
    """
    return _native.extreme_pool(
        2, True, input, (kernel_size, stride, padding, dilation, ceil_mode), return_indices,
        threads, out, data_format,
    )  # fmt: skip


def max_unpool1d(
    input: NDArray[Number], indices: NDArray[np.int64], kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0, output_size: PerAxis | None = None, *, threads: int | None = None,
    out: NDArray[Number] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Number]:  # fmt: skip
    """Put each element where `max_pool1d` had it from, with zeros elsewhere.

    Parameters
    ----------
    input : (N, C, W) or (C, W), float32, float64 or an integer dtype
        What the pool returned, or anything in its place.
    indices : the shape of input, int64
        Where each element goes; the last of duplicates wins.
    kernel_size, stride, padding
        Those of the pool; from them follows the length of the result.
    output_size : int, or the full shape of the result, optional
        The length, where the pool left a remainder: less than one stride from the default
        ``(W - 1)*stride + kernel_size - lo - hi``.
    threads, out, data_format
        As in `max_pool1d`.

    Returns
    -------
    y : (N, C, W'), the dtype of input

    Raises
    ------
    IndexError
        If an index is outside the result; the message says which.
    TypeError
        If indices are not int64.
    ValueError
        If the sizes do not fit together.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.max_unpool1d(np.array([[3.0, 5.0]]), np.array([[1, 2]]), 2)
    array([[0., 3., 5., 0.]])
    """
    return _native.max_unpool(
        1, input, indices, kernel_size, stride, padding, output_size, threads, out, data_format
    )


def max_unpool2d(
    input: NDArray[Number], indices: NDArray[np.int64], kernel_size: PerAxis,
    stride: PerAxis | None = None,
    padding: Padding = 0, output_size: PerAxis | None = None, *, threads: int | None = None,
    out: NDArray[Number] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Number]:  # fmt: skip
    """Put each element where `max_pool2d` had it from, with zeros elsewhere.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W), float32, float64 or an integer dtype
        What the pool returned, or anything in its place.
    indices : the shape of input, int64
        The place ``h * W' + w`` of each element in its plane of the result; the last of duplicates
        wins.
    kernel_size, stride, padding
        Those of the pool; from them follows the shape of the result.
    output_size : (int, int), or the full shape of the result, optional
        The spatial lengths, each less than one stride from the default.
    threads, out, data_format
        As in `max_pool2d`.

    Returns
    -------
    y : (N, C, H', W'), the dtype of input

    Raises
    ------
    IndexError, TypeError, ValueError
        As in `max_unpool1d`.

    References
    ----------
    .. [1] Zeiler and Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.max_unpool2d(np.array([[[4.0]]]), np.array([[[3]]]), 2)
    array([[[0., 0.],
            [0., 4.]]])
    """
    return _native.max_unpool(
        2, input, indices, kernel_size, stride, padding, output_size, threads, out, data_format
    )
