"""Pools that keep an element of each window: max and min."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from fastconv import _native
from fastconv._docs import completed_by

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fastconv.typing import DataFormat, Number, Padding, PerAxis

__all__ = ["max_pool1d", "max_pool2d", "min_pool1d", "min_pool2d"]


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
    lowest integer. Names, order and meaning of the arguments are those of
    ``torch.nn.functional.max_pool2d``; those behind the star are fastconv's own.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W), float32, float64 or an integer dtype
        The images. Without N it is one sample, and the result has no N either.
    kernel_size : int or (int, int)
        Lengths of a window, per axis (height, width), in pixels.
    stride : int or (int, int), optional
        From one window to the next, per axis, in pixels. None or an empty sequence: the kernel
        size, so that windows tile the image.
    padding : int, (int, int), ((lo, hi), (lo, hi)) or a word, default 0
        Pixels before and after each axis. An int may be at most half of what the kernel reaches;
        a pair may be larger. ``"valid"``: none. ``"same"``: as many as make the output lengths
        ``ceil(n / stride)``, the odd pixel at the end; ``"same_lower"``: the odd pixel at the
        start.
    dilation : int or (int, int), default 1
        From one element of a window to the next, per axis, in pixels.
    ceil_mode : bool, default False
        Round the number of windows up: the last one may hang over the end, but starts inside the
        input or the padding before it.
    return_indices : bool, default False
        Also return the place ``h * W + w`` of each element in its plane: in the order of rows, the
        first of equals, but the last NaN. `fastconv.grad.max_pool2d_input` and `max_unpool2d` need
        them.
    threads : int, optional
        OpenMP threads of this call, from 1 to 1024; by default `fastconv.get_num_threads()`. The
        result has the same bits whatever their number.
    out : writable array of the result's shape and dtype, optional
        Written and returned. It may overlap an input. A slice of channels of a larger array is
        written without a temporary.
    data_format : {"channels_first", "channels_last"}, default "channels_first"
        The order of axes. ``"channels_last"`` means (N, H, W, C) for every array, also without N.

    Returns
    -------
    y : (N, C, H', W'), the dtype of input
        ``H' = (H + lo + hi - dilation*(KH - 1) - 1) // stride + 1``, and W' likewise
        (`fastconv.pool_output_shape` tells them without pooling).
    indices : the shape of y, int64
        Only with `return_indices`.

    Raises
    ------
    TypeError
        If the dtype is none of these (nothing is cast), or another argument has the wrong type.
    ValueError
        If sizes do not fit together, a number is out of range, a word is unknown, or indices are
        asked for where a window holds no element of the input. The message names the argument.

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
@completed_by(max_pool2d)
def max_pool1d(
    input: NDArray[Number], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1, ceil_mode: bool = False, return_indices: bool = False, *,
    threads: int | None = None, out: NDArray[Number] | None = None,
    data_format: DataFormat = "channels_first",
) -> Any:  # fmt: skip
    """Return the largest element of each window of a batch of signals: as `max_pool2d`, one axis.

    Parameters
    ----------
    input : (N, C, W) or (C, W), float32, float64 or an integer dtype
        The signals, or one without N.
    kernel_size : int
        Elements of a window.
    stride : int, optional
        From one window to the next. None or an empty sequence: the kernel size.
    padding : int, a (lo, hi) pair nested as ``((lo, hi),)``, or a word, default 0
        Elements before and after: an int may be at most half of what the kernel reaches.
        ``"valid"``: none. ``"same"``: output length ``ceil(W / stride)``, the odd element at the
        end; ``"same_lower"``: at the start.
    dilation : int, default 1
        From one element of a window to the next.
    ceil_mode : bool, default False
        Round the number of windows up: the last one may hang over the end.
    return_indices : bool, default False
        Also return where in the signal each element was: the first of equals, but the last NaN.
    threads : int, optional
        OpenMP threads of this call; by default `fastconv.get_num_threads()`.
    out : writable array of the result's shape and dtype, optional
        Written and returned. It may overlap an input. A slice of channels of a larger array is
        written without a temporary.
    data_format : {"channels_first", "channels_last"}, default "channels_first"
        ``"channels_last"`` means (N, W, C) for every array.

    Returns
    -------
    y : (N, C, W'), the dtype of input
        ``W' = (W + lo + hi - dilation*(kernel_size - 1) - 1) // stride + 1``.
    indices : the shape of y, int64
        Only with `return_indices`.

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
@completed_by(max_pool2d)
def min_pool2d(
    input: NDArray[Number], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1, ceil_mode: bool = False, return_indices: bool = False, *,
    threads: int | None = None, out: NDArray[Number] | None = None,
    data_format: DataFormat = "channels_first",
) -> Any:  # fmt: skip
    """Return the smallest element of each window of a batch of images.

    NaN wins here, too. Padding never wins: a window that holds nothing else gives +Inf, or the
    highest integer. Otherwise as `max_pool2d`, with the order reversed.

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
@completed_by(max_pool1d)
def min_pool1d(
    input: NDArray[Number], kernel_size: PerAxis, stride: PerAxis | None = None,
    padding: Padding = 0,
    dilation: PerAxis = 1, ceil_mode: bool = False, return_indices: bool = False, *,
    threads: int | None = None, out: NDArray[Number] | None = None,
    data_format: DataFormat = "channels_first",
) -> Any:  # fmt: skip
    """Return the smallest element of each window of a batch of signals.

    NaN wins here, too. Padding never wins: a window that holds nothing else gives +Inf, or the
    highest integer. Otherwise as `max_pool1d`, with the order reversed.

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
