"""Pools into a given number of windows, adaptive pools, or into one, global pools."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, overload

from fastconv import _native
from fastconv._docs import completed_by
from fastconv.max_pool import max_pool1d, max_pool2d

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from fastconv.typing import DataFormat, Float, Number, OutputSize

__all__ = [
    "adaptive_avg_pool1d",
    "adaptive_avg_pool2d",
    "adaptive_max_pool1d",
    "adaptive_max_pool2d",
    "global_avg_pool1d",
    "global_avg_pool2d",
    "global_max_pool1d",
    "global_max_pool2d",
    "global_sum_pool1d",
    "global_sum_pool2d",
]


@completed_by(max_pool2d, "threads", "out", "data_format")
def adaptive_avg_pool2d(
    input: NDArray[Float], output_size: OutputSize, *, threads: int | None = None,
    out: NDArray[Float] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the means of windows, in number `output_size`, that cover each image evenly.

    Of o windows along an axis of n pixels, number i holds those from ``floor(i*n/o)`` to
    ``ceil((i+1)*n/o)``, so that neighbours overlap where o does not divide n.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W), float32 or float64
        The images. Without N it is one sample, and the result has no N either.
    output_size : int, None or a sequence of two of them
        The number of windows per axis (height, width), also more than there are pixels; 0 gives an
        empty result, None as many as pixels.

    Returns
    -------
    y : (N, C, H', W'), the dtype of input
        ``(H', W')`` is `output_size`.

    Raises
    ------
    TypeError
        If the dtype is not supported (nothing is cast), or another argument has the wrong type.
    ValueError
        If `output_size` is negative or too large to address, or the input has no element.

    References
    ----------
    .. [1] He, Zhang, Ren, Sun, "Spatial Pyramid Pooling in Deep Convolutional Networks for Visual
       Recognition", ECCV 2014.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.adaptive_avg_pool2d(np.arange(12.0).reshape(1, 3, 4), (1, None))
    array([[[4., 5., 6., 7.]]])
    """
    return _native.adaptive_avg_pool(2, input, output_size, threads, out, data_format)


@completed_by(adaptive_avg_pool2d)
@completed_by(max_pool1d, "threads", "out", "data_format")
def adaptive_avg_pool1d(
    input: NDArray[Float], output_size: OutputSize, *, threads: int | None = None,
    out: NDArray[Float] | None = None, data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the means of windows that cover each signal evenly: `adaptive_avg_pool2d`, one axis.

    Parameters
    ----------
    input : (N, C, W) or (C, W), float32 or float64
        The signals, or one without N.
    output_size : int or None
        The number of windows, also more than W; 0 gives an empty result, None as many as elements.

    Returns
    -------
    y : (N, C, output_size), the dtype of input

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.adaptive_avg_pool1d(np.array([[1.0, 2.0, 3.0, 4.0, 5.0]]), 2)
    array([[2., 4.]])
    """
    return _native.adaptive_avg_pool(1, input, output_size, threads, out, data_format)


@overload
def adaptive_max_pool2d(
    input: NDArray[Number], output_size: OutputSize, return_indices: Literal[False] = False, *,
    threads: int | None = None, out: NDArray[Number] | None = None, data_format: DataFormat = ...,
) -> NDArray[Number]: ...  # fmt: skip
@overload
def adaptive_max_pool2d(
    input: NDArray[Number], output_size: OutputSize, return_indices: Literal[True], *,
    threads: int | None = None, out: NDArray[Number] | None = None, data_format: DataFormat = ...,
) -> tuple[NDArray[Number], NDArray[np.int64]]: ...  # fmt: skip
@overload
def adaptive_max_pool2d(
    input: NDArray[Number], output_size: OutputSize, return_indices: bool = False, *,
    threads: int | None = None, out: NDArray[Number] | None = None, data_format: DataFormat = ...,
) -> Any: ...  # fmt: skip
@completed_by(adaptive_avg_pool2d)
@completed_by(max_pool2d, "return_indices")
def adaptive_max_pool2d(
    input: NDArray[Number], output_size: OutputSize, return_indices: bool = False, *,
    threads: int | None = None, out: NDArray[Number] | None = None,
    data_format: DataFormat = "channels_first",
) -> Any:  # fmt: skip
    """Return the largest elements of windows, in number `output_size`, that cover images evenly.

    The windows are those of `adaptive_avg_pool2d`. NaN wins over all.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W), float32, float64 or an integer dtype
        The images. Without N it is one sample, and the result has no N either.

    Returns
    -------
    y : (N, C, H', W'), the dtype of input
        ``(H', W')`` is `output_size`.
    indices : the shape of y, int64
        Only with `return_indices`.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.adaptive_max_pool2d(np.arange(12).reshape(1, 3, 4), (1, 2))
    array([[[ 9, 11]]])
    """
    return _native.adaptive_max_pool(
        2, input, output_size, return_indices, threads, out, data_format
    )


@overload
def adaptive_max_pool1d(
    input: NDArray[Number], output_size: OutputSize, return_indices: Literal[False] = False, *,
    threads: int | None = None, out: NDArray[Number] | None = None, data_format: DataFormat = ...,
) -> NDArray[Number]: ...  # fmt: skip
@overload
def adaptive_max_pool1d(
    input: NDArray[Number], output_size: OutputSize, return_indices: Literal[True], *,
    threads: int | None = None, out: NDArray[Number] | None = None, data_format: DataFormat = ...,
) -> tuple[NDArray[Number], NDArray[np.int64]]: ...  # fmt: skip
@overload
def adaptive_max_pool1d(
    input: NDArray[Number], output_size: OutputSize, return_indices: bool = False, *,
    threads: int | None = None, out: NDArray[Number] | None = None, data_format: DataFormat = ...,
) -> Any: ...  # fmt: skip
@completed_by(adaptive_avg_pool1d)
@completed_by(max_pool1d, "return_indices")
def adaptive_max_pool1d(
    input: NDArray[Number], output_size: OutputSize, return_indices: bool = False, *,
    threads: int | None = None, out: NDArray[Number] | None = None,
    data_format: DataFormat = "channels_first",
) -> Any:  # fmt: skip
    """Return the largest elements of windows that cover each signal evenly, in one axis.

    The windows are those of `adaptive_avg_pool1d`. NaN wins over all.

    Parameters
    ----------
    input : (N, C, W) or (C, W), float32, float64 or an integer dtype
        The signals, or one without N.

    Returns
    -------
    y : (N, C, output_size), the dtype of input
    indices : the shape of y, int64
        Only with `return_indices`.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.adaptive_max_pool1d(np.array([[1, 5, 2, 4, 3]]), 2, return_indices=True)
    (array([[5, 4]]), array([[1, 3]]))
    """
    return _native.adaptive_max_pool(
        1, input, output_size, return_indices, threads, out, data_format
    )


@completed_by(adaptive_avg_pool2d)
def global_avg_pool2d(
    input: NDArray[Float], *, threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the mean of each image's channel; the spatial axes stay, of length 1.

    Returns
    -------
    y : (N, C, 1, 1), the dtype of input
        Added up in float64.

    Raises
    ------
    TypeError
        If the dtype is not supported (nothing is cast), or another argument has the wrong type.
    ValueError
        If the input has no element, or `out` another shape.

    References
    ----------
    .. [1] Lin, Chen, Yan, "Network In Network", ICLR 2014.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.global_avg_pool2d(np.arange(8.0).reshape(2, 2, 2)).ravel()
    array([1.5, 5.5])
    """
    return _native.adaptive_avg_pool(2, input, 1, threads, out, data_format)


@completed_by(global_avg_pool2d)
@completed_by(adaptive_avg_pool1d, "input", "threads", "out", "data_format")
def global_avg_pool1d(
    input: NDArray[Float], *, threads: int | None = None, out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:  # fmt: skip
    """Return the mean of each signal; its axis stays, of length 1.

    Returns
    -------
    y : (N, C, 1), the dtype of input
        Added up in float64.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.global_avg_pool1d(np.array([[1.0, 2.0, 6.0]]))
    array([[3.]])
    """
    return _native.adaptive_avg_pool(1, input, 1, threads, out, data_format)


@completed_by(global_avg_pool2d)
def global_max_pool2d(
    input: NDArray[Number], *, threads: int | None = None, out: NDArray[Number] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Number]:  # fmt: skip
    """Return the largest element of each image's channel, or NaN if there is one.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W), float32, float64 or an integer dtype
        The images, or one without N.

    Returns
    -------
    y : (N, C, 1, 1), the dtype of input

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.global_max_pool2d(np.arange(8).reshape(2, 2, 2)).ravel()
    array([3, 7])
    """
    return _native.adaptive_max_pool(2, input, 1, False, threads, out, data_format)


@completed_by(global_avg_pool1d)
def global_max_pool1d(
    input: NDArray[Number], *, threads: int | None = None, out: NDArray[Number] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Number]:  # fmt: skip
    """Return the largest element of each signal, or NaN if there is one; its axis stays.

    Parameters
    ----------
    input : (N, C, W) or (C, W), float32, float64 or an integer dtype
        The signals, or one without N.

    Returns
    -------
    y : (N, C, 1), the dtype of input

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.global_max_pool1d(np.array([[1, 6, 2]]))
    array([[6]])
    """
    return _native.adaptive_max_pool(1, input, 1, False, threads, out, data_format)


@completed_by(global_avg_pool2d)
def global_sum_pool2d(
    input: NDArray[Number], *, threads: int | None = None, out: NDArray[Number] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Number]:  # fmt: skip
    """Return the sum of each image's channel; integers wrap around.

    Parameters
    ----------
    input : (N, C, H, W) or (C, H, W), float32, float64 or an integer dtype
        The images, or one without N.

    Returns
    -------
    y : (N, C, 1, 1), the dtype of input

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.global_sum_pool2d(np.arange(8).reshape(2, 2, 2)).ravel()
    array([ 6, 22])
    """
    return _native.global_sum_pool(2, input, threads, out, data_format)


@completed_by(global_avg_pool1d)
def global_sum_pool1d(
    input: NDArray[Number], *, threads: int | None = None, out: NDArray[Number] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Number]:  # fmt: skip
    """Return the sum of each signal; integers wrap around.

    Parameters
    ----------
    input : (N, C, W) or (C, W), float32, float64 or an integer dtype
        The signals, or one without N.

    Returns
    -------
    y : (N, C, 1), the dtype of input

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.global_sum_pool1d(np.array([[1, 6, 2]]))
    array([[9]])
    """
    return _native.global_sum_pool(1, input, threads, out, data_format)
