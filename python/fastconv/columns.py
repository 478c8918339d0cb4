"""Windows of an image as columns (im2col), and back (col2im)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fastconv import _native
from fastconv._docs import completed_by

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from fastconv.typing import ConvPadding, DataFormat, Float, PerAxis

__all__ = ["fold", "unfold"]


def unfold(
    input: NDArray[Float],
    kernel_size: PerAxis,
    dilation: PerAxis = 1,
    padding: ConvPadding = 0,
    stride: PerAxis = 1,
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:
    """Copy every window of an image into a column (im2col).

    A convolution of this geometry has ``L = oh * ow`` windows, and column ``l`` holds that at
    ``(l // ow, l % ow)``, so that ``weight.reshape(C_out, -1) @ unfold(input, ...)`` is the
    convolution.

    Parameters
    ----------
    input : array_like
        Images ``(N, C, H, W)``, or one ``(C, H, W)``; float32 or float64.
    kernel_size : int or (int, int)
        Lengths of a window, ``(kh, kw)``, in pixels.
    dilation : int or (int, int), default 1
        From one element of a window to the next, per axis (height, width), in pixels.
    padding : int, (int, int), ((lo, hi), (lo, hi)) or a word, default 0
        Zeros before and after each axis. ``"valid"``: none. ``"same"``: as many as make
        ``ceil(n / stride)`` windows, the odd pixel at the end; ``"same_lower"``: the odd pixel at
        the start. ``"full"``: ``dilation * (k - 1)`` on every side.
    stride : int or (int, int), default 1
        From one window to the next, per axis, in pixels.
    threads : int, optional
        OpenMP threads of this call, from 1 to 1024; by default `fastconv.get_num_threads()`. The
        result has the same bits whatever their number.
    out : ndarray, optional
        A writable array of the result's shape and dtype to write into.
    data_format : {"channels_first", "channels_last"}, default "channels_first"
        With channels last, images are ``(N, H, W, C)`` and columns ``(N, L, C*kh*kw)``; the order
        of the rows, ``(C, kh, kw)``, stays.

    Returns
    -------
    ndarray
        ``(N, C*kh*kw, L)``, or ``(C*kh*kw, L)`` for one image.

    Raises
    ------
    TypeError
        If the dtype is neither float32 nor float64, or an argument has the wrong type.
    ValueError
        If a shape or size does not fit; the message says which.

    See Also
    --------
    fold : The adjoint, which adds columns up into an image.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.unfold(np.array([[[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]]), 2)
    array([[1., 2.],
           [2., 3.],
           [4., 5.],
           [5., 6.]])
    """
    return _native.unfold(input, kernel_size, dilation, padding, stride, threads, out, data_format)


@completed_by(unfold)
def fold(
    input: NDArray[Float],
    output_size: PerAxis,
    kernel_size: PerAxis,
    dilation: PerAxis = 1,
    padding: ConvPadding = 0,
    stride: PerAxis = 1,
    *,
    threads: int | None = None,
    out: NDArray[Float] | None = None,
    data_format: DataFormat = "channels_first",
) -> NDArray[Float]:
    """Add every column to the window of an image that it stands for (col2im).

    The adjoint of `unfold`: where windows overlap, their elements are added up.

    Parameters
    ----------
    input : array_like
        Columns ``(N, C*kh*kw, L)``, or ``(C*kh*kw, L)`` for one image; float32 or float64.
    output_size : int or (int, int)
        The image, ``(H, W)``; ``L`` must be the number of its windows.

    Returns
    -------
    ndarray
        ``(N, C, H, W)``, or ``(C, H, W)`` for one image.

    See Also
    --------
    unfold : Its adjoint, which copies windows into columns.

    Examples
    --------
    >>> import numpy as np, fastconv
    >>> fastconv.fold(np.array([[1.0, 2.0], [2.0, 3.0], [4.0, 5.0], [5.0, 6.0]]), (2, 3), 2)
    array([[[ 1.,  4.,  3.],
            [ 4., 10.,  6.]]])
    """
    return _native.fold(
        input, output_size, kernel_size, dilation, padding, stride, threads, out, data_format
    )
